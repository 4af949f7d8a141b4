//! Which authentication service a homeserver delegates to (Matrix Client-Server API, `GET /_matrix/client/v1/auth_metadata`;
//! the older forms of MSC2965). Cached as long as the answer allows, within bounds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderMap, Request, Response, StatusCode, header};
use serde::Deserialize;
use url::Url;

use crate::{
    domain::homeserver::Homeserver,
    protocol::return_to::is_loopback,
    upstream::{
        Api, Upstream, UpstreamError,
        error::{Step, refusal},
    },
};

const STABLE_SCOPE: &str = "urn:matrix:client:api:*";
const UNSTABLE_SCOPE: &str = "urn:matrix:org.matrix.msc2967.client:api:*";

/// Where homeservers of different ages publish it, and the scope that those of that age know.
const FORMS: [(&str, &str); 3] = [
    ("/_matrix/client/v1/auth_metadata", STABLE_SCOPE),
    (
        "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata",
        UNSTABLE_SCOPE,
    ),
    (
        "/_matrix/client/unstable/org.matrix.msc2965/auth_issuer",
        UNSTABLE_SCOPE,
    ),
];

/// How long an answer is kept that does not say, in seconds.
const USUAL_AGE: i64 = 300;
/// No answer is kept longer, in seconds: a change must be noticed.
const LONGEST_AGE: i64 = 3600;
/// How long "there is none" is kept, in seconds.
const AGE_OF_NONE: i64 = 60;

/// An authentication service, with all its endpoints on the origin of its issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationService {
    /// Exactly as published: it is compared as a text.
    pub issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(in crate::upstream) token_endpoint: Url,
    pub(super) revocation_endpoint: Url,
    pub(super) registration_endpoint: Option<Url>,
    pub(super) jwks_uri: Url,
    /// The name of the scope that opens the Matrix API.
    pub(super) matrix_scope: &'static str,
}

impl AuthenticationService {
    /// Whether clients can register themselves there.
    pub fn registers_clients(&self) -> bool {
        self.registration_endpoint.is_some()
    }
}

/// What was found, by base URL of the homeserver; at most one entry per homeserver on the list.
#[derive(Clone, Debug, Default)]
pub(in crate::upstream) struct Services(Arc<Mutex<HashMap<String, Kept>>>);

#[derive(Clone, Debug)]
struct Kept {
    service: Option<AuthenticationService>,
    until: i64,
}

/// The metadata as published. An issuer alone, or one without its keys, leads to the issuer's own document.
#[derive(Deserialize)]
struct Published {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    registration_endpoint: Option<String>,
    jwks_uri: Option<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl Upstream {
    /// The authentication service of a homeserver; `None` where there is no OAuth 2.0.
    ///
    /// # Errors
    /// `Unreachable`, `Throttled`, or `Nonsense` when what it publishes cannot be used: then it is not known whether there
    /// is one.
    pub async fn authentication_service(
        &self,
        homeserver: &Homeserver,
        now: i64,
    ) -> Result<Option<AuthenticationService>, UpstreamError> {
        if let Some(kept) = self.services.find(&homeserver.base_url, now) {
            return Ok(kept);
        }
        let (service, age) = self.discover(homeserver).await?;
        self.services.keep(&homeserver.base_url, service.clone(), now + age);
        Ok(service)
    }

    async fn discover(&self, homeserver: &Homeserver) -> Result<(Option<AuthenticationService>, i64), UpstreamError> {
        for (path, scope) in FORMS {
            let request = get(&format!("{}{path}", homeserver.base_url))?;
            let response = self
                .send(homeserver, Api::Client, self.egress.timeout(), request)
                .await?;
            if !response.status().is_success() {
                match refusal(Step::LoginTypes, &response) {
                    _ if response.status() == StatusCode::NOT_FOUND => continue,
                    UpstreamError::NoSuchWay => continue,
                    error => return Err(error),
                }
            }
            let age = age(response.headers());
            let published = read(response.body())?;
            let complete = published.authorization_endpoint.is_some() && published.jwks_uri.is_some();
            let published = match complete {
                true => published,
                false => self.own_document(&published.issuer, homeserver).await?,
            };
            return published.checked(homeserver, scope).map(|service| (Some(service), age));
        }
        Ok((None, AGE_OF_NONE))
    }

    /// OpenID Connect Discovery §4, where the homeserver tells no more than the issuer.
    async fn own_document(&self, issuer: &str, homeserver: &Homeserver) -> Result<Published, UpstreamError> {
        service_url(issuer, homeserver)?;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let response = self.get(&url).await?;
        if !response.status().is_success() {
            return Err(refusal(Step::LoginTypes, &response));
        }
        let published = read(response.body())?;
        match published.issuer == issuer {
            true => Ok(published),
            false => Err(UpstreamError::Nonsense("an issuer whose own document names another")),
        }
    }

    pub(super) async fn get(&self, url: &str) -> Result<Response<Vec<u8>>, UpstreamError> {
        Ok(self.egress.send(get(url)?).await?)
    }
}

impl Services {
    fn find(&self, base_url: &str, now: i64) -> Option<Option<AuthenticationService>> {
        let services = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        services
            .get(base_url)
            .filter(|kept| kept.until > now)
            .map(|kept| kept.service.clone())
    }

    fn keep(&self, base_url: &str, service: Option<AuthenticationService>, until: i64) {
        let mut services = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        services.insert(base_url.to_owned(), Kept { service, until });
    }
}

impl Published {
    /// Against mix-up (RFC 9700 §4.4): a hostile homeserver could publish another's endpoints beside its own.
    fn checked(self, homeserver: &Homeserver, scope: &'static str) -> Result<AuthenticationService, UpstreamError> {
        let nonsense = UpstreamError::Nonsense;
        let issuer = service_url(&self.issuer, homeserver)?;
        if issuer.query().is_some() {
            return Err(nonsense("an issuer that is none"));
        }
        if let Some(methods) = &self.code_challenge_methods_supported
            && !methods.iter().any(|method| method == "S256")
        {
            return Err(nonsense("an authentication service without PKCE"));
        }
        let endpoint = |text: Option<String>| {
            let text = text.ok_or_else(|| nonsense("metadata without an endpoint that is needed"))?;
            let url = service_url(&text, homeserver)?;
            match url.origin() == issuer.origin() {
                true => Ok(url),
                false => Err(nonsense("an endpoint that is not on its issuer's own origin")),
            }
        };
        Ok(AuthenticationService {
            authorization_endpoint: endpoint(self.authorization_endpoint)?,
            token_endpoint: endpoint(self.token_endpoint)?,
            revocation_endpoint: endpoint(self.revocation_endpoint)?,
            registration_endpoint: self.registration_endpoint.map(|url| endpoint(Some(url))).transpose()?,
            jwks_uri: endpoint(self.jwks_uri)?,
            issuer: self.issuer,
            matrix_scope: scope,
        })
    }
}

fn get(url: &str) -> Result<Request<Vec<u8>>, UpstreamError> {
    let request = Request::get(url)
        .header(header::ACCEPT, "application/json")
        .body(Vec::new());
    request.map_err(|_| UpstreamError::Nonsense("an address that is none"))
}

fn read(body: &[u8]) -> Result<Published, UpstreamError> {
    serde_json::from_slice(body).map_err(|_| UpstreamError::Nonsense("OAuth metadata that cannot be read"))
}

/// https; http only on loopback, for a homeserver that is itself reached so.
fn service_url(text: &str, homeserver: &Homeserver) -> Result<Url, UpstreamError> {
    let local = homeserver.base_url.starts_with("http://");
    let url = Url::parse(text).ok().filter(|url| {
        let safe = url.scheme() == "https" || local && url.scheme() == "http" && is_loopback(url);
        safe && url.has_host() && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
    });
    url.ok_or(UpstreamError::Nonsense(
        "an address of the authentication service that may not be used",
    ))
}

/// `Cache-Control: max-age`, within bounds, in seconds.
pub(super) fn age(headers: &HeaderMap) -> i64 {
    let text = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let directives = || text.unwrap_or_default().split(',').map(str::trim);
    if directives().any(|directive| matches!(directive, "no-store" | "no-cache")) {
        return 0;
    }
    let stated = directives().find_map(|directive| directive.strip_prefix("max-age=")?.parse::<i64>().ok());
    stated.unwrap_or(USUAL_AGE).clamp(0, LONGEST_AGE)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::{Value, json};

    use super::*;
    use crate::upstream::sample_homeserver;

    fn metadata(changes: Value) -> Result<AuthenticationService, UpstreamError> {
        let mut metadata = json!({
            "issuer": "https://auth.dinum.test/", "authorization_endpoint": "https://auth.dinum.test/authorize",
            "token_endpoint": "https://auth.dinum.test/oauth2/token", "jwks_uri": "https://auth.dinum.test/oauth2/keys.json",
            "revocation_endpoint": "https://auth.dinum.test/oauth2/revoke",
            "registration_endpoint": "https://auth.dinum.test/oauth2/registration",
            "code_challenge_methods_supported": ["plain", "S256"], "other": {"x": 1},
        });
        for (name, value) in changes.as_object().unwrap() {
            metadata[name] = value.clone();
        }
        read(metadata.to_string().as_bytes()).and_then(|it| it.checked(&sample_homeserver(), STABLE_SCOPE))
    }

    #[test]
    fn metadata_of_one_origin_are_taken_as_they_are() {
        let service = metadata(json!({})).expect("honest metadata");
        assert_eq!(service.issuer, "https://auth.dinum.test/");
        assert!(service.registration_endpoint.is_some());
        let service = metadata(json!({"registration_endpoint": null, "code_challenge_methods_supported": null}));
        assert_eq!(service.expect("less is enough").registration_endpoint, None);
        // Compared as a text: no slash is added or taken away.
        let service = metadata(json!({"issuer": "https://auth.dinum.test"})).expect("honest metadata");
        assert_eq!(service.issuer, "https://auth.dinum.test");
    }

    #[test]
    fn foreign_unsafe_or_missing_endpoints_are_refused() {
        for name in [
            "authorization_endpoint",
            "token_endpoint",
            "revocation_endpoint",
            "registration_endpoint",
            "jwks_uri",
        ] {
            for wrong in [
                "https://auth.elysee.test/x",
                "https://auth.dinum.test:8443/x",
                "https://auth.dinum.test.evil.test/x",
                "https://auth.dinum.test@evil.test/x",
                "https://me@auth.dinum.test/x",
                "http://auth.dinum.test/x",
                "http://127.0.0.1/x",
                "javascript:alert(1)",
                "/relative",
                "https://auth.dinum.test/x#fragment",
                "",
            ] {
                let error = metadata(json!({name: wrong})).expect_err(wrong);
                assert_eq!(error.kind(), "nonsense", "{name} {wrong}");
            }
            if name != "registration_endpoint" {
                assert!(metadata(json!({name: null})).is_err(), "{name}");
            }
            assert!(metadata(json!({name: 7})).is_err(), "{name}");
        }
        for issuer in [
            "https://auth.elysee.test/",
            "http://auth.dinum.test/",
            "https://auth.dinum.test/?a",
            "x",
            "",
        ] {
            assert!(metadata(json!({"issuer": issuer})).is_err(), "{issuer}");
        }
        assert!(metadata(json!({"code_challenge_methods_supported": ["plain"]})).is_err());
    }

    #[test]
    fn an_answer_is_kept_as_long_as_it_says_within_bounds() {
        for (value, expected) in [
            (None, USUAL_AGE),
            (Some("public, max-age=600, s-maxage=3600"), 600),
            (Some("max-age=999999999"), LONGEST_AGE),
            (Some("max-age=-5"), 0),
            (Some("max-age=x"), USUAL_AGE),
            (Some("no-store, max-age=600"), 0),
            (Some("no-cache"), 0),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
            }
            assert_eq!(age(&headers), expected, "{value:?}");
        }
    }
}
