//! The form of a client's metadata: what was typed, read into metadata, and back.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, StrDeserializer};

use crate::domain::claims::SCOPES;
use crate::protocol::authorize::OFFLINE_ACCESS;
use crate::protocol::client::{ClientAuthMethod, ConsentPolicy, GrantType, RefreshRule};
use crate::protocol::client_metadata::{ClientMetadata, FieldProblem};
use crate::protocol::params::Params;

/// What stands in each field, by its name.
pub type Typed = BTreeMap<String, String>;

/// The scopes that a client may ask for, besides `openid`.
pub fn scopes() -> impl Iterator<Item = &'static str> {
    SCOPES.iter().copied().filter(|scope| *scope != "openid")
}

/// The lines of a field, without spaces around them and without empty ones.
pub fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What a browser sent, by field; a line ends in one way.
pub fn typed(form: &Params, fields: &[&str]) -> Typed {
    let value = |name: &str| form.get(name).unwrap_or_default().replace("\r\n", "\n");
    fields.iter().map(|name| ((*name).to_owned(), value(name))).collect()
}

/// Every field of the form.
pub const FIELDS: &[&str] = &[
    "name",
    "redirect_uris",
    "application_type",
    "token_endpoint_auth_method",
    "refresh_token",
    "refresh_always",
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "require_pkce",
    "require_auth_time",
    "default_max_age",
    "jwks",
    "jwks_uri",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "contacts",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
    "admits_guests",
    "siren",
    "email_domains",
    "homeservers",
    "branch_etat",
    "branch_territoriale",
    "branch_hospitaliere",
    "population_agent",
    "population_partenaire",
    "no_consent",
    "token_endpoint_auth_signing_alg",
    "request_object_signing_alg",
    "request_uris",
    "introspection_signed_response_alg",
    "default_acr_values",
    "initiate_login_uri",
];

/// The fields of the scopes.
pub fn scope_field(scope: &str) -> String {
    format!("scope_{scope}")
}

struct Reader<'a> {
    typed: &'a Typed,
    problems: Vec<FieldProblem>,
}

impl Reader<'_> {
    fn text(&self, field: &str) -> &str {
        self.typed.get(field).map_or("", |text| text.trim())
    }

    fn optional(&self, field: &str) -> Option<String> {
        Some(self.text(field).to_owned()).filter(|text| !text.is_empty())
    }

    fn is_on(&self, field: &str) -> bool {
        self.text(field) == "on"
    }

    fn lines(&self, field: &str) -> Vec<String> {
        lines(self.text(field))
    }

    /// One of the registered words; nothing chosen is the default.
    fn choice<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        let text = self.optional(field)?;
        let read = T::deserialize(StrDeserializer::<ValueError>::new(&text));
        if read.is_err() {
            self.problems.push(FieldProblem::new(field, "choose one of the list"));
        }
        read.ok()
    }

    fn parsed<T: std::str::FromStr>(&mut self, field: &str, message: &str) -> Option<T> {
        let read = self.optional(field)?.parse();
        if read.is_err() {
            self.problems.push(FieldProblem::new(field, message));
        }
        read.ok()
    }

    /// The words whose boxes are ticked.
    fn ticked<T: DeserializeOwned + Ord>(&self, prefix: &str, words: &[&str]) -> BTreeSet<T> {
        let on = words.iter().filter(|word| self.is_on(&format!("{prefix}_{word}")));
        on.filter_map(|word| T::deserialize(StrDeserializer::<ValueError>::new(word)).ok())
            .collect()
    }
}

/// Reads the form on top of `base`: what it does not show stays as it is.
///
/// # Errors
/// What cannot even be read; the rest is for [`ClientMetadata::validate`].
pub fn read(typed: &Typed, base: ClientMetadata) -> Result<ClientMetadata, Vec<FieldProblem>> {
    let mut form = Reader {
        typed,
        problems: Vec::new(),
    };
    let mut wanted = base;
    wanted.name = form.text("name").to_owned();
    wanted.redirect_uris = form.lines("redirect_uris");
    wanted.application_type = form.choice("application_type").unwrap_or_default();
    wanted.token_endpoint_auth_method = form.choice("token_endpoint_auth_method");
    match form.is_on("refresh_token") {
        true => wanted.grant_types.insert(GrantType::RefreshToken),
        false => wanted.grant_types.remove(&GrantType::RefreshToken),
    };
    wanted.refresh_tokens = match form.is_on("refresh_always") {
        true => RefreshRule::Always,
        false => RefreshRule::OfflineAccess,
    };
    // The scopes of resources are an operator's, and not in the form.
    wanted.scopes.retain(|scope| !SCOPES.contains(&scope.as_str()));
    wanted.scopes.extend(
        scopes()
            .filter(|scope| form.is_on(&scope_field(scope)))
            .map(str::to_owned),
    );
    if form.is_on("refresh_token")
        && !form.is_on("refresh_always")
        && !wanted.scopes.iter().any(|s| s == OFFLINE_ACCESS)
    {
        wanted.scopes.push(OFFLINE_ACCESS.to_owned());
    }
    wanted.id_token_signed_response_alg = form.choice("id_token_signed_response_alg").unwrap_or_default();
    wanted.algorithms.userinfo_signed_response_alg = form.choice("userinfo_signed_response_alg");
    wanted.require_pkce = form.is_on("require_pkce");
    wanted.require_auth_time = form.is_on("require_auth_time");
    wanted.default_max_age = form.parsed("default_max_age", "expected a number of seconds");
    wanted.keys.jwks = form.parsed("jwks", "expected JSON: {\"keys\": [...]}");
    wanted.keys.jwks_uri = form.optional("jwks_uri");
    let shown = &mut wanted.presentation;
    shown.client_uri = form.optional("client_uri");
    shown.logo_uri = form.optional("logo_uri");
    shown.policy_uri = form.optional("policy_uri");
    shown.tos_uri = form.optional("tos_uri");
    shown.contacts = form.lines("contacts");
    wanted.logout.post_logout_redirect_uris = form.lines("post_logout_redirect_uris");
    wanted.logout.backchannel_logout_uri = form.optional("backchannel_logout_uri");
    wanted.logout.frontchannel_logout_uri = form.optional("frontchannel_logout_uri");
    wanted.admits_guests = form.is_on("admits_guests");
    let of = &mut wanted.admission.administrations;
    of.siren = form.lines("siren").into_iter().collect();
    of.email_domains = form.lines("email_domains").into_iter().collect();
    of.homeservers = form.lines("homeservers").into_iter().collect();
    of.branches = form.ticked("branch", &["etat", "territoriale", "hospitaliere"]);
    wanted.admission.populations = form.ticked("population", &["agent", "partenaire"]);
    wanted.consent = match form.is_on("no_consent") {
        true => ConsentPolicy::None,
        false => ConsentPolicy::Ask,
    };
    read_advanced(&mut form, &mut wanted);
    match form.problems.is_empty() {
        true => Ok(wanted),
        false => Err(form.problems),
    }
}

/// What few clients need. What could never work is said here: registration takes it as the standards do.
fn read_advanced(form: &mut Reader<'_>, wanted: &mut ClientMetadata) {
    let algorithms = &mut wanted.algorithms;
    algorithms.token_endpoint_auth_signing_alg = form.choice("token_endpoint_auth_signing_alg");
    algorithms.request_object_signing_alg = form.choice("request_object_signing_alg");
    algorithms.introspection_signed_response_alg = form.choice("introspection_signed_response_alg");
    wanted.requests.request_uris = form.lines("request_uris");
    wanted.requests.default_acr_values = form.lines("default_acr_values");
    wanted.requests.initiate_login_uri = form.optional("initiate_login_uri");
    let has_keys = wanted.keys.jwks.is_some() || wanted.keys.jwks_uri.is_some();
    let signs_requests = [
        (
            "request_object_signing_alg",
            algorithms.request_object_signing_alg.is_some(),
        ),
        ("request_uris", !wanted.requests.request_uris.is_empty()),
    ];
    for (field, _) in signs_requests.iter().filter(|(_, given)| *given && !has_keys) {
        let message = "signed requests need the client's public keys: give jwks or jwks_uri";
        form.problems.push(FieldProblem::new(*field, message));
    }
    let signs = wanted.token_endpoint_auth_method == Some(ClientAuthMethod::PrivateKeyJwt);
    if algorithms.token_endpoint_auth_signing_alg.is_some() && !signs {
        let problem = FieldProblem::new("token_endpoint_auth_signing_alg", "only for private_key_jwt");
        form.problems.push(problem);
    }
}

/// The form of these metadata, before anybody typed into it.
pub fn write(metadata: &ClientMetadata) -> Typed {
    let on = |on: bool| if on { "on" } else { "" }.to_owned();
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let listed = |list: &BTreeSet<String>| list.iter().cloned().collect::<Vec<_>>().join("\n");
    let (shown, logout, of) = (
        &metadata.presentation,
        &metadata.logout,
        &metadata.admission.administrations,
    );
    let has = |grant| metadata.grant_types.contains(&grant);
    let mut typed: Typed = [
        ("name", metadata.name.clone()),
        ("redirect_uris", metadata.redirect_uris.join("\n")),
        ("application_type", word(&metadata.application_type)),
        ("token_endpoint_auth_method", word(&metadata.token_endpoint_auth_method)),
        ("refresh_token", on(has(GrantType::RefreshToken))),
        ("refresh_always", on(metadata.refresh_tokens == RefreshRule::Always)),
        (
            "id_token_signed_response_alg",
            word(&metadata.id_token_signed_response_alg),
        ),
        (
            "userinfo_signed_response_alg",
            word(&metadata.algorithms.userinfo_signed_response_alg),
        ),
        ("require_pkce", on(metadata.require_pkce)),
        ("require_auth_time", on(metadata.require_auth_time)),
        (
            "default_max_age",
            metadata.default_max_age.map_or_else(String::new, |age| age.to_string()),
        ),
        (
            "jwks",
            metadata
                .keys
                .jwks
                .as_ref()
                .map_or_else(String::new, |set| format!("{set:#}")),
        ),
        ("jwks_uri", optional(&metadata.keys.jwks_uri)),
        ("client_uri", optional(&shown.client_uri)),
        ("logo_uri", optional(&shown.logo_uri)),
        ("policy_uri", optional(&shown.policy_uri)),
        ("tos_uri", optional(&shown.tos_uri)),
        ("contacts", shown.contacts.join("\n")),
        ("post_logout_redirect_uris", logout.post_logout_redirect_uris.join("\n")),
        ("backchannel_logout_uri", optional(&logout.backchannel_logout_uri)),
        ("frontchannel_logout_uri", optional(&logout.frontchannel_logout_uri)),
        ("admits_guests", on(metadata.admits_guests)),
        ("siren", listed(&of.siren)),
        ("email_domains", listed(&of.email_domains)),
        ("homeservers", listed(&of.homeservers)),
        ("no_consent", on(metadata.consent == ConsentPolicy::None)),
        (
            "token_endpoint_auth_signing_alg",
            word(&metadata.algorithms.token_endpoint_auth_signing_alg),
        ),
        (
            "request_object_signing_alg",
            word(&metadata.algorithms.request_object_signing_alg),
        ),
        ("request_uris", metadata.requests.request_uris.join("\n")),
        (
            "introspection_signed_response_alg",
            word(&metadata.algorithms.introspection_signed_response_alg),
        ),
        ("default_acr_values", metadata.requests.default_acr_values.join("\n")),
        ("initiate_login_uri", optional(&metadata.requests.initiate_login_uri)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let ticks = of.branches.iter().map(|branch| format!("branch_{}", word(branch)));
    let populations = metadata.admission.populations.iter();
    let ticks = ticks.chain(populations.map(|population| format!("population_{}", word(population))));
    let ticks = ticks.chain(metadata.scopes.iter().map(|scope| scope_field(scope)));
    typed.extend(ticks.map(|field| (field, "on".to_owned())));
    typed
}

/// A choice as its registered word; nothing for none.
fn word<T: Serialize>(choice: &T) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The field of the form that a problem is about.
pub fn field_of(problem: &FieldProblem) -> &str {
    let name = problem.field.split('[').next().unwrap_or_default();
    match name.strip_prefix("admission.administrations.") {
        Some(list) => list,
        None if name == "admission.populations" => "population_partenaire",
        None if name == "grant_types" => "refresh_token",
        None if name == "consent" => "no_consent",
        None => name,
    }
}

#[cfg(test)]
mod tests;
