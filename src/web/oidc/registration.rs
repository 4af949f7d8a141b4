//! Dynamic registration (RFC 7591, OpenID Connect Registration) and its management (RFC 7592). A client that registered itself
//! holds a registration access token, stored as a fingerprint only: with it, and for itself alone, it reads, replaces and
//! deletes what it registered.

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::super::error::JsonError;
use super::super::logo;
use super::super::visitor::network_of;
use super::userinfo::{INVALID_TOKEN, from_header};
use crate::app::{App, SharedApp};
use crate::audit;
use crate::config::RegistrationMode;
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::claims::SCOPES;
use crate::domain::registration::{Outcome, Registration};
use crate::domain::throttle::{Limit, registration_bucket};
use crate::protocol::client::{Client, ClientSecret};
use crate::protocol::discovery::REGISTER;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::registration::{self, Rejection};
use crate::secret::{Redacted, constant_time_eq, fingerprint, random_client_id, random_id, random_token};
use crate::store::StoreError;

const DAY: i64 = 86_400;
/// How often a replacement is tried anew that a racing one of the same client has overtaken.
const RACES: usize = 3;

/// Both endpoints.
pub fn routes() -> Router<SharedApp> {
    let management = get(read).put(replace).delete(delete);
    Router::new()
        .route(REGISTER, post(register))
        .route(&format!("{REGISTER}/{{client_id}}"), management)
}

/// `POST /register`
async fn register(State(app): State<SharedApp>, request: Request) -> Result<Response, JsonError> {
    let now = app.clock.now();
    let token = initial_token(&app, request.headers(), now).await?;
    let network = network_of(&app, request.extensions(), request.headers());
    let client = written(request).await?.client(&random_client_id()?, SCOPES)?;
    take_turn(&app, &network, now).await?;
    check_sector(&app, &client).await?;

    let access_token = Redacted::new(random_token()?);
    let registration = Registration {
        client_id: client.id.clone(),
        fingerprint: fingerprint(access_token.expose()),
        created_at: now,
        expires_at: now + app.config.registration.unused_days * DAY,
    };
    let (secret, record) = match client.has_secret() {
        true => new_secret(now).map(|(secret, record)| (Some(secret), Some(record)))?,
        false => (None, None),
    };
    let most = app.config.registration.max_clients;
    let outcome = app
        .store
        .insert_registration(&registration, &client, record.as_ref(), token.as_deref(), most)
        .await?;
    accepted(outcome, &network)?;
    logo::fetch(&app.store, &app.fetcher, &client, now).await?;
    tracing::info!(client.id = client.id, network, "a client registered itself");
    Ok(information(
        &app,
        StatusCode::CREATED,
        &client,
        &registration,
        &access_token,
        secret,
    ))
}

/// `GET /register/{client_id}`
async fn read(
    State(app): State<SharedApp>,
    place: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    let (registration, client, token) = authenticated(&app, &headers, &named(place)?).await?;
    Ok(information(&app, StatusCode::OK, &client, &registration, &token, None))
}

/// `PUT /register/{client_id}`: what is not given goes back to its default (RFC 7592 §2.2).
async fn replace(
    State(app): State<SharedApp>,
    place: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, JsonError> {
    let network = network_of(&app, request.extensions(), request.headers());
    let client_id = named(place)?;
    let (_, mut known, token) = authenticated(&app, request.headers(), &client_id).await?;
    let written = written(request).await?;
    for _ in 0..RACES {
        if let Some((client, secret)) = replaced(&app, &written, &known, &network).await? {
            let (registration, ..) = of_token(&app, &token, &client_id).await?;
            return Ok(information(
                &app,
                StatusCode::OK,
                &client,
                &registration,
                &token,
                secret,
            ));
        }
        // Deleted, disabled or taken over by an operator meanwhile: refused here. Else this one replaces the faster one.
        (_, known, _) = of_token(&app, &token, &client_id).await?;
    }
    let error = OAuthError::new(
        ErrorCode::TemporarilyUnavailable,
        "the client is being replaced by other requests",
    );
    Err(JsonError::from(error).with_status(StatusCode::CONFLICT))
}

/// What the client is after the replacement, with its secret if that is new; `None` when it is no longer `known` as it was.
async fn replaced(
    app: &App,
    written: &registration::Request,
    known: &Client,
    network: &str,
) -> Result<Option<(Client, Option<String>)>, JsonError> {
    let now = app.clock.now();
    if written.client_id() != Some(&known.id) {
        return Err(Rejection::metadata("client_id: required, the one that was registered").into());
    }
    if let Some(secret) = written.client_secret() {
        let given = fingerprint(secret);
        let living = app.store.list_client_secrets(&known.id, now).await?;
        if !living.iter().any(|one| constant_time_eq(&one.fingerprint, &given)) {
            return Err(Rejection::metadata("client_secret: not the one that was issued").into());
        }
    }
    let client = Client {
        // An operator's word, which no replacement takes back.
        admits_guests: known.admits_guests,
        admission: known.admission.clone(),
        ..written.clone().client(&known.id, SCOPES)?
    };
    registration::check_subjects(known, &client)?;
    if client == *known {
        return Ok(Some((client, None)));
    }
    take_turn(app, network, now).await?;
    check_sector(app, &client).await?;
    let (secret, record) = match client.has_secret() && !known.has_secret() {
        true => new_secret(now).map(|(secret, record)| (Some(secret), Some(record)))?,
        false => (None, None),
    };
    if !app
        .store
        .update_registration(known, &client, record.as_ref(), now)
        .await?
    {
        return Ok(None);
    }
    logo::fetch(&app.store, &app.fetcher, &client, now).await?;
    tracing::info!(client.id = client.id, "a client replaced its registration");
    Ok(Some((client, secret)))
}

/// `DELETE /register/{client_id}`: everything that it was given goes with it (RFC 7592 §2.3).
async fn delete(
    State(app): State<SharedApp>,
    place: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    let (registration, ..) = authenticated(&app, &headers, &named(place)?).await?;
    if !app.store.delete_registered_client(&registration.client_id).await? {
        return Err(JsonError::bearer(INVALID_TOKEN));
    }
    tracing::info!(client.id = registration.client_id, "a client deleted its registration");
    Ok((StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response())
}

/// Notes that a client is in use: one that registered itself and is not is deleted some day.
pub async fn used(app: &App, client: &Client, now: i64) -> Result<(), StoreError> {
    if client.self_registered {
        let expires_at = now + app.config.registration.unused_days * DAY;
        app.store.extend_registration(&client.id, expires_at, now).await?;
    }
    Ok(())
}

/// The fingerprint of the initial access token, where one is asked for (RFC 7591 §3). It is spent with the registration.
async fn initial_token(app: &App, headers: &HeaderMap, now: i64) -> Result<Option<String>, JsonError> {
    if app.config.registration.mode != RegistrationMode::Token {
        return Ok(None);
    }
    let refused = || JsonError::bearer(INVALID_TOKEN);
    let token = from_header(headers)?.ok_or_else(JsonError::without_credentials)?;
    let given = fingerprint(token.expose());
    match app.store.is_registration_token(&given, now).await? {
        true => Ok(Some(given)),
        false => Err(refused()),
    }
}

/// The client that an address names; one that is not even text names nobody.
fn named(place: Result<Path<String>, PathRejection>) -> Result<String, JsonError> {
    place
        .map(|Path(client_id)| client_id)
        .map_err(|_| JsonError::bearer(INVALID_TOKEN))
}

/// The registration that a request's access token is for. An unknown client and another's token answer the same (RFC 7592
/// §2).
async fn authenticated(
    app: &App,
    headers: &HeaderMap,
    client_id: &str,
) -> Result<(Registration, Client, Redacted), JsonError> {
    let token = from_header(headers)?.ok_or_else(JsonError::without_credentials)?;
    of_token(app, &token, client_id).await
}

async fn of_token(app: &App, token: &Redacted, client_id: &str) -> Result<(Registration, Client, Redacted), JsonError> {
    let refused = || JsonError::bearer(INVALID_TOKEN);
    let registration = app
        .store
        .find_registration(&fingerprint(token.expose()), app.clock.now())
        .await?
        .filter(|registration| registration.client_id == client_id)
        .ok_or_else(refused)?;
    let client = app.store.find_client(&registration.client_id).await?;
    // Nor one that an operator has taken over.
    let client = client.filter(|client| !client.disabled && client.self_registered);
    let client = client.ok_or_else(refused)?;
    Ok((registration, client, token.clone()))
}

async fn written(request: Request) -> Result<registration::Request, JsonError> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        return Err(OAuthError::invalid_request("the body must be application/json").into());
    }
    let body = Bytes::from_request(request, &()).await.map_err(|_| {
        JsonError::from(OAuthError::invalid_request("the body is too large")).with_status(StatusCode::PAYLOAD_TOO_LARGE)
    })?;
    Ok(registration::Request::parse(&body)?)
}

async fn check_sector(app: &App, client: &Client) -> Result<(), JsonError> {
    let Some(uri) = &client.requests.sector_identifier_uri else {
        return Ok(());
    };
    match app.fetcher.sector_document(uri).await {
        Ok(document) => Ok(registration::check_sector(&document, client)?),
        Err(error) => {
            tracing::info!(client.id = client.id, error = %error, "a sector document cannot be fetched");
            Err(Rejection::metadata("sector_identifier_uri: its document cannot be fetched").into())
        }
    }
}

/// Counts an attempt of a network, successful or not, before anything is fetched for it.
async fn take_turn(app: &App, network: &str, now: i64) -> Result<(), JsonError> {
    let limit = Limit::per_day(app.config.registration.per_network_per_day);
    if app.store.take(&registration_bucket(network), limit, now).await?.is_ok() {
        return Ok(());
    }
    let event = Event {
        actor: Actor::System,
        action: Action::RegistrationThrottled,
        object: (ObjectKind::Network, network.to_owned()),
        detail: Value::Null,
    };
    audit::record_once(&app.store, now, event, 3600).await?;
    Err(too_many(network, "too many registrations from this network today"))
}

fn accepted(outcome: Outcome, network: &str) -> Result<(), JsonError> {
    match outcome {
        Outcome::Registered => Ok(()),
        Outcome::TokenSpent => Err(JsonError::bearer(INVALID_TOKEN)),
        Outcome::Full => Err(too_many(
            network,
            "there are as many registered clients as there may be",
        )),
    }
}

fn too_many(network: &str, description: &'static str) -> JsonError {
    tracing::warn!(network, "a registration was refused: {description}");
    let error = OAuthError::new(ErrorCode::TemporarilyUnavailable, description);
    JsonError::from(error).with_status(StatusCode::TOO_MANY_REQUESTS)
}

fn new_secret(now: i64) -> Result<(String, ClientSecret), JsonError> {
    let secret = random_token()?;
    let record = ClientSecret {
        id: random_id()?,
        fingerprint: fingerprint(&secret),
        created_at: now,
        expires_at: None,
    };
    Ok((secret, record))
}

/// The client information response (RFC 7591 §3.2.1, RFC 7592 §3). The secret is in it when it is made and never again: only
/// its fingerprint is stored.
fn information(
    app: &App,
    status: StatusCode,
    client: &Client,
    registration: &Registration,
    access_token: &Redacted,
    secret: Option<String>,
) -> Response {
    let mut members: Map<String, Value> = registration::registered(client);
    let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
    add("client_id", client.id.as_str().into());
    add("client_id_issued_at", registration.created_at.into());
    add("registration_access_token", access_token.expose().into());
    let uri = format!("{}{REGISTER}/{}", app.config.issuer, client.id);
    add("registration_client_uri", uri.into());
    if let Some(secret) = secret {
        add("client_secret", secret.into());
        add("client_secret_expires_at", 0.into());
    }
    (status, [(CACHE_CONTROL, "no-store")], Json(members)).into_response()
}
