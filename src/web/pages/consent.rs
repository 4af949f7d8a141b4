//! The consent page: which service receives which data, in words, with the values.

use askama::Template;
use time::OffsetDateTime;

use super::{Layout, Service, filters};
use crate::web::i18n::{Language, Text};

/// Asks the agent to agree. Posts `shown` as given, and `answer=accept` or `answer=refuse`.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    pub layout: Layout,
    pub service: Service,
    pub action: String,
    pub agent_name: String,
    pub items: Vec<ConsentItem>,
    /// What this page shows, for the handler to compare with what it grants.
    pub shown: String,
}

/// One datum that the service receives, with its value as in the claim; or something that it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentItem {
    pub kind: ConsentKind,
    /// As in the claim; empty for identifiers, which mean nothing to a reader. Lists are separated by spaces, times
    /// are Unix seconds.
    pub value: String,
}

/// What a datum or a power is, in an agent's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentKind {
    Name,
    GivenName,
    FamilyName,
    PreferredUsername,
    Email,
    /// `sub` or `uid`, different for each service (pairwise).
    Subject,
    /// `sub` or `uid` of a client with the subject type `public`.
    PublicSubject,
    TchapUserId,
    Homeserver,
    /// `tchap_guest`: `true` or `false`.
    Guest,
    AdministrationDomain,
    AdministrationName,
    Siren,
    Siret,
    OrganizationalUnit,
    /// `belonging_population`.
    Population,
    Roles,
    /// A language tag.
    Locale,
    /// Unix seconds.
    UpdatedAt,
    /// The service may act at another one in the agent's name; the value names it.
    Resource,
    /// `offline_access`: the service keeps its access while the agent is away. Without a value.
    OfflineAccess,
}

impl ConsentKind {
    pub const ALL: [ConsentKind; 21] = [
        ConsentKind::Name,
        ConsentKind::GivenName,
        ConsentKind::FamilyName,
        ConsentKind::PreferredUsername,
        ConsentKind::Email,
        ConsentKind::Subject,
        ConsentKind::PublicSubject,
        ConsentKind::TchapUserId,
        ConsentKind::Homeserver,
        ConsentKind::Guest,
        ConsentKind::AdministrationDomain,
        ConsentKind::AdministrationName,
        ConsentKind::Siren,
        ConsentKind::Siret,
        ConsentKind::OrganizationalUnit,
        ConsentKind::Population,
        ConsentKind::Roles,
        ConsentKind::Locale,
        ConsentKind::UpdatedAt,
        ConsentKind::Resource,
        ConsentKind::OfflineAccess,
    ];

    /// The words for a claim; `None` for what says nothing more than another (`email_verified`).
    pub fn of(claim: &str, public: bool) -> Option<ConsentKind> {
        Some(match claim {
            "name" => ConsentKind::Name,
            "given_name" => ConsentKind::GivenName,
            "family_name" | "usual_name" => ConsentKind::FamilyName,
            "preferred_username" => ConsentKind::PreferredUsername,
            "email" => ConsentKind::Email,
            "sub" | "uid" if public => ConsentKind::PublicSubject,
            "sub" | "uid" => ConsentKind::Subject,
            "tchap_user_id" => ConsentKind::TchapUserId,
            "tchap_homeserver" => ConsentKind::Homeserver,
            "tchap_guest" => ConsentKind::Guest,
            "administration_domain" => ConsentKind::AdministrationDomain,
            "administration_name" | "organization_label" => ConsentKind::AdministrationName,
            "siren" => ConsentKind::Siren,
            "siret" => ConsentKind::Siret,
            "organizational_unit" => ConsentKind::OrganizationalUnit,
            "belonging_population" => ConsentKind::Population,
            "roles" => ConsentKind::Roles,
            "locale" => ConsentKind::Locale,
            "updated_at" => ConsentKind::UpdatedAt,
            _ => return None,
        })
    }

    pub(super) fn key(self) -> &'static str {
        match self {
            ConsentKind::Name => "claim-name",
            ConsentKind::GivenName => "claim-given-name",
            ConsentKind::FamilyName => "claim-family-name",
            ConsentKind::PreferredUsername => "claim-preferred-username",
            ConsentKind::Email => "claim-email",
            ConsentKind::Subject => "claim-subject",
            ConsentKind::PublicSubject => "claim-public-subject",
            ConsentKind::TchapUserId => "claim-tchap-user-id",
            ConsentKind::Homeserver => "claim-homeserver",
            ConsentKind::Guest => "claim-guest",
            ConsentKind::AdministrationDomain => "claim-administration-domain",
            ConsentKind::AdministrationName => "claim-administration-name",
            ConsentKind::Siren => "claim-siren",
            ConsentKind::Siret => "claim-siret",
            ConsentKind::OrganizationalUnit => "claim-organizational-unit",
            ConsentKind::Population => "claim-population",
            ConsentKind::Roles => "claim-roles",
            ConsentKind::Locale => "claim-locale",
            ConsentKind::UpdatedAt => "claim-updated-at",
            ConsentKind::Resource => "power-resource",
            ConsentKind::OfflineAccess => "power-offline-access",
        }
    }
}

impl ConsentItem {
    fn label(&self, text: &Text) -> String {
        text.get(self.kind.key())
    }

    /// The value in words; what has no words of its own is shown as it is.
    pub(super) fn words(&self, text: &Text) -> String {
        let value = self.value.as_str();
        let key = match self.kind {
            ConsentKind::Subject if value.is_empty() => "value-subject",
            ConsentKind::OfflineAccess => "value-offline-access",
            ConsentKind::PublicSubject if value.is_empty() => "value-public-subject",
            ConsentKind::Roles => {
                return value
                    .split_whitespace()
                    .map(|role| role_words(text, role))
                    .collect::<Vec<_>>()
                    .join(", ");
            }
            ConsentKind::UpdatedAt => return day(text, value).unwrap_or_else(|| value.to_owned()),
            ConsentKind::Guest => match value {
                "true" => "value-yes",
                "false" => "value-no",
                _ => return value.to_owned(),
            },
            ConsentKind::Locale => match value.parse() {
                Ok(Language::Fr) => "value-french",
                Ok(Language::En) => "value-english",
                Err(_) => return value.to_owned(),
            },
            ConsentKind::Population => match value {
                "agent" => "population-agent",
                "prestataire" => "population-prestataire",
                "partenaire" => "population-partenaire",
                "stagiaire" => "population-stagiaire",
                _ => return value.to_owned(),
            },
            _ => return value.to_owned(),
        };
        text.get(key)
    }
}

fn role_words(text: &Text, role: &str) -> String {
    match role {
        "agent_public" => text.get("role-agent-public"),
        "agent_public_etat" => text.get("role-agent-public-etat"),
        "agent_public_territorial" => text.get("role-agent-public-territorial"),
        "agent_public_hospitalier" => text.get("role-agent-public-hospitalier"),
        other => other.to_owned(),
    }
}

/// The day (UTC) of a time in Unix seconds, in numbers as the language writes it.
fn day(text: &Text, unix_seconds: &str) -> Option<String> {
    let date = OffsetDateTime::from_unix_timestamp(unix_seconds.parse().ok()?)
        .ok()?
        .date();
    let (day, month) = (format!("{:02}", date.day()), format!("{:02}", u8::from(date.month())));
    Some(text.with(
        "value-day",
        &[("day", &day), ("month", &month), ("year", &date.year().to_string())],
    ))
}
