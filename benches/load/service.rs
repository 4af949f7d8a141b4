//! The service that agents sign in to: asks, redeems the code, fetches the claims, and believes nothing unseen.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use tchap_connect::secret::{fingerprint, random_token};
use url::{Url, form_urlencoded};

pub const CLIENT_ID: &str = "load";
/// Never contacted.
pub const REDIRECT_URI: &str = "https://load.example/callback";

/// A confidential client and its provider.
#[derive(Debug)]
pub struct Service {
    provider: Provider,
    secret: String,
}

#[derive(Debug, Deserialize)]
struct Provider {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
}

/// What was asked, to compare with the answer.
pub struct Asked {
    pub url: String,
    state: String,
    nonce: String,
    verifier: String,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: String,
}

impl Service {
    /// Reads the provider's discovery document.
    pub async fn discover(http: &Client, issuer: &str, secret: String) -> anyhow::Result<Self> {
        let url = format!("{issuer}/.well-known/openid-configuration");
        let document = http.get(url).send().await?.error_for_status()?.bytes().await?;
        let provider: Provider = serde_json::from_slice(&document)?;
        ensure!(
            provider.issuer == issuer,
            "the provider calls itself {}",
            provider.issuer
        );
        let endpoints = [
            &provider.authorization_endpoint,
            &provider.token_endpoint,
            &provider.userinfo_endpoint,
        ];
        for endpoint in endpoints {
            ensure!(
                endpoint.starts_with(&format!("{issuer}/")),
                "{endpoint} is somewhere else"
            );
        }
        Ok(Self { provider, secret })
    }

    /// The client's secret.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// An authorization request with everything that a careful service sends.
    pub fn ask(&self) -> anyhow::Result<Asked> {
        let (state, nonce, verifier) = (random_token()?, random_token()?, random_token()?);
        let parameters = [
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid profile email administration"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &fingerprint(&verifier)),
            ("code_challenge_method", "S256"),
        ];
        let url = Url::parse_with_params(&self.provider.authorization_endpoint, parameters)?;
        Ok(Asked {
            url: url.into(),
            state,
            nonce,
            verifier,
        })
    }

    /// The absolute address of a path of the provider's.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.provider.issuer)
    }

    /// From the answer at the redirect URI to the claims.
    pub async fn finish(&self, http: &Client, asked: Asked, answer: &str) -> anyhow::Result<Value> {
        let query = answer
            .strip_prefix(REDIRECT_URI)
            .and_then(|rest| rest.strip_prefix('?'));
        let query = query.with_context(|| format!("sent to {answer}"))?;
        let answer: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        ensure!(answer.get("state") == Some(&asked.state), "another state: {answer:?}");
        ensure!(
            answer.get("iss") == Some(&self.provider.issuer),
            "another issuer: {answer:?}"
        );
        let form = [
            ("grant_type", "authorization_code"),
            ("code", answer.get("code").context("no code")?),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", &asked.verifier),
        ];
        let request = http
            .post(&self.provider.token_endpoint)
            .basic_auth(CLIENT_ID, Some(&self.secret));
        let tokens: Tokens = request.form(&form).send().await?.error_for_status()?.json().await?;
        let request = http
            .get(&self.provider.userinfo_endpoint)
            .bearer_auth(&tokens.access_token);
        let claims: Value = request.send().await?.error_for_status()?.json().await?;
        let id_token = payload(&tokens.id_token)?;
        ensure!(id_token["nonce"] == asked.nonce.as_str(), "another nonce");
        ensure!(id_token["sub"] == claims["sub"], "another subject");
        Ok(claims)
    }
}

/// The claims of a compact JWS. Its signature is the tests' business: here it would only slow the load down.
fn payload(token: &str) -> anyhow::Result<Value> {
    let payload = token.split('.').nth(1).context("no compact JWS")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}
