//! Logout in the specifications' words: the request that a relying party sends the browser with (RP-Initiated Logout 1.0),
//! the token that it is told by (Back-Channel Logout 1.0) and the frame (Front-Channel Logout 1.0).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::authorize::words;
use super::client::Client;
use super::error::OAuthError;
use super::id_token;
use super::params::Params;

/// `typ` of logout tokens (Back-Channel Logout §2.4).
pub const LOGOUT_TOKEN: &str = "logout+jwt";

/// How long a logout token may be taken, in seconds (Back-Channel Logout §2.4 recommends two minutes at most).
const LOGOUT_TOKEN_LIFETIME: i64 = 120;

/// Values longer than this have no honest use, in bytes.
const MAX_VALUE: usize = 2048;

/// More languages than this nobody reads.
const MAX_LOCALES: usize = 10;

/// A request to log out, checked as far as it can be without knowing client and browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutRequest {
    /// Who asks: `client_id`, else the audience of the hint.
    pub client_id: Option<String>,
    /// The `sid` of the verified `id_token_hint`: which session is meant.
    pub sid: Option<String>,
    /// Where the browser is to go; not verified yet, see [`LogoutRequest::location`].
    post_logout_redirect_uri: Option<String>,
    /// Echoed there.
    state: Option<String>,
    /// In order of preference.
    pub ui_locales: Vec<String>,
}

impl LogoutRequest {
    /// Reads a request (RP-Initiated Logout §2). `hint`: the claims of the `id_token_hint`, its signature verified.
    ///
    /// # Errors
    /// `invalid_request`: a repeated or endless parameter, a hint of another issuer or of another client than `client_id`.
    pub fn read(params: &Params, hint: Option<&Map<String, Value>>, issuer: &str) -> Result<Self, OAuthError> {
        params.refuse_repeated()?;
        let short = |name: &str| match params.get(name) {
            Some(value) if value.len() > MAX_VALUE => Err(OAuthError::invalid_request("a parameter is too long")),
            value => Ok(value.map(str::to_owned)),
        };
        let mut client_id = short("client_id")?;
        let mut sid = None;
        if let Some(hint) = hint {
            let audience = hint.get("aud").and_then(Value::as_str).map(str::to_owned);
            client_id = client_id.or(audience);
            id_token::hinted_subject(hint, issuer, client_id.as_deref().unwrap_or_default())?;
            sid = hint.get("sid").and_then(Value::as_str).map(str::to_owned);
        }
        Ok(Self {
            client_id,
            sid,
            post_logout_redirect_uri: short("post_logout_redirect_uri")?,
            state: short("state")?,
            ui_locales: words(params.get("ui_locales").filter(|list| list.len() <= MAX_VALUE))
                .take(MAX_LOCALES)
                .map(str::to_owned)
                .collect(),
        })
    }

    /// Where the browser goes after the logout: an address exactly as the identified client registered it, with `state` if
    /// the request has one (RP-Initiated Logout §3). `None` when the request names none, or nobody whose it could be.
    ///
    /// # Errors
    /// `invalid_request` when the client did not register the address.
    pub fn location(&self, client: Option<&Client>) -> Result<Option<String>, OAuthError> {
        let (Some(uri), Some(client)) = (&self.post_logout_redirect_uri, client) else {
            return Ok(None);
        };
        if !client.logout.post_logout_redirect_uris.contains(uri) {
            return Err(OAuthError::invalid_request(
                "post_logout_redirect_uri is not registered for this client",
            ));
        }
        Ok(Some(match &self.state {
            Some(state) => with_query(uri, &[("state", state)]),
            None => uri.clone(),
        }))
    }
}

/// The claims of a logout token (Back-Channel Logout §2.4). Never with a `nonce`, so that it passes for no ID token.
pub fn logout_token(issuer: &str, client_id: &str, subject: &str, sid: &str, jti: &str, now: i64) -> Value {
    json!({
        "iss": issuer,
        "aud": client_id,
        "sub": subject,
        "sid": sid,
        "iat": now,
        "exp": now + LOGOUT_TOKEN_LIFETIME,
        "jti": jti,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    })
}

/// The address of the frame that tells a client in the browser, always with `iss` and `sid` (Front-Channel Logout §2).
pub fn frontchannel_url(uri: &str, issuer: &str, sid: &str) -> String {
    with_query(uri, &[("iss", issuer), ("sid", sid)])
}

/// A registered address (without fragment) with further members in its query.
fn with_query(uri: &str, members: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(members)
        .finish();
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use super::super::client::tests::client;
    use super::*;

    const ISSUER: &str = "https://connect.example";

    fn read(query: &str, hint: Option<Value>) -> Result<LogoutRequest, OAuthError> {
        let params = Params::parse(query.as_bytes()).unwrap();
        LogoutRequest::read(&params, hint.as_ref().and_then(Value::as_object), ISSUER)
    }

    fn hint() -> Value {
        json!({"iss": ISSUER, "aud": "service", "sub": "s", "sid": "session", "exp": 1})
    }

    #[test]
    fn the_client_is_the_one_named_or_the_hints_audience() {
        let of = |query, hint| {
            let request = read(query, hint).unwrap();
            (request.client_id, request.sid)
        };
        let service = Some("service".to_owned());
        let session = Some("session".to_owned());
        assert_eq!(of("", None), (None, None));
        assert_eq!(of("client_id=service", None), (service.clone(), None));
        assert_eq!(of("", Some(hint())), (service.clone(), session.clone()));
        assert_eq!(of("client_id=service", Some(hint())), (service, session));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(read("client_id=other", Some(hint())).is_err());
        for bad in [
            json!({"iss": "https://other.example", "aud": "service", "sub": "s", "exp": 1}),
            json!({"iss": ISSUER, "aud": "service", "exp": 1}),
            json!({"iss": ISSUER, "sub": "s", "exp": 1}),
            json!({"aud": "service", "sub": "s", "exp": 1}),
            json!({"iss": ISSUER, "aud": ["service"], "sub": "s", "exp": 1}),
            json!({"iss": ISSUER, "aud": "service", "sub": "s"}),
        ] {
            assert!(read("", Some(bad.clone())).is_err(), "{bad}");
        }
        assert!(read("state=a&state=b", None).is_err());
        for name in ["state", "client_id", "post_logout_redirect_uri"] {
            assert!(read(&format!("{name}={}", "x".repeat(2049)), None).is_err(), "{name}");
        }
    }

    #[test]
    fn only_a_registered_address_of_a_known_client_is_gone_to() {
        let mut client = client();
        client.logout.post_logout_redirect_uris = vec!["https://service.example/bye?a=b".into()];
        let go = |query: &str, client: Option<&Client>| read(query, None).unwrap().location(client).ok();
        let registered = "post_logout_redirect_uri=https://service.example/bye?a%3Db";
        assert_eq!(go(registered, None), Some(None));
        assert_eq!(go("state=x", Some(&client)), Some(None));
        assert_eq!(
            go(registered, Some(&client)).flatten().as_deref(),
            Some("https://service.example/bye?a=b")
        );
        assert_eq!(
            go(&format!("{registered}&state=a%26b"), Some(&client))
                .flatten()
                .as_deref(),
            Some("https://service.example/bye?a=b&state=a%26b")
        );
        for bad in [
            "https://service.example/bye",
            "https://service.example/bye?a%3Db%26c",
            "https://service.example/bye?a%3Db%23",
            "HTTPS://service.example/bye?a%3Db",
            "https://service.example/bye?a%3Db%20",
            "//evil.example",
            "javascript:alert(1)",
        ] {
            assert_eq!(
                go(&format!("post_logout_redirect_uri={bad}"), Some(&client)),
                None,
                "{bad}"
            );
        }
    }

    #[test]
    fn a_logout_token_has_what_the_specification_wants_and_no_nonce() {
        assert_eq!(
            logout_token(ISSUER, "service", "s", "i", "j", 7),
            json!({
                "iss": ISSUER, "aud": "service", "sub": "s", "sid": "i", "iat": 7, "exp": 127, "jti": "j",
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            })
        );
    }

    #[test]
    fn a_frame_carries_issuer_and_session() {
        assert_eq!(
            frontchannel_url("https://s.example/out?x=1", ISSUER, "a b"),
            "https://s.example/out?x=1&iss=https%3A%2F%2Fconnect.example&sid=a+b"
        );
    }
}
