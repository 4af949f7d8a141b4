//! What an `apply` file asks for, checked as a whole: every problem is reported at once, with its place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Stored;
use crate::cli::entry::Entry;
use crate::cli::homeservers;
use crate::config::{Mode, syntax_problem};
use crate::domain::administration::Administration;
use crate::domain::claims::SCOPES;
use crate::domain::homeserver::Homeserver;
use crate::protocol::client::{Client, ClientAuthMethod};
use crate::protocol::client_metadata::{ClientMetadata, FieldProblem};
use crate::protocol::resource::Resource;
use crate::secret;

/// The content of the file.
pub struct Wanted {
    pub homeservers: Vec<Homeserver>,
    pub administrations: Vec<Administration>,
    pub resources: Vec<Resource>,
    pub clients: Vec<WantedClient>,
}

/// A client and the fingerprint of the secret that the file gives it.
pub struct WantedClient {
    pub client: Client,
    fingerprint: Option<String>,
}

impl WantedClient {
    /// The fingerprint of the file's secret, if it is not living already.
    pub fn new_secret(&self, stored: &Stored) -> Option<&str> {
        let living = stored.secrets.get(&self.client.id);
        let is_living = |given: &&str| living.is_some_and(|living| living.iter().any(|one| one.fingerprint == *given));
        self.fingerprint.as_deref().filter(|given| !is_living(given))
    }
}

/// Reads and checks the file.
pub fn read(text: &str, stored: &Stored, mode: Mode) -> Result<Wanted, Vec<FieldProblem>> {
    let mut file: toml::Table = text.parse().map_err(|error| {
        let (line, message) = syntax_problem(text, &error);
        vec![FieldProblem::new(line, message)]
    })?;
    let mut problems = Vec::new();
    let homeservers = entries(&mut file, "homeservers", &mut problems, homeservers::read);
    let administrations = entries(&mut file, "administrations", &mut problems, administration);
    let resources = entries(&mut file, "resources", &mut problems, resource);
    let known: Vec<&Resource> = resources.iter().chain(&stored.resources).collect();
    let clients = entries(&mut file, "clients", &mut problems, |table, place| {
        client(table, place, stored, &known, mode)
    });
    let wanted = Wanted {
        homeservers,
        administrations,
        resources,
        clients,
    };
    check_introspecting(&wanted, stored, &mut problems);
    let unknown = file.keys();
    problems.extend(unknown.map(|name| {
        FieldProblem::new(
            name,
            "unknown; known are [[homeservers]], [[administrations]], [[resources]] and [[clients]]",
        )
    }));
    let names = |id: fn(&Homeserver) -> &str| wanted.homeservers.iter().map(id).collect();
    repeated(
        "homeservers",
        "name",
        names(|homeserver| &homeserver.name),
        &mut problems,
    );
    let domains = wanted.administrations.iter().map(|one| one.domain.as_str()).collect();
    repeated("administrations", "domain", domains, &mut problems);
    let identifiers = wanted.resources.iter().map(|one| one.identifier.as_str()).collect();
    repeated("resources", "identifier", identifiers, &mut problems);
    let ids = wanted.clients.iter().map(|wanted| wanted.client.id.as_str()).collect();
    repeated("clients", "client_id", ids, &mut problems);
    if problems.is_empty() { Ok(wanted) } else { Err(problems) }
}

/// The tables of one kind, each with its place (`clients[1]`).
fn entries<T>(
    file: &mut toml::Table,
    kind: &str,
    problems: &mut Vec<FieldProblem>,
    read: impl Fn(toml::Table, &str) -> Result<T, Vec<FieldProblem>>,
) -> Vec<T> {
    let Some(value) = file.remove(kind) else {
        return Vec::new();
    };
    let Ok(tables) = value.try_into::<Vec<toml::Table>>() else {
        problems.push(FieldProblem::new(kind, format!("expected tables: [[{kind}]]")));
        return Vec::new();
    };
    let mut read_well = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        match read(table, &format!("{kind}[{index}]")) {
            Ok(entry) => read_well.push(entry),
            Err(more) => problems.extend(more),
        }
    }
    read_well
}

fn repeated(kind: &str, field: &str, ids: Vec<&str>, problems: &mut Vec<FieldProblem>) {
    for (index, id) in ids.iter().enumerate() {
        if ids[..index].contains(id) {
            problems.push(FieldProblem::new(
                format!("{kind}.{field}"),
                format!("{id:?} is listed twice"),
            ));
        }
    }
}

fn administration(table: toml::Table, place: &str) -> Result<Administration, Vec<FieldProblem>> {
    let mut entry = Entry::new(table);
    let administration = Administration {
        domain: entry.take("domain").unwrap_or_default(),
        name: entry.take("name").unwrap_or_default(),
        siren: entry.take("siren"),
        siret: entry.take("siret"),
        branch: entry.take("branch"),
        organizational_unit: entry.take("organizational_unit"),
    }
    .with_siren_of_siret();
    let validated = administration.validate().map(|()| administration);
    entry.finish(place, validated)
}

fn resource(table: toml::Table, place: &str) -> Result<Resource, Vec<FieldProblem>> {
    let mut entry = Entry::new(table);
    let resource = Resource {
        identifier: entry.take("identifier").unwrap_or_default(),
        name: entry.take("name").unwrap_or_default(),
        access_token_format: entry.take("access_token_format").unwrap_or_default(),
        access_token_signing_alg: entry.take("access_token_signing_alg").unwrap_or_default(),
        scopes: entry.take("scopes").unwrap_or_default(),
        client_id: entry.take("client_id"),
    };
    let validated = resource.validate(SCOPES).map(|()| resource);
    entry.finish(place, validated)
}

/// Whoever introspects for a resource must be there to authenticate.
fn check_introspecting(wanted: &Wanted, stored: &Stored, problems: &mut Vec<FieldProblem>) {
    let in_file = wanted.clients.iter().map(|wanted| &wanted.client);
    let clients: Vec<&Client> = in_file.chain(&stored.clients).collect();
    for resource in &wanted.resources {
        let Some(id) = &resource.client_id else { continue };
        if !clients.iter().any(|client| client.id == *id && !client.is_public()) {
            let message = format!("there is no confidential client {id:?}");
            problems.push(FieldProblem::new(
                format!("resources.{}.client_id", resource.identifier),
                message,
            ));
        }
    }
}

fn client(
    table: toml::Table,
    place: &str,
    stored: &Stored,
    resources: &[&Resource],
    mode: Mode,
) -> Result<WantedClient, Vec<FieldProblem>> {
    let mut entry = Entry::new(table);
    let fingerprint = fingerprint(&mut entry, mode);
    let client_id: String = entry.take("client_id").unwrap_or_default();
    let known = stored.clients.iter().find(|client| client.id == client_id);
    let disabled: Option<bool> = entry.take("disabled");
    let metadata = ClientMetadata {
        name: entry.take("name").unwrap_or_default(),
        redirect_uris: entry.take("redirect_uris").unwrap_or_default(),
        application_type: entry.take("application_type").unwrap_or_default(),
        token_endpoint_auth_method: entry.take("token_endpoint_auth_method"),
        grant_types: entry.take("grant_types").unwrap_or_default(),
        refresh_tokens: entry.take("refresh_tokens").unwrap_or_default(),
        scopes: entry.take("scopes").unwrap_or_default(),
        id_token_signed_response_alg: entry.take("id_token_signed_response_alg").unwrap_or_default(),
        subject_type: entry.take("subject_type").unwrap_or_default(),
        sector: entry.take("sector").or_else(|| known.map(|known| known.sector.clone())),
        require_pkce: entry.take("require_pkce").unwrap_or_default(),
        require_auth_time: entry.take("require_auth_time").unwrap_or_default(),
        default_max_age: entry.take("default_max_age"),
        consent: entry.take("consent").unwrap_or_default(),
        admits_guests: entry.take("admits_guests").unwrap_or_default(),
        admission: entry.take("admission").unwrap_or_default(),
        keys: entry.group(&["jwks", "jwks_uri"]),
        algorithms: entry.group(&[
            "token_endpoint_auth_signing_alg",
            "request_object_signing_alg",
            "userinfo_signed_response_alg",
            "introspection_signed_response_alg",
        ]),
        presentation: entry.group(&["client_uri", "logo_uri", "policy_uri", "tos_uri", "contacts"]),
        logout: entry.group(&[
            "post_logout_redirect_uris",
            "backchannel_logout_uri",
            "backchannel_logout_session_required",
            "frontchannel_logout_uri",
            "frontchannel_logout_session_required",
        ]),
        requests: entry.group(&[
            "request_uris",
            "default_acr_values",
            "initiate_login_uri",
            "sector_identifier_uri",
            "resources",
        ]),
        // A file that says nothing must not bring a disabled client back.
        disabled: disabled.unwrap_or_else(|| known.is_some_and(|known| known.disabled)),
        client_id,
    };
    check_fixed(&mut entry, &metadata, known);
    let without_secret = matches!(
        metadata.token_endpoint_auth_method,
        Some(ClientAuthMethod::None | ClientAuthMethod::PrivateKeyJwt)
    );
    let living = known
        .and_then(|known| stored.secrets.get(&known.id))
        .is_some_and(|living| !living.is_empty());
    match (without_secret, &fingerprint) {
        (true, Some(_)) => entry.problem(
            "secret",
            "a client with token_endpoint_auth_method = \"none\" or \"private_key_jwt\" has none",
        ),
        (false, None) if !living => {
            let message = "required for a new client: secret_sha256 (or secret, in development); or \
                           token_endpoint_auth_method = \"none\" for a public client";
            entry.problem("secret_sha256", message);
        }
        _ => {}
    }
    let named: Vec<&&Resource> = resources
        .iter()
        .filter(|known| metadata.requests.resources.contains(&known.identifier))
        .collect();
    for wanted in &metadata.requests.resources {
        if !named.iter().any(|known| known.identifier == *wanted) {
            entry.problem("resources", &format!("there is no resource {wanted:?}"));
        }
    }
    let theirs = named.iter().flat_map(|resource| &resource.scopes).map(String::as_str);
    let scopes: Vec<&str> = SCOPES.iter().copied().chain(theirs).collect();
    let validated = metadata.validate(&scopes);
    // An operator vouches for what the file says, whoever made the client; whose it is stays.
    let administration = known.and_then(|known| known.standing.administration.clone());
    // What an operator disabled, here or in the console, its owner does not enable.
    let locked = disabled.unwrap_or_else(|| known.is_some_and(|known| known.standing.locked));
    let wanted = |mut client: Client| {
        client.standing.administration = administration;
        client.standing.locked = locked;
        WantedClient { client, fingerprint }
    };
    entry.finish(place, validated.map(wanted))
}

/// What agents are known by depends on these two: they stay what they were.
fn check_fixed(entry: &mut Entry, metadata: &ClientMetadata, known: Option<&Client>) {
    let Some(known) = known else { return };
    if metadata.sector.as_ref() != Some(&known.sector) {
        let message = format!(
            "is fixed once the client is made: it is {:?}; add a new client instead",
            known.sector
        );
        entry.problem("sector", &message);
    }
    if metadata.subject_type != known.subject_type {
        let message = "is fixed once the client is made, because it changes every sub; add a new client instead";
        entry.problem("subject_type", message);
    }
}

/// The fingerprint of the secret that an entry gives in either form.
fn fingerprint(entry: &mut Entry, mode: Mode) -> Option<String> {
    let plain: Option<String> = entry.take("secret");
    let hashed: Option<String> = entry.take("secret_sha256");
    match (plain, hashed) {
        (Some(_), Some(_)) => {
            entry.problem("secret", "secret_sha256 is given too: keep one of the two");
            None
        }
        (Some(_), None) if mode == Mode::Production => {
            let message = "is for development: write secret_sha256, made with printf %s SECRET | sha256sum";
            entry.problem("secret", message);
            None
        }
        (Some(secret), None) if secret.is_empty() => {
            entry.problem("secret", "must not be empty");
            None
        }
        (Some(secret), None) => Some(secret::fingerprint(&secret)),
        (None, Some(hash)) => {
            let fingerprint = sha256_text(&hash);
            if fingerprint.is_none() {
                let message = "expected a SHA-256 as 64 hexadecimal digits (printf %s SECRET | sha256sum)";
                entry.problem("secret_sha256", message);
            }
            fingerprint
        }
        (None, None) => None,
    }
}

/// A SHA-256 written as hexadecimal, in the form in which fingerprints are stored.
fn sha256_text(hex: &str) -> Option<String> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..64).step_by(2).map(byte).collect::<Option<_>>()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_secret_are_the_same_fingerprint() {
        // printf %s secret | sha256sum
        let hex = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        assert_eq!(sha256_text(hex), Some(secret::fingerprint("secret")));
        for bad in ["", "2bb80d", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(sha256_text(bad), None, "{bad}");
        }
    }
}
