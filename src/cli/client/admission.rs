//! Whom a new client admits, as options.

use clap::Args;

use super::choice;
use crate::protocol::admission::{Administrations, AdmissionRules, Branch, Population};

/// Each may be repeated or separated by commas; an agent of any of these administrations is admitted.
#[derive(Debug, Args)]
pub struct AdmissionArgs {
    /// Admit agents of the public body of this SIREN.
    #[arg(long = "admit-siren", value_name = "SIREN", value_delimiter = ',')]
    siren: Vec<String>,
    /// Admit agents whose e-mail address is at this domain or below it.
    #[arg(long = "admit-email-domain", value_name = "DOMAIN", value_delimiter = ',')]
    email_domains: Vec<String>,
    /// Admit agents of this homeserver.
    #[arg(long = "admit-homeserver", value_name = "NAME", value_delimiter = ',')]
    homeservers: Vec<String>,
    /// Admit agents of this public service: etat, territoriale or hospitaliere.
    #[arg(long = "admit-branch", value_name = "BRANCH", value_delimiter = ',', value_parser = choice::<Branch>)]
    branches: Vec<Branch>,
    /// Admit this population only: agent (of a known administration) or partenaire (guests).
    #[arg(long = "admit-population", value_name = "POPULATION", value_delimiter = ',')]
    #[arg(value_parser = choice::<Population>)]
    populations: Vec<Population>,
}

impl From<AdmissionArgs> for AdmissionRules {
    fn from(args: AdmissionArgs) -> Self {
        Self {
            administrations: Administrations {
                siren: args.siren.into_iter().collect(),
                email_domains: args.email_domains.into_iter().collect(),
                homeservers: args.homeservers.into_iter().collect(),
                branches: args.branches.into_iter().collect(),
            },
            populations: args.populations.into_iter().collect(),
        }
    }
}
