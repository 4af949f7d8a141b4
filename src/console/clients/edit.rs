//! A client's metadata, changed: at once, or by a request where an operator has vouched for what is to change.

use serde_json::json;

use super::{Author, Refused, check_remote, check_words, note, write};
use crate::app::App;
use crate::domain::audit::Action;
use crate::domain::claims::SCOPES;
use crate::domain::client_change::{ChangeRequest, KeptClient, field_changes, keep_what_operators_say};
use crate::protocol::client::Client;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::standing::ClientStage;
use crate::web::logo;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It counts from now on.
    Applied,
    /// It waits for an operator.
    Requested,
    /// There was no difference.
    Unchanged,
}

/// The members of a client in production that an operator vouched for.
const VOUCHED: [&str; 8] = [
    "name",
    "logo_uri",
    "redirect_uris",
    "application_type",
    "scopes",
    "admission",
    "admits_guests",
    "auth_methods",
];

/// Whether a change of a client in production is for an operator to grant.
pub fn needs_approval(known: &Client, wanted: &Client) -> bool {
    known.standing.stage.is_production()
        && field_changes(Some(known), wanted)
            .iter()
            .any(|change| VOUCHED.contains(&change.field.as_str()))
}

/// A client as its metadata would be written, to begin a change with.
pub fn metadata_of(client: &Client) -> ClientMetadata {
    let methods = &client.auth_methods;
    // Basic and post together are what a client that names no method may use.
    let method = methods.first().copied().filter(|_| methods.len() == 1);
    ClientMetadata {
        client_id: client.id.clone(),
        name: client.name.clone(),
        redirect_uris: client.redirect_uris.clone(),
        application_type: client.application_type,
        token_endpoint_auth_method: method,
        grant_types: client.grant_types.clone(),
        refresh_tokens: client.refresh_tokens,
        scopes: client
            .scopes
            .iter()
            .filter(|scope| *scope != "openid")
            .cloned()
            .collect(),
        id_token_signed_response_alg: client.id_token_signed_response_alg,
        subject_type: client.subject_type,
        sector: Some(client.sector.clone()),
        require_pkce: client.require_pkce,
        require_auth_time: client.require_auth_time,
        default_max_age: client.default_max_age,
        consent: client.consent,
        admits_guests: client.admits_guests,
        admission: client.admission.clone(),
        keys: client.keys.clone(),
        algorithms: client.algorithms.clone(),
        presentation: client.presentation.clone(),
        logout: client.logout.clone(),
        requests: client.requests.clone(),
        disabled: client.disabled,
    }
}

/// Checks `wanted` and makes the client that it describes in place of `known`.
///
/// # Errors
/// [`Refused::Problems`].
async fn checked(app: &App, author: &Author, known: &Client, wanted: ClientMetadata) -> Result<Client, Refused> {
    let mut resources = Vec::new();
    for identifier in &known.requests.resources {
        resources.extend(app.store.find_resource(identifier).await?);
    }
    let theirs = resources.iter().flat_map(|resource| &resource.scopes);
    let scopes: Vec<&str> = SCOPES.iter().copied().chain(theirs.map(String::as_str)).collect();
    let wanted = ClientMetadata {
        client_id: known.id.clone(),
        sector: Some(known.sector.clone()),
        ..wanted
    };
    let mut client = wanted.validate(&scopes).map_err(Refused::Problems)?;
    let consent = client.consent;
    keep_what_operators_say(&mut client, known);
    if author.approves {
        client.consent = consent;
        // Whoever edits what registered itself vouches for it from now on.
        client.self_registered = false;
    }
    check_remote(app, &client, Some(known)).await?;
    Ok(client)
}

/// Changes a client that was seen in the state `kept` (at `now`, Unix seconds). `reasons` are for the operator, where one has to
/// be asked.
///
/// # Errors
/// [`Refused`].
pub async fn edit(
    app: &App,
    author: &Author,
    kept: &KeptClient,
    wanted: ClientMetadata,
    reasons: &str,
    now: i64,
) -> Result<Saved, Refused> {
    let known = &kept.client;
    let after = checked(app, author, known, wanted).await?;
    let changes = field_changes(Some(known), &after);
    if changes.is_empty() {
        return Ok(Saved::Unchanged);
    }
    let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
    let detail = json!({ "fields": fields });
    if needs_approval(known, &after) && !author.approves {
        if let Some(problem) = check_words("reasons", reasons) {
            return Err(Refused::Problems(vec![problem]));
        }
        let asked = app.store.find_client_request(&known.id).await?;
        if asked.is_some_and(|asked| asked.answered_at.is_none()) {
            return Err(Refused::Waiting);
        }
        let request = ChangeRequest {
            client_id: known.id.clone(),
            wanted: after,
            reasons: reasons.to_owned(),
            base_version: kept.version,
            requested_by: author.id().to_owned(),
            requested_at: now,
            answer: None,
            answered_at: None,
        };
        note(
            &app.store,
            author,
            Action::ClientProductionRequested,
            &known.id,
            detail,
            now,
        )
        .await?;
        return match app.store.insert_client_request(&request, None).await? {
            true => Ok(Saved::Requested),
            false => Err(Refused::Waiting),
        };
    }
    // What waits for an operator was written for what it was: it is asked for anew.
    let mut after = after;
    let withdraws = known.standing.stage == ClientStage::Requested && !author.approves;
    if withdraws {
        after.standing.stage = ClientStage::Sandbox;
    }
    let vouched = known.self_registered && !after.self_registered;
    write(
        &app.store,
        author,
        kept,
        after.clone(),
        (Action::ClientChanged, detail),
        withdraws,
        now,
    )
    .await?;
    if vouched {
        app.store.delete_registration(&known.id).await?;
    }
    logo::fetch(&app.store, &app.fetcher, &after, now).await?;
    Ok(Saved::Applied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::ClientAuthMethod;
    use crate::protocol::client::tests::client;

    /// What is read into a form and written back is the client that it was.
    #[test]
    fn a_client_is_its_metadata_and_back() {
        let mut known = client();
        let written = metadata_of(&known).validate(SCOPES).unwrap();
        assert_eq!(written, known);
        for method in [ClientAuthMethod::ClientSecretBasic, ClientAuthMethod::None] {
            known.auth_methods = [method].into();
            assert_eq!(metadata_of(&known).validate(SCOPES).unwrap(), known, "{method:?}");
        }
    }

    #[test]
    fn what_an_operator_vouched_for_is_for_an_operator_to_change() {
        let known = client();
        let mut sandbox = client();
        sandbox.standing.stage = ClientStage::Sandbox;
        type Change = (bool, fn(&mut Client));
        let changes: [Change; 8] = [
            (true, |client| client.name.push('x')),
            (true, |client| client.redirect_uris.push("https://x.example".to_owned())),
            (true, |client| {
                client.scopes.insert("siren".to_owned());
            }),
            (true, |client| {
                client.presentation.logo_uri = Some("https://x.example".to_owned())
            }),
            (true, |client| client.admits_guests = true),
            (true, |client| client.auth_methods = [ClientAuthMethod::None].into()),
            (false, |client| {
                client.presentation.policy_uri = Some("https://x.example".to_owned())
            }),
            (false, |client| client.require_pkce = true),
        ];
        for (number, (expected, change)) in changes.into_iter().enumerate() {
            let mut wanted = known.clone();
            change(&mut wanted);
            assert_eq!(needs_approval(&known, &wanted), expected, "{number}");
            let mut wanted = sandbox.clone();
            change(&mut wanted);
            assert!(!needs_approval(&sandbox, &wanted), "{number}");
        }
    }
}
