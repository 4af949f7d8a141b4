//! What an agent whom a service does not admit is told: whom it admits, as far as that is no secret, and whom to ask.

use std::collections::BTreeSet;

use crate::app::App;
use crate::domain::admission::Refusal;
use crate::protocol::client::Client;
use crate::store::StoreError;
use crate::web::i18n::Text;
use crate::web::pages;

/// How many of those admitted a page names.
const MAX_NAMED: usize = 12;

/// What the page adds to its reason.
#[derive(Default)]
pub struct Explanation {
    /// Names of what is admitted; the last one says when there are more.
    pub admitted: Vec<String>,
    /// Addresses of those who decide.
    pub contacts: Vec<String>,
}

/// Explains a refusal by this client.
pub async fn explain(app: &App, client: &Client, refusal: Refusal, text: Text) -> Result<Explanation, StoreError> {
    let names = match refusal {
        Refusal::Administration => administrations(app, client, text).await?,
        Refusal::Population => populations(client, text),
        _ => BTreeSet::new(),
    };
    let more = names.len() > MAX_NAMED;
    let mut admitted: Vec<_> = names.into_iter().take(MAX_NAMED).collect();
    admitted.extend(more.then(|| pages::more_admitted(text)));
    // Nobody vouches for what a client that registered itself says.
    let contacts = match client.self_registered {
        true => Vec::new(),
        false => client.presentation.contacts.clone(),
    };
    Ok(Explanation { admitted, contacts })
}

async fn administrations(app: &App, client: &Client, text: Text) -> Result<BTreeSet<String>, StoreError> {
    let rules = &client.admission.administrations;
    let known = app.store.list_administrations().await?;
    let homeservers = app.store.list_homeservers().await?;
    let mut names = BTreeSet::new();
    for siren in &rules.siren {
        let of_siren: Vec<_> = known.iter().filter(|row| row.siren.as_ref() == Some(siren)).collect();
        names.extend(of_siren.iter().map(|row| row.name.clone()));
        names.extend(of_siren.is_empty().then(|| format!("SIREN {siren}")));
    }
    for domain in &rules.email_domains {
        names.insert(format!("@{domain}"));
    }
    let listed = homeservers
        .into_iter()
        .filter(|one| rules.homeservers.contains(&one.name));
    names.extend(listed.map(|homeserver| homeserver.label));
    names.extend(rules.branches.iter().map(|branch| pages::branch(*branch, text)));
    Ok(names)
}

fn populations(client: &Client, text: Text) -> BTreeSet<String> {
    let populations = client.admission.populations.iter();
    populations
        .map(|population| pages::population(*population, text))
        .collect()
}
