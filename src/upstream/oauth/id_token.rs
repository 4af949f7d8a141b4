//! The ID token of an authentication service (OpenID Connect Core §3.1.3.7): the one proof that the answer is the issuer's,
//! for us, for this very attempt and this very access token.

use chrono::DateTime;
use openidconnect::{
    AccessToken, AccessTokenHash, ClientId, IssuerUrl, Nonce,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};

use super::Attempt;
use crate::{secret::constant_time_eq, upstream::UpstreamError};

/// How far another's clock may differ from ours, in seconds (protocol.md §1).
const SKEW: i64 = 60;

/// Signatures that only the issuer can make: no `none`, no MAC.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What an ID token proves.
pub(super) struct Proven {
    /// `sub`.
    pub subject: String,
    /// `auth_time`, Unix seconds.
    pub auth_time: Option<i64>,
}

/// Verifies everything; `at_hash` is required, since it ties the access token to the rest.
///
/// # Errors
/// `Nonsense`, with a word on what is wrong and nothing of the token.
pub(super) fn verify(
    id_token: &str,
    keys: &CoreJsonWebKeySet,
    attempt: &Attempt,
    access_token: &str,
    now: i64,
) -> Result<Proven, UpstreamError> {
    let wrong = UpstreamError::Nonsense;
    let token: CoreIdToken = id_token.parse().map_err(|_| wrong("an ID token that cannot be read"))?;
    let issuer = IssuerUrl::new(attempt.issuer.clone()).map_err(|_| wrong("an issuer that is none"))?;
    let client_id = ClientId::new(attempt.client_id.clone());
    let verifier = CoreIdTokenVerifier::new_public_client(client_id.clone(), issuer, keys.clone())
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || DateTime::from_timestamp(now - SKEW, 0).unwrap_or_default())
        .set_issue_time_verifier_fn(|issued| {
            match (attempt.begun_at - SKEW..=now + SKEW).contains(&issued.timestamp()) {
                true => Ok(()),
                false => Err("not issued for this attempt".to_owned()),
            }
        });
    let nonce = |given: Option<&Nonce>| match given {
        Some(given) if constant_time_eq(given.secret(), &attempt.nonce) => Ok(()),
        _ => Err("another nonce".to_owned()),
    };
    let claims = token.claims(&verifier, nonce).map_err(|error| {
        use openidconnect::ClaimsVerificationError as Error;
        wrong(match error {
            Error::Expired(_) => "an ID token that has expired or was not issued for this login",
            Error::InvalidAudience(_) => "an ID token for another client",
            Error::InvalidIssuer(_) => "an ID token of another issuer",
            Error::InvalidNonce(_) => "an ID token for another login",
            Error::SignatureVerification(_) => "an ID token that its issuer did not sign",
            _ => "an ID token that cannot be accepted",
        })
    })?;
    if claims.authorized_party().is_some_and(|party| *party != client_id) {
        return Err(wrong("an ID token for another client"));
    }
    let hash = token
        .signing_alg()
        .ok()
        .zip(token.signing_key(&verifier).ok())
        .and_then(|(algorithm, key)| {
            AccessTokenHash::from_token(&AccessToken::new(access_token.to_owned()), algorithm, key).ok()
        });
    if hash.is_none() || claims.access_token_hash() != hash.as_ref() {
        return Err(wrong("an ID token for another access token"));
    }
    let auth_time = claims.auth_time().map(|at| at.timestamp());
    if auth_time.is_some_and(|at| at > now + SKEW) {
        return Err(wrong("a login that is yet to come"));
    }
    let subject = claims.subject().as_str().to_owned();
    // Core §2: at most 255 ASCII characters.
    match (1..=255).contains(&subject.len()) && subject.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(Proven { subject, auth_time }),
        false => Err(wrong("an ID token without subject that can be kept")),
    }
}
