//! The relying party that the suite plays: it checks every answer as `AbstractOIDCCServerTest` does.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use openidconnect::core::{CoreClient, CoreIdToken, CoreJsonWebKeySet, CoreProviderMetadata};
use openidconnect::{AccessToken, AccessTokenHash, ClientId, Nonce};
use serde_json::{Value, json};
use tchap_connect::secret::random_token;

use super::keys::PartyKey;
use super::provider::{Provider, Visit};
use crate::support::html::forms;
use crate::support::relying_party::{basic, part, payload};
use crate::support::{Browser, Page, WITHOUT};

/// A registered relying party.
pub struct Party<'a> {
    pub op: &'a Provider,
    /// As the provider answered its registration.
    pub registered: Value,
    pub redirect_uri: String,
    /// Signs its assertions and request objects.
    pub key: Option<Arc<PartyKey>>,
    /// Of its assertions.
    pub audience: String,
}

/// The parameters of an authorization request.
pub type Request = Vec<(String, String)>;

/// An authorization response that reached the redirect URI, and was checked.
#[derive(Debug)]
pub struct Answer {
    pub request: Request,
    pub response: BTreeMap<String, String>,
    pub visit: Visit,
}

/// Tokens that were checked, and what UserInfo said to them.
#[derive(Debug)]
pub struct Tokens {
    pub access_token: String,
    pub id_token: String,
    /// The payload of the ID token.
    pub claims: Value,
    pub response: Value,
    pub userinfo: Value,
}

pub fn find<'a>(parameters: &'a Request, name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

impl Answer {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.response.get(name).map(String::as_str)
    }

    pub fn code(&self) -> &str {
        self.get("code")
            .unwrap_or_else(|| panic!("no code: {:?}", self.response))
    }

    pub fn error(&self) -> &str {
        self.get("error")
            .unwrap_or_else(|| panic!("no error: {:?}", self.response))
    }
}

impl<'a> Party<'a> {
    pub fn new(op: &'a Provider, registered: Value) -> Self {
        let redirect_uri = registered["redirect_uris"][0].as_str().unwrap_or_default().to_owned();
        Self {
            op,
            registered,
            redirect_uri,
            key: op.key.clone(),
            audience: op.text("token_endpoint").to_owned(),
        }
    }

    pub fn id(&self) -> &str {
        self.registered["client_id"].as_str().unwrap()
    }

    /// The suite's usual request, with some parameters changed, added, or left [`WITHOUT`].
    pub fn request(&self, changes: &[(&str, &str)]) -> Request {
        let (state, nonce) = (random_token().unwrap(), random_token().unwrap());
        let mut usual = vec![
            ("client_id", self.id()),
            ("redirect_uri", &self.redirect_uri),
            ("scope", "openid"),
            ("state", &state),
            ("nonce", &nonce),
            ("response_type", "code"),
        ];
        if self.op.form_post {
            usual.push(("response_mode", "form_post"));
        }
        usual.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let all = usual.into_iter().chain(changes.iter().copied());
        all.filter(|(_, value)| *value != WITHOUT)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// The address that asks it.
    pub fn url(&self, request: &Request) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(request)
            .finish();
        format!("{}?{query}", self.op.text("authorization_endpoint"))
    }

    /// Sends the browser with a request, up to the answer.
    pub async fn authorize(&self, browser: &Browser, changes: &[(&str, &str)]) -> Answer {
        let request = self.request(changes);
        let visit = self.op.visit(browser, &self.url(&request)).await;
        self.read(request, visit)
    }

    /// Sends the browser with a request, up to the page that comes instead of an answer.
    pub async fn refused(&self, browser: &Browser, changes: &[(&str, &str)]) -> Page {
        let page = browser.open(&self.url(&self.request(changes))).await;
        assert!(page.status.is_client_error(), "{} {:?}", page.status, page.headers);
        assert_eq!(page.header("location"), "");
        assert!(
            page.header("content-type").starts_with("text/html"),
            "{:?}",
            page.headers
        );
        page
    }

    /// The authorization response where a visit ended: in the query, or as a form to be posted (Form Post §2).
    pub fn read(&self, request: Request, visit: Visit) -> Answer {
        let page = &visit.page;
        let location = page.header("location");
        let pairs: Vec<(String, String)> = match find(&request, "response_mode") {
            Some("form_post") => {
                assert_eq!(
                    (page.status.as_u16(), location),
                    (200, ""),
                    "{} {}",
                    page.url,
                    page.body
                );
                assert!(page.header("content-type").starts_with("text/html"));
                let form = forms(&page.body)
                    .into_iter()
                    .find(|form| form.action == self.redirect_uri);
                form.unwrap_or_else(|| panic!("no form to {}: {}", self.redirect_uri, page.body))
                    .fields
            }
            _ => {
                assert!(
                    page.status.is_redirection(),
                    "{} {} {}",
                    page.status,
                    page.url,
                    page.body
                );
                let answer = location
                    .strip_prefix(&self.redirect_uri)
                    .unwrap_or_else(|| panic!("{location}"));
                assert!(answer.starts_with(['?', '&']) && !answer.contains('#'), "{location}");
                url::form_urlencoded::parse(&answer.as_bytes()[1..])
                    .into_owned()
                    .collect()
            }
        };
        let count = pairs.len();
        let response: BTreeMap<_, _> = pairs.into_iter().filter(|(name, _)| !name.is_empty()).collect();
        assert_eq!(response.len(), count, "a parameter twice");
        let answer = Answer {
            request,
            response,
            visit,
        };
        self.check_response(&answer);
        answer
    }

    fn check_response(&self, answer: &Answer) {
        assert_eq!(answer.get("state"), find(&answer.request, "state"), "RFC 6749 4.1.2");
        if self.op.metadata["authorization_response_iss_parameter_supported"] == true {
            assert_eq!(answer.get("iss"), Some(self.op.text("issuer")), "RFC 9207 2");
        }
        let known = [
            "code",
            "state",
            "iss",
            "error",
            "error_description",
            "error_uri",
            "session_state",
        ];
        for name in answer.response.keys() {
            assert!(known.contains(&name.as_str()), "unexpected: {:?}", answer.response);
        }
        assert_ne!(answer.get("code").is_some(), answer.get("error").is_some());
        check_description(answer.get("error_description"));
    }

    /// The form of a token request for a code.
    pub fn code_form<'f>(&'f self, code: &'f str) -> Vec<(&'f str, &'f str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
        ]
    }

    /// A token request, with the client authentication that was registered.
    pub async fn token(&self, form: &[(&str, &str)]) -> Page {
        let secret = self.registered["client_secret"].as_str().unwrap_or_default();
        let request = self.op.http.request(Method::POST, self.op.text("token_endpoint"));
        let request = match self.registered["token_endpoint_auth_method"].as_str() {
            Some("client_secret_post") => {
                let own = [("client_id", self.id()), ("client_secret", secret)];
                request.form(&[form, &own].concat())
            }
            Some("private_key_jwt") => {
                let assertion = self.assertion();
                let own = [
                    (
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    ),
                    ("client_assertion", assertion.as_str()),
                ];
                request.form(&[form, &own].concat())
            }
            _ => request.header("authorization", basic(self.id(), secret)).form(form),
        };
        self.op.http.send(request).await
    }

    /// RFC 7523 §3.
    fn assertion(&self) -> String {
        let (now, jti) = (self.op.now(), random_token().unwrap());
        let claims = json!({
            "iss": self.id(), "sub": self.id(), "aud": self.audience, "jti": jti, "iat": now, "exp": now + 60,
        });
        self.key.as_ref().expect("a key").sign(&claims)
    }

    /// An answer of the token endpoint that must be tokens (RFC 6749 §5.1), without the ID token.
    pub fn granted(&self, answer: &Page) -> Value {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.header("content-type").starts_with("application/json"));
        assert!(answer.header("cache-control").contains("no-store"));
        let response = answer.json();
        assert!(response["access_token"].as_str().is_some_and(is_vschar), "{response}");
        assert!(response["token_type"].as_str().unwrap().eq_ignore_ascii_case("bearer"));
        assert!(
            response["expires_in"].as_u64().is_some_and(|seconds| seconds > 0),
            "{response}"
        );
        response
    }

    /// An answer of the token endpoint that must be this refusal (RFC 6749 §5.2).
    pub fn denied(&self, answer: &Page, error: &str) {
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"].as_str()),
            (400, Some(error)),
            "{}",
            answer.body
        );
        assert!(answer.header("content-type").starts_with("application/json"));
        check_description(answer.json()["error_description"].as_str());
    }

    /// Redeems a code and checks all that comes, UserInfo included.
    pub async fn redeem(&self, answer: &Answer) -> Tokens {
        let code = answer.code();
        let mut form = self.code_form(code);
        form.extend(
            find(&answer.request, "code_challenge").map(|_| ("code_verifier", crate::support::relying_party::VERIFIER)),
        );
        let response = self.granted(&self.token(&form).await);
        let access_token = response["access_token"].as_str().unwrap().to_owned();
        let id_token = response["id_token"].as_str().unwrap().to_owned();
        self.check_id_token(&id_token, &access_token, find(&answer.request, "nonce"))
            .await;
        let claims = payload(&id_token);
        let userinfo = self.userinfo(&access_token).await;
        assert_eq!(userinfo["sub"], claims["sub"], "Core 5.3.2");
        Tokens {
            access_token,
            id_token,
            claims,
            response,
            userinfo,
        }
    }

    /// Authorization request, code, tokens, UserInfo.
    pub async fn flow(&self, browser: &Browser, changes: &[(&str, &str)]) -> Tokens {
        let answer = self.authorize(browser, changes).await;
        self.redeem(&answer).await
    }

    /// Core §3.1.3.7: signature by the key that `kid` names, `iss`, `aud`, `exp`, `iat`, nonce, `at_hash`, `sub`.
    pub async fn check_id_token(&self, id_token: &str, access_token: &str, nonce: Option<&str>) {
        let jwks = self.op.get(self.op.text("jwks_uri")).await.json();
        let kid = part(id_token, 0)["kid"].clone();
        assert!(
            jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == kid),
            "{kid} in {jwks}"
        );
        let keys: CoreJsonWebKeySet = serde_json::from_value(jwks).unwrap();
        let metadata: CoreProviderMetadata = serde_json::from_value(self.op.metadata.clone()).unwrap();
        // Only the published keys count.
        let client = CoreClient::from_provider_metadata(metadata.set_jwks(keys), ClientId::new(self.id().into()), None);
        let verifier = client.id_token_verifier();
        let token: CoreIdToken = id_token.parse().unwrap();
        let same_nonce = |given: Option<&Nonce>| match given.map(|given| given.secret().as_str()) == nonce {
            true => Ok(()),
            false => Err("another nonce".to_owned()),
        };
        let claims = token.claims(&verifier, same_nonce).unwrap();
        if let Some(at_hash) = claims.access_token_hash() {
            let (algorithm, key) = (token.signing_alg().unwrap(), token.signing_key(&verifier).unwrap());
            let own = AccessTokenHash::from_token(&AccessToken::new(access_token.into()), algorithm, key).unwrap();
            assert_eq!(*at_hash, own, "Core 3.1.3.6");
        }
        let subject = claims.subject().as_str();
        assert!(
            !subject.is_empty() && subject.len() <= 255 && subject.is_ascii(),
            "Core 2: {subject}"
        );
    }

    /// Another JWT of the provider's for this client: signature by the key that `kid` names, `iss`, `aud`. Its payload.
    pub async fn check_jwt(&self, token: &str) -> Value {
        let keys = self.op.get(self.op.text("jwks_uri")).await.json();
        let keys: JwkSet = serde_json::from_value(keys).unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        let key = keys.find(header.kid.as_deref().expect("kid")).expect("a published key");
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[self.op.text("issuer")]);
        validation.set_audience(&[self.id()]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        jsonwebtoken::decode(token, &DecodingKey::from_jwk(key).unwrap(), &validation)
            .unwrap()
            .claims
    }

    /// UserInfo with the token in the header (Core §5.3.1).
    pub async fn userinfo(&self, access_token: &str) -> Value {
        let request = self.op.http.request(Method::GET, self.op.text("userinfo_endpoint"));
        checked_userinfo(&self.op.http.send(request.bearer_auth(access_token)).await)
    }
}

/// UserInfo as JSON: 200, and every claim of the type that Core §5.1 gives it.
pub fn checked_userinfo(answer: &Page) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer.header("content-type").starts_with("application/json"),
        "{:?}",
        answer.headers
    );
    let claims = answer.json();
    for (name, value) in claims.as_object().unwrap() {
        let good = match name.as_str() {
            "email_verified" | "phone_number_verified" => value.is_boolean(),
            "updated_at" => value.is_u64(),
            "address" => value.is_object(),
            "sub" | "name" | "given_name" | "family_name" | "preferred_username" | "locale" | "email"
            | "phone_number" => value.as_str().is_some_and(|text| !text.is_empty()),
            _ => !value.is_null(),
        };
        assert!(good, "Core 5.1: {name} is {value}");
    }
    claims
}

/// RFC 6749 §5.2: what may stand in `error_description`.
fn check_description(description: Option<&str>) {
    let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(
        description.is_none_or(|text| text.bytes().all(allowed)),
        "{description:?}"
    );
}

/// RFC 6749 appendix A.12 and A.17.
pub fn is_vschar(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}
