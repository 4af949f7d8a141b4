//! Whether accounts still stand, asked of the admin API of the matrix-authentication-service
//! (`GET /api/admin/v1/users/by-username/{localpart}`) with an access token of our own client there (RFC 6749 §4.4). That
//! token opens the whole admin API: it is held in memory only, and both it and the client's secret go to the service that the
//! homeserver is known by, and nowhere else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Request, Response, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer};
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::{
    Upstream, UpstreamError,
    account_status::{NONSENSE, WatchError, refused},
};
use crate::{
    domain::{
        agent::{IssuerSubject, Pause},
        homeserver::Homeserver,
        lifecycle::{Standing, Watched},
    },
    secret::Redacted,
};

const USERS: &str = "/api/admin/v1/users/by-username/";
const SCOPE: &str = "urn:mas:admin";
/// A token is not used in the last seconds of its life.
const MARGIN: i64 = 15;
/// How long one is used at least, in seconds, unless it is refused.
const SHORTEST_LIFETIME: i64 = 60;
/// None is used longer, in seconds, whatever it says.
const LONGEST_LIFETIME: i64 = 3600;

/// Our access token at the service of each homeserver, by its name.
#[derive(Clone, Debug, Default)]
pub(super) struct AdminTokens(Arc<Mutex<HashMap<String, Kept>>>);

#[derive(Clone, Debug)]
struct Kept {
    issuer: String,
    client_id: String,
    token: Redacted,
    /// Unix seconds.
    until: i64,
    /// The service has taken it at least once.
    was_taken: bool,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
struct Document {
    data: Resource,
}

#[derive(Deserialize)]
struct Resource {
    id: String,
    attributes: Attributes,
}

/// Both times must be there, be they null: a service that does not know of deactivation says nothing by its silence.
#[derive(Deserialize)]
struct Attributes {
    username: String,
    #[serde(deserialize_with = "present")]
    locked_at: Option<String>,
    #[serde(deserialize_with = "present")]
    deactivated_at: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// An error of the API itself; a proxy's 404 is none.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "title")]
    _title: String,
}

impl Resource {
    fn standing(&self, issuer: &str, known: Option<&IssuerSubject>) -> Standing {
        let now = IssuerSubject {
            issuer: issuer.to_owned(),
            subject: self.id.clone(),
        };
        if self.attributes.deactivated_at.is_some() || known.is_some_and(|known| now.is_other_than(known)) {
            Standing::Closed
        } else if self.attributes.locked_at.is_some() {
            Standing::Paused(Pause::Locked)
        } else {
            Standing::Stands(&[Pause::Missing, Pause::Locked])
        }
    }
}

impl Upstream {
    /// An access token for the admin API at the service that this homeserver is known by (`issuer`); `None` when one had to be
    /// fetched: then this turn to ask is spent, and the next one finds it.
    ///
    /// # Errors
    /// See [`WatchError`]; `Token` when the service refuses our client, its secret or the scope.
    pub async fn admin_token(
        &self,
        homeserver: &Homeserver,
        issuer: &str,
        secret: &Redacted,
    ) -> Result<Option<Redacted>, WatchError> {
        let now = self.clock.now();
        let client_id = homeserver.watch.client_id.as_deref().unwrap_or_default();
        if let Some(token) = self.admin_tokens.find(&homeserver.name, issuer, client_id, now) {
            return Ok(Some(token));
        }
        let service = self.authentication_service(homeserver, now).await?;
        let service = service.ok_or(WatchError::NotOffered)?;
        if service.issuer != issuer {
            return Err(UpstreamError::IssuerChanged.into());
        }
        let form = Serializer::new(String::new())
            .extend_pairs([("grant_type", "client_credentials"), ("scope", SCOPE)])
            .finish();
        let request = Request::post(service.token_endpoint.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::AUTHORIZATION, basic(client_id, secret));
        let response = self.send_about_accounts(request, form.into_bytes()).await?;
        let granted = granted(response)?;
        let lifetime = granted.expires_in.unwrap_or_default();
        let lifetime = lifetime.clamp(SHORTEST_LIFETIME, LONGEST_LIFETIME);
        let kept = Kept {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            token: Redacted::new(granted.access_token),
            until: now + lifetime - MARGIN,
            was_taken: false,
        };
        self.admin_tokens.keep(&homeserver.name, kept);
        Ok(None)
    }

    /// What the service says of one account.
    pub(super) async fn mas_view(
        &self,
        homeserver: &Homeserver,
        issuer: &str,
        token: &Redacted,
        watched: &Watched,
    ) -> Result<Standing, WatchError> {
        let base_url = homeserver.watch.base_url.as_deref();
        let base_url = base_url.unwrap_or(issuer.trim_end_matches('/'));
        let local_part = watched.matrix_id.strip_prefix('@').and_then(|id| id.split_once(':'));
        let (local_part, _) = local_part.ok_or(NONSENSE)?;
        let path = utf8_percent_encode(local_part, NON_ALPHANUMERIC);
        let response = self
            .ask_about_accounts(Request::get(format!("{base_url}{USERS}{path}")), token, String::new())
            .await?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED && self.admin_tokens.refused(&homeserver.name) {
            return Err(WatchError::Stale);
        }
        let is_own = || serde_json::from_slice(response.body()).is_ok_and(|said: Errors| !said.errors.is_empty());
        if status == StatusCode::NOT_FOUND && is_own() {
            self.admin_tokens.taken(&homeserver.name);
            return Ok(Standing::Paused(Pause::Missing));
        }
        if !status.is_success() {
            return Err(refused(&response));
        }
        let said: Document = serde_json::from_slice(response.body()).map_err(|_| NONSENSE)?;
        self.admin_tokens.taken(&homeserver.name);
        match said.data.attributes.username == local_part {
            true => Ok(said.data.standing(issuer, watched.at_issuer.as_ref())),
            false => Err(NONSENSE.into()),
        }
    }
}

impl AdminTokens {
    fn find(&self, homeserver: &str, issuer: &str, client_id: &str, now: i64) -> Option<Redacted> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = tokens.get(homeserver)?;
        let is_it = kept.issuer == issuer && kept.client_id == client_id && kept.until > now;
        is_it.then(|| kept.token.clone())
    }

    fn keep(&self, homeserver: &str, kept: Kept) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(homeserver.to_owned(), kept);
    }

    fn taken(&self, homeserver: &str) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = tokens.get_mut(homeserver) {
            kept.was_taken = true;
        }
    }

    /// Forgets a token that was refused; answers whether it had been good before, so that another one may be.
    fn refused(&self, homeserver: &str) -> bool {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.remove(homeserver).is_some_and(|kept| kept.was_taken)
    }
}

/// RFC 6749 §2.3.1: both halves are form-encoded first.
fn basic(client_id: &str, secret: &Redacted) -> String {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encode(client_id), encode(secret.expose())));
    format!("Basic {}", STANDARD.encode(&*pair))
}

fn granted(response: Response<Vec<u8>>) -> Result<Granted, WatchError> {
    match response.status() {
        status if status.is_success() => {}
        // invalid_client, unauthorized_client, invalid_scope: an operator's to set right, there or here.
        status @ StatusCode::BAD_REQUEST => return Err(WatchError::Token(status)),
        _ => return Err(refused(&response)),
    }
    let body = Zeroizing::new(response.into_body());
    let granted: Granted = serde_json::from_slice(&body).map_err(|_| NONSENSE)?;
    let is_token = !granted.access_token.is_empty() && granted.access_token.bytes().all(|byte| byte.is_ascii_graphic());
    match is_token && granted.token_type.eq_ignore_ascii_case("Bearer") {
        true => Ok(granted),
        false => Err(NONSENSE.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://auth.test/";

    fn read(attributes: &str) -> Option<Standing> {
        let text = format!(r#"{{"data":{{"type":"user","id":"01HZX","attributes":{{"username":"a"{attributes}}}}}}}"#);
        let document: Document = serde_json::from_str(&text).ok()?;
        Some(document.data.standing(ISSUER, None))
    }

    #[test]
    fn what_the_service_says_of_an_account() {
        let stands = Standing::Stands(&[Pause::Missing, Pause::Locked]);
        for (attributes, standing) in [
            (r#","locked_at":null,"deactivated_at":null,"admin":true"#, Some(stands)),
            (
                r#","locked_at":"2026-11-24T12:00:00Z","deactivated_at":null"#,
                Some(Standing::Paused(Pause::Locked)),
            ),
            (
                r#","locked_at":"2026-11-24T12:00:00Z","deactivated_at":"2026-11-24T12:00:00Z""#,
                Some(Standing::Closed),
            ),
            (
                r#","locked_at":null,"deactivated_at":"2026-11-24T12:00:00Z""#,
                Some(Standing::Closed),
            ),
            // What it does not say is not guessed.
            (r#","locked_at":null"#, None),
            (r#","deactivated_at":null"#, None),
            (r#","locked_at":false,"deactivated_at":null"#, None),
            (r#","locked_at":null,"deactivated_at":1"#, None),
            ("", None),
        ] {
            assert_eq!(read(attributes), standing, "{attributes}");
        }
    }

    #[test]
    fn another_account_behind_the_name_closes_the_agent() {
        let resource = |locked_at: Option<&str>| Resource {
            id: "01NEW".into(),
            attributes: Attributes {
                username: "a".into(),
                locked_at: locked_at.map(Into::into),
                deactivated_at: None,
            },
        };
        let known = |issuer: &str, subject: &str| IssuerSubject {
            issuer: issuer.into(),
            subject: subject.into(),
        };
        let standing = |locked_at, known: IssuerSubject| resource(locked_at).standing(ISSUER, Some(&known));
        assert_eq!(standing(None, known(ISSUER, "01OLD")), Standing::Closed);
        assert_eq!(standing(Some("then"), known(ISSUER, "01OLD")), Standing::Closed);
        let stands = Standing::Stands(&[Pause::Missing, Pause::Locked]);
        assert_eq!(standing(None, known(ISSUER, "01NEW")), stands);
        assert_eq!(standing(None, known("https://former.test/", "01OLD")), stands);
    }

    #[test]
    fn credentials_are_encoded_before_they_are_joined() {
        let header = basic("01J:x", &Redacted::new("a b+c%é"));
        let decoded = STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(decoded).unwrap(), "01J%3Ax:a+b%2Bc%25%C3%A9");
    }

    #[test]
    fn a_refused_token_is_forgotten_and_only_one_that_was_good_is_fetched_anew_at_once() {
        let tokens = AdminTokens::default();
        let kept = || Kept {
            issuer: ISSUER.into(),
            client_id: "01J".into(),
            token: Redacted::new("t"),
            until: 100,
            was_taken: false,
        };
        tokens.keep("h", kept());
        let found = |issuer: &str, client_id: &str, now| tokens.find("h", issuer, client_id, now).is_some();
        assert!(found(ISSUER, "01J", 99));
        assert!(!found(ISSUER, "01J", 100) && !found(ISSUER, "01K", 99) && !found("https://b.test/", "01J", 99));
        assert!(!tokens.refused("h"), "it was never good");
        assert!(!found(ISSUER, "01J", 99));
        tokens.keep("h", kept());
        tokens.taken("h");
        assert!(tokens.refused("h"));
        assert!(!tokens.refused("h"));
    }
}
