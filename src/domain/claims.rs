//! Claims: which scope gives which, where each value comes from, and what goes into UserInfo and the ID token
//! (Core §5.1, §5.4, §5.5; ProConnect's one scope per claim). A claim without data is omitted: never empty, never null.

mod source;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::administration::{Administration, Branch};
use super::agent::Agent;
use super::grant::AgentGrant;
use super::homeserver::{Homeserver, Way};
use super::identifier::email_domain;
use super::names::{self, DisplayName};
use crate::protocol::authorize::OFFLINE_ACCESS;
use crate::protocol::claims_request::ClaimsRequest;

pub use source::{Source, source};

/// Every scope this provider has, as discovery lists them.
pub const SCOPES: &[&str] = &[
    "openid",
    OFFLINE_ACCESS,
    "profile",
    "email",
    "given_name",
    "usual_name",
    "uid",
    "siren",
    "siret",
    "organizational_unit",
    "organization_label",
    "belonging_population",
    "roles",
    "administration",
    "tchap",
];

/// Every claim about an agent, with the scopes that give it.
const CLAIMS: &[(&str, &[&str])] = &[
    ("sub", &["openid"]),
    ("name", &["profile"]),
    ("given_name", &["profile", "given_name"]),
    ("family_name", &["profile", "usual_name"]),
    ("usual_name", &["profile", "usual_name"]),
    ("preferred_username", &["profile"]),
    ("updated_at", &["profile"]),
    ("locale", &["profile"]),
    ("email", &["email"]),
    ("email_verified", &["email"]),
    ("uid", &["uid"]),
    ("tchap_user_id", &["tchap"]),
    ("tchap_homeserver", &["tchap"]),
    ("tchap_guest", &["tchap"]),
    ("administration_domain", &["administration", "tchap"]),
    ("administration_name", &["administration", "organization_label"]),
    ("organization_label", &["administration", "organization_label"]),
    ("siren", &["siren", "administration"]),
    ("siret", &["siret", "administration"]),
    ("organizational_unit", &["organizational_unit", "administration"]),
    ("belonging_population", &["belonging_population"]),
    ("roles", &["roles"]),
];

/// The levels that a login here reaches, as discovery lists them.
pub const ACR_VALUES: &[&str] = &["eidas0", "eidas1"];

/// Values by claim name; what is not there has no data.
pub type Values = BTreeMap<&'static str, Value>;

/// Every claim this provider gives, those about the login itself included, as discovery lists them.
pub fn supported() -> impl Iterator<Item = &'static str> {
    let login = ["iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid"];
    CLAIMS.iter().map(|(claim, _)| *claim).chain(login)
}

/// The scopes that give a claim.
pub fn givers(claim: &str) -> &'static [&'static str] {
    let found = CLAIMS.iter().find(|(name, _)| *name == claim);
    found.map_or(&[], |(_, givers)| *givers)
}

fn of_scopes<'a>(scopes: &'a BTreeSet<String>) -> impl Iterator<Item = &'static str> + 'a {
    CLAIMS
        .iter()
        .filter(|(_, givers)| givers.iter().any(|scope| scopes.contains(*scope)))
        .map(|(claim, _)| *claim)
}

/// The claims that a request asks for and its client may have: those of the granted `scope` and, of those in the
/// `claims` parameter, the ones that a scope of the client's registration gives. Always with `sub`.
pub fn requested(
    scope: &BTreeSet<String>,
    request: &ClaimsRequest,
    registered_scopes: &BTreeSet<String>,
) -> BTreeSet<String> {
    let demanded: BTreeSet<&str> = request.names().collect();
    let mut claims: BTreeSet<String> = of_scopes(scope)
        .chain(of_scopes(registered_scopes).filter(|claim| demanded.contains(claim)))
        .chain(["sub"])
        .map(str::to_owned)
        .collect();
    // The local part of a Matrix id spells the e-mail address: it goes only to those who see the address or the id.
    if !claims.contains("email") && !claims.contains("tchap_user_id") {
        claims.remove("preferred_username");
    }
    claims
}

fn agent_domain(agent: &Agent) -> Option<&str> {
    email_domain(&agent.email.as_ref()?.address)
}

/// Every claim about an agent that has data. `administration` is the row found by the agent's e-mail domain; a row
/// of another domain counts for nothing. `subject` is the `sub` for the client.
pub fn values(
    agent: &Agent,
    homeserver: &Homeserver,
    administration: Option<&Administration>,
    subject: &str,
) -> Values {
    let administration = administration.filter(|row| row.is_of(agent));
    let local_part = agent.email.as_ref().and_then(|email| email.address.split('@').next());
    let display = names::split(agent.display_name.as_deref().unwrap_or_default(), local_part);
    let optional = [
        ("locale", agent.locale.clone()),
        ("preferred_username", matrix_local_part(agent).map(str::to_owned)),
        ("email", agent.email.as_ref().map(|email| email.address.clone())),
        ("administration_domain", agent_domain(agent).map(str::to_owned)),
    ];
    let mut values = Values::from([
        ("sub", json!(subject)),
        // The same value: another one would undo pairwise subjects.
        ("uid", json!(subject)),
        ("updated_at", json!(agent.updated_at)),
        ("tchap_user_id", json!(agent.matrix_id)),
        ("tchap_homeserver", json!(agent.homeserver)),
        ("tchap_guest", json!(homeserver.guests)),
    ]);
    if agent.email.is_some() {
        values.insert("email_verified", json!(true));
    }
    if homeserver.guests {
        values.insert("belonging_population", json!("partenaire"));
    } else if let Some(row) = administration {
        values.insert("belonging_population", json!("agent"));
        values.extend(row.branch.map(|branch| ("roles", json!(roles(branch)))));
    }
    let texts = optional
        .into_iter()
        .chain(organization_values(administration, &display))
        .chain(name_values(display));
    values.extend(texts.filter_map(|(claim, text)| Some((claim, json!(text.filter(|text| !text.is_empty())?)))));
    values
}

fn matrix_local_part(agent: &Agent) -> Option<&str> {
    let (local_part, _) = agent.matrix_id.strip_prefix('@')?.split_once(':')?;
    Some(local_part)
}

fn name_values(display: DisplayName) -> [(&'static str, Option<String>); 4] {
    let (given, family) = display.parts.unzip();
    [
        ("name", display.name),
        ("given_name", given),
        ("usual_name", family.clone()),
        ("family_name", family),
    ]
}

/// SIREN, SIRET and unit come from the table only; a name may come from the bracket of the display name.
fn organization_values(
    administration: Option<&Administration>,
    display: &DisplayName,
) -> [(&'static str, Option<String>); 5] {
    let name = administration
        .map(|row| row.name.clone())
        .or_else(|| display.organization.clone());
    [
        ("administration_name", name.clone()),
        ("organization_label", name),
        ("siren", administration.and_then(|row| row.siren.clone())),
        ("siret", administration.and_then(|row| row.siret.clone())),
        (
            "organizational_unit",
            administration.and_then(|row| row.organizational_unit.clone()),
        ),
    ]
}

fn roles(branch: Branch) -> [&'static str; 2] {
    let of_branch = match branch {
        Branch::Etat => "agent_public_etat",
        Branch::Territoriale => "agent_public_territorial",
        Branch::Hospitaliere => "agent_public_hospitalier",
    };
    ["agent_public", of_branch]
}

/// Leaves of `values` what the client is still `registered` for and a token of scope `narrowed` may show: what only the
/// `claims` parameter demanded stays, what a scope of the grant gave goes with that scope. `agreed` are the claims that the
/// agent agreed to.
pub fn within(
    mut values: Values,
    agreed: &BTreeSet<String>,
    registered: &BTreeSet<String>,
    granted: &BTreeSet<String>,
    narrowed: &BTreeSet<String>,
) -> Values {
    let may = |claim: &str| {
        let given_by = |scopes: &BTreeSet<String>| givers(claim).iter().any(|scope| scopes.contains(*scope));
        claim == "sub" || (given_by(registered) && (!given_by(granted) || given_by(narrowed)))
    };
    // Of what was never agreed to nothing was taken away either.
    let shows_account = ["email", "tchap_user_id"]
        .into_iter()
        .any(|claim| agreed.contains(claim) && may(claim));
    values.retain(|claim, _| may(claim) && (*claim != "preferred_username" || shows_account));
    values
}

/// The UserInfo response (Core §5.3.2): the granted claims that a scope of the token or the `userinfo` member of `claims`
/// asked for; always `sub`.
pub fn userinfo(scope: &BTreeSet<String>, grant: &AgentGrant, values: &Values) -> Map<String, Value> {
    let by_scope: BTreeSet<&str> = of_scopes(scope).collect();
    let mut claims = pick(grant, values, |claim| {
        by_scope.contains(claim) || grant.demanded_in_userinfo.contains(claim)
    });
    claims.insert("sub".to_owned(), json!(grant.subject));
    claims
}

/// What the `id_token` member of `claims` asked for and was granted, to be added to the ID token (Core §5.4: with an
/// access token, the claims of scopes go to UserInfo). Never `sub`, which every ID token has: names must be unique
/// (RFC 7519 §4).
pub fn id_token_extra(grant: &AgentGrant, values: &Values) -> Map<String, Value> {
    pick(grant, values, |claim| {
        claim != "sub" && grant.demanded_in_id_token.contains(claim)
    })
}

fn pick(grant: &AgentGrant, values: &Values, wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
    values
        .iter()
        .filter(|(claim, _)| grant.claims.contains(**claim) && wanted(claim))
        .map(|(claim, value)| ((*claim).to_owned(), value.clone()))
        .collect()
}

/// The level that a login at this homeserver reaches: what is known of guests is less.
pub fn acr(homeserver: &Homeserver) -> &'static str {
    if homeserver.guests { "eidas0" } else { "eidas1" }
}

/// How the agent proved who they are (RFC 8176); empty when only the homeserver knows.
pub fn amr(way: Way) -> Vec<String> {
    match way {
        Way::Password => vec!["pwd".to_owned()],
        Way::OAuth | Way::Sso => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
