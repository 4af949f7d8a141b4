//! A relying party: the `openidconnect` crate by discovery, and raw requests to vary at will.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use openidconnect::core::{CoreClient, CoreIdToken, CoreIdTokenClaims, CoreProviderMetadata};
use openidconnect::{AccessToken, AccessTokenHash, ClientId, HttpRequest, HttpResponse, IssuerUrl, Nonce};
use serde_json::Value;
use tchap_connect::protocol::client::Client;

use super::browser::{Http, Page};
use super::secrets::Traffic;

use super::{Browser, EMAIL, TestApp};

pub const STATE: &str = "state \u{e9}&=+\"af0ifjsldkj";
pub const NONCE: &str = "nonce-n-0S6_WzA2Mj";
// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Leaves a parameter out.
pub const WITHOUT: &str = "\0";

impl Tokens {
    /// The refresh token, which must be there.
    pub fn refresh_token(&self) -> &str {
        self.response["refresh_token"].as_str().expect("a refresh token")
    }
}

/// A client of the provider's.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    pub client: Client,
    pub secret: Option<String>,
    pub redirect_uri: String,
    pub http: Http,
    pub issuer: String,
    pub base_url: String,
}

/// Tokens that were verified.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access_token: String,
    pub id_token: String,
    /// The payload of the ID token.
    pub claims: Value,
    pub response: Value,
}

impl RelyingParty {
    pub fn new(app: &TestApp, client: Client, secret: Option<String>) -> Self {
        Self::at(
            &app.base_url,
            &app.app.config.issuer,
            app.traffic.clone(),
            client,
            secret,
        )
    }

    /// Of a provider at this address, which names itself `issuer`.
    pub fn at(base_url: &str, issuer: &str, traffic: Arc<Traffic>, client: Client, secret: Option<String>) -> Self {
        Self {
            redirect_uri: client.redirect_uris[0].clone(),
            client,
            secret,
            http: Http::new(traffic),
            issuer: issuer.to_owned(),
            base_url: base_url.to_owned(),
        }
    }

    /// The parameters of an authorization request: all that is usual, with some changed, added or left [`WITHOUT`].
    pub fn parameters<'a>(&'a self, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let usual = [
            ("response_type", "code"),
            ("client_id", &self.client.id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", "openid profile email"),
            ("state", STATE),
            ("nonce", NONCE),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let unchanged = usual
            .into_iter()
            .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        unchanged
            .chain(changes.iter().copied())
            .filter(|(_, value)| *value != WITHOUT)
            .collect()
    }

    /// The address that its button leads to.
    pub fn url(&self, changes: &[(&str, &str)]) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.parameters(changes))
            .finish();
        format!("{}/authorize?{query}", self.base_url)
    }

    /// What an authorization response says: it must be one of ours, to this client, with `state` and `iss`.
    pub fn answer(&self, page: &Page) -> Vec<(String, String)> {
        let pairs = self.members(page);
        let value = |name: &str| {
            let mut values = pairs
                .iter()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value.as_str());
            let value = values.next();
            assert_eq!(values.next(), None, "{name} twice in {pairs:?}");
            value
        };
        assert_eq!(value("iss"), Some(&*self.issuer), "RFC 9207: {pairs:?}");
        assert_eq!(value("state"), Some(STATE), "{pairs:?}");
        assert_ne!(value("code").is_some(), value("error").is_some(), "{pairs:?}");
        if let Some(description) = value("error_description") {
            let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(description.bytes().all(allowed), "{description}");
        }
        pairs
    }

    /// The members of an authorization response, in whichever mode it came.
    fn members(&self, page: &Page) -> Vec<(String, String)> {
        if page.status == 200 && page.has("form-post") {
            let form = page.form("form-post");
            assert_eq!(form.action, self.redirect_uri);
            return form.fields;
        }
        assert_eq!(page.status, 303, "{} {}", page.url, page.body);
        let location = page.header("location");
        let rest = location
            .strip_prefix(&self.redirect_uri)
            .unwrap_or_else(|| panic!("{location}"));
        let query = rest
            .strip_prefix(['?', '&', '#'])
            .unwrap_or_else(|| panic!("{location}"));
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    fn member(&self, page: &Page, name: &str) -> String {
        let answer = self.answer(page);
        let found = answer.iter().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("no {name} in {answer:?}")).1.clone()
    }

    /// The code of an authorization response.
    pub fn code(&self, page: &Page) -> String {
        self.member(page, "code")
    }

    /// The error of an authorization response.
    pub fn error(&self, page: &Page) -> String {
        self.member(page, "error")
    }

    /// The whole first visit of Jean's, up to the code.
    pub async fn sign_in(&self, browser: &Browser, changes: &[(&str, &str)]) -> String {
        self.code(&browser.sign_in(&self.url(changes), EMAIL).await)
    }

    /// The whole first visit, up to verified tokens.
    pub async fn tokens(&self, browser: &Browser, changes: &[(&str, &str)]) -> Tokens {
        let code = self.sign_in(browser, changes).await;
        self.redeem(&code).await
    }

    /// A later visit that must need no page, up to verified tokens.
    pub async fn silently(&self, browser: &Browser, changes: &[(&str, &str)]) -> Tokens {
        let answer = browser.get(&self.url(changes)).await;
        self.redeem(&self.code(&answer)).await
    }

    pub fn basic(&self) -> String {
        basic(&self.client.id, self.secret.as_deref().unwrap_or_default())
    }

    /// The usual form of a token request, to be varied.
    pub fn form<'a>(&'a self, code: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", VERIFIER),
            ("client_id", &self.client.id),
        ];
        let unchanged = usual
            .into_iter()
            .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        unchanged
            .chain(changes.iter().copied())
            .filter(|(_, value)| *value != WITHOUT)
            .collect()
    }

    /// A token request with this form, and Basic where there is a secret.
    pub async fn token(&self, form: &[(&str, &str)]) -> Page {
        let headers = self.secret.as_ref().map(|_| ("authorization", self.basic()));
        self.token_with(form, headers.as_slice()).await
    }

    /// A token request with this form and these headers.
    pub async fn token_with(&self, form: &[(&str, &str)], headers: &[(&str, String)]) -> Page {
        let mut request = self
            .http
            .request(Method::POST, &format!("{}/token", self.base_url))
            .form(form);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        self.http.send(request).await
    }

    /// Redeems a code and verifies what comes, as a careful client does.
    pub async fn redeem(&self, code: &str) -> Tokens {
        self.redeem_for(code, Some(NONCE)).await
    }

    /// The same, for a request with this nonce or none.
    pub async fn redeem_for(&self, code: &str, nonce: Option<&str>) -> Tokens {
        let answer = self.token(&self.form(code, &[])).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(
            (answer.header("cache-control"), answer.header("content-type")),
            ("no-store", "application/json")
        );
        self.verified(&answer, nonce).await
    }

    /// Tokens from an answer of the token endpoint, verified.
    async fn verified(&self, answer: &Page, nonce: Option<&str>) -> Tokens {
        let response = answer.json();
        assert_eq!(response["token_type"], "Bearer");
        let text = |name: &str| response[name].as_str().unwrap().to_owned();
        let (access_token, id_token) = (text("access_token"), text("id_token"));
        self.verify(&id_token, &access_token, nonce).await;
        Tokens {
            claims: payload(&id_token),
            access_token,
            id_token,
            response,
        }
    }

    /// A refresh request with this token, with parameters added.
    pub async fn refresh(&self, token: &str, further: &[(&str, &str)]) -> Page {
        let usual = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", &self.client.id),
        ];
        let form: Vec<_> = usual.into_iter().chain(further.iter().copied()).collect();
        self.token(&form).await
    }

    /// A refresh that must do, up to verified tokens.
    pub async fn refreshed(&self, token: &str) -> Tokens {
        let answer = self.refresh(token, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.verified(&answer, None).await
    }

    /// A form sent to one of the endpoints for programs, authenticated as this client.
    pub async fn send(&self, path: &str, form: &[(&str, &str)]) -> Page {
        self.send_accepting(path, form, "*/*").await
    }

    /// The same for an answer of this type.
    pub async fn send_accepting(&self, path: &str, form: &[(&str, &str)], accept: &str) -> Page {
        let mut form = form.to_vec();
        form.push(("client_id", &self.client.id));
        let url = format!("{}{path}", self.base_url);
        let mut request = self
            .http
            .request(Method::POST, &url)
            .header("accept", accept)
            .form(&form);
        if self.secret.is_some() {
            request = request.header("authorization", self.basic());
        }
        self.http.send(request).await
    }

    /// What introspection says to this client.
    pub async fn introspect(&self, token: &str) -> Value {
        let answer = self.send("/introspect", &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// Signature against the published keys, `iss`, `aud`, `exp`, nonce and `at_hash`, by the `openidconnect` crate.
    async fn verify(&self, id_token: &str, access_token: &str, nonce: Option<&str>) -> CoreIdTokenClaims {
        let metadata = self.discover().await;
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(self.client.id.clone()),
            // Only the published keys count: an HMAC under the secret would not do.
            None,
        );
        let verifier = client.id_token_verifier();
        let token: CoreIdToken = id_token.parse().unwrap();
        let check = |given: Option<&Nonce>| match given.map(|given| given.secret().as_str()) == nonce {
            true => Ok(()),
            false => Err("another nonce".to_owned()),
        };
        let claims = token.claims(&verifier, check).unwrap();
        let algorithm = token.signing_alg().unwrap();
        assert_eq!(
            serde_json::to_value(algorithm).unwrap(),
            self.client.id_token_signed_response_alg.as_str()
        );
        let key = token.signing_key(&verifier).unwrap();
        let at_hash = AccessTokenHash::from_token(&AccessToken::new(access_token.into()), algorithm, key).unwrap();
        assert_eq!(claims.access_token_hash(), Some(&at_hash));
        claims.clone()
    }

    /// Discovery as the `openidconnect` crate does it, key set included.
    pub async fn discover(&self) -> CoreProviderMetadata {
        let fetch = |request: HttpRequest| async {
            let request: reqwest::Request = request.try_into()?;
            let builder = self.http.request(request.method().clone(), request.url().as_str());
            let answer = self.http.send(builder).await;
            let mut response = HttpResponse::default();
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            *response.body_mut() = answer.body.into_bytes();
            Ok::<_, reqwest::Error>(response)
        };
        let issuer = IssuerUrl::new(self.issuer.clone()).unwrap();
        CoreProviderMetadata::discover_async(issuer, &fetch).await.unwrap()
    }

    /// UserInfo by header.
    pub async fn userinfo(&self, access_token: &str) -> Page {
        let request = self.http.request(Method::GET, &format!("{}/userinfo", self.base_url));
        self.http.send(request.bearer_auth(access_token)).await
    }

    /// The claims that UserInfo gives for a token that must be good.
    pub async fn claims(&self, tokens: &Tokens) -> Value {
        let answer = self.userinfo(&tokens.access_token).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["sub"], tokens.claims["sub"], "Core 5.3.2");
        answer.json()
    }
}

/// RFC 6749 §2.3.1: both form-encoded, then joined.
pub fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{}", encode(id), encode(secret)))
    )
}

/// The payload of a JWT.
pub fn payload(token: &str) -> Value {
    part(token, 1)
}

/// A part of a JWT: 0 is the header, 1 the payload.
pub fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
