//! Sign-in with Tchap in three steps: `begin` (to the provider), `finish` (back from it), `sign_out_url`.
//!
//! OpenID Connect Core §3.1 (code flow) with PKCE (RFC 7636), state, nonce and issuer check (RFC 9207). Nothing in here is
//! special to Tchap but the names of some claims: another provider is another issuer.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdToken, CoreRequestTokenError,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, LanguageTag, LogoutRequest, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout,
    RedirectUrl, RequestTokenError, Scope, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// What the provider knows this site as.
pub struct Partner {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    redirect_uri: RedirectUrl,
    home: String,
    scopes: Vec<Scope>,
    http: reqwest::Client,
}

/// What must survive the round trip. It stays on our side; the browser only holds the cookie that finds it.
pub struct Pending {
    metadata: ProviderMetadataWithLogout,
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// A person whose ID token was verified.
pub struct SignedIn {
    metadata: ProviderMetadataWithLogout,
    pub id_token: CoreIdToken,
    pub claims: UserInfoClaims<TchapClaims, CoreGenderClaim>,
}

/// Claims beyond the standard ones (`siret`, `administration_name`, …). A real site would name those it uses.
#[derive(Debug, Serialize, Deserialize)]
pub struct TchapClaims(BTreeMap<String, Value>);
impl AdditionalClaims for TchapClaims {}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The provider's own word, at the redirect URI or at its token endpoint (RFC 6749 §4.1.2.1, §5.2).
    #[error("the provider answered {error}: {description}")]
    Refused { error: String, description: String },
    #[error("an answer to no question of this browser")]
    NotStartedHere,
    #[error("the provider does not answer: {0}")]
    Unreachable(String),
    #[error("an answer that must not be believed: {0}")]
    Untrustworthy(String),
}

type DiscoveredClient =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

impl Partner {
    pub fn new(
        issuer: String,
        client_id: String,
        client_secret: Option<String>,
        home: &str,
        scopes: &str,
    ) -> anyhow::Result<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a program of its own, without the provider's guarded fetcher"
        )]
        let http = reqwest::Client::builder()
            // A redirect would let the provider's address stand for another one (SSRF).
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            issuer: IssuerUrl::new(issuer)?,
            client_id: ClientId::new(client_id),
            client_secret: client_secret.map(ClientSecret::new),
            redirect_uri: RedirectUrl::new(format!("{home}/retour"))?,
            home: format!("{home}/"),
            // The crate adds `openid` by itself.
            scopes: scopes
                .split_whitespace()
                .filter(|scope| *scope != "openid")
                .map(|s| Scope::new(s.into()))
                .collect(),
            http,
        })
    }

    /// Step 1: where to send the browser, and what to remember until it comes back.
    ///
    /// Discovery runs at every sign-in: always the current keys, and a provider that was down needs nothing but a new try.
    pub async fn begin(&self, prompt: Option<&str>, lang: &str) -> Result<(Url, Pending), Problem> {
        let fetch = |request| fetch(self.http.clone(), request);
        let metadata = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &fetch)
            .await
            .map_err(|error| Problem::Unreachable(chain(&error)))?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client(&metadata);
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(self.scopes.clone())
            .set_pkce_challenge(challenge)
            .add_ui_locale(LanguageTag::new(lang.to_owned()));
        // Only known values: what a link to this site carries must not shape our request freely.
        request = match prompt {
            Some("none") => request.add_prompt(CoreAuthPrompt::None),
            Some("login") => request.add_prompt(CoreAuthPrompt::Login),
            Some("consent") => request.add_prompt(CoreAuthPrompt::Consent),
            Some("select_account") => request.add_prompt(CoreAuthPrompt::SelectAccount),
            _ => request,
        };
        let (url, state, nonce) = request.url();
        Ok((
            url,
            Pending {
                metadata,
                state,
                nonce,
                verifier,
            },
        ))
    }

    /// Step 2: the answer at the redirect URI, turned into a person.
    pub async fn finish(&self, pending: Pending, answer: &HashMap<String, String>) -> Result<SignedIn, Problem> {
        // First the state: an answer to another browser's question is not even read.
        if answer.get("state") != Some(pending.state.secret()) {
            return Err(Problem::NotStartedHere);
        }
        // RFC 9207: an answer that names another issuer was meant to confuse us (mix-up attack).
        if answer.get("iss").is_some_and(|issuer| issuer != self.issuer.as_str()) {
            return Err(Problem::Untrustworthy("iss names another provider".into()));
        }
        if let Some(error) = answer.get("error") {
            let description = answer.get("error_description").cloned().unwrap_or_default();
            return Err(Problem::Refused {
                error: error.clone(),
                description,
            });
        }
        let code = answer
            .get("code")
            .ok_or_else(|| Problem::Untrustworthy("neither code nor error".into()))?;

        let fetch = |request| fetch(self.http.clone(), request);
        let client = self.client(&pending.metadata);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.clone()))
            .map_err(|error| Problem::Untrustworthy(chain(&error)))?
            .set_pkce_verifier(pending.verifier)
            .request_async(&fetch)
            .await
            .map_err(token_problem)?;

        // The signature, `iss`, `aud`, `exp` and our nonce; then that the access token is the one this ID token came with.
        let id_token = tokens
            .id_token()
            .ok_or_else(|| Problem::Untrustworthy("no ID token".into()))?;
        let verifier = client.id_token_verifier();
        let verified = id_token.claims(&verifier, &pending.nonce).map_err(untrustworthy)?;
        if let Some(expected) = verified.access_token_hash() {
            let (algorithm, key) = (id_token.signing_alg(), id_token.signing_key(&verifier));
            let algorithm = algorithm.map_err(untrustworthy)?;
            let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key.map_err(untrustworthy)?)
                .map_err(untrustworthy)?;
            if actual != *expected {
                return Err(Problem::Untrustworthy("at_hash does not match the access token".into()));
            }
        }
        // The crate refuses claims about anybody but the subject of the ID token (Core §5.3.2).
        let claims = client
            .user_info(tokens.access_token().clone(), Some(verified.subject().clone()))
            .map_err(untrustworthy)?
            .request_async(&fetch)
            .await
            .map_err(untrustworthy)?;
        Ok(SignedIn {
            id_token: id_token.clone(),
            claims,
            metadata: pending.metadata,
        })
    }

    /// Step 3, where the provider offers it: the address that also ends the session there (RP-Initiated Logout §2).
    pub fn sign_out_url(&self, person: &SignedIn) -> Option<Url> {
        let endpoint = person.metadata.additional_metadata().end_session_endpoint.clone()?;
        let home = PostLogoutRedirectUrl::new(self.home.clone()).ok()?;
        let request = LogoutRequest::from(endpoint)
            .set_id_token_hint(&person.id_token)
            .set_post_logout_redirect_uri(home);
        Some(request.http_get_url())
    }

    fn client(&self, metadata: &ProviderMetadataWithLogout) -> DiscoveredClient {
        let secret = self.client_secret.clone();
        CoreClient::from_provider_metadata(metadata.clone(), self.client_id.clone(), secret)
            .set_redirect_uri(self.redirect_uri.clone())
    }
}

/// Hands the crate's requests to our HTTP client: it takes any function of this shape.
async fn fetch(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let answer = http.execute(request.try_into()?).await?;
    let mut response = HttpResponse::default();
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.to_vec();
    Ok(response)
}

fn token_problem(error: CoreRequestTokenError<reqwest::Error>) -> Problem {
    match error {
        RequestTokenError::ServerResponse(refusal) => Problem::Refused {
            error: refusal.error().to_string(),
            description: refusal.error_description().cloned().unwrap_or_default(),
        },
        RequestTokenError::Request(error) => Problem::Unreachable(chain(&error)),
        other => untrustworthy(other),
    }
}

fn untrustworthy(error: impl Error) -> Problem {
    Problem::Untrustworthy(chain(&error))
}

/// The error with its causes on one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
