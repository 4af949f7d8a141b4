//! Protected resources (RFC 8707): who they are, and the ones that a request names.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use url::Url;

use super::client::SigningAlg;
use super::client_metadata::{FieldProblem, check_display_name};
use super::error::{ErrorCode, OAuthError};
use super::params::Params;
use super::return_to::is_loopback;

/// What access tokens for a resource look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenFormat {
    /// A random value: the resource asks us by introspection.
    #[default]
    Opaque,
    /// A JWT (RFC 9068) that the resource verifies by itself.
    Jwt,
}

/// A registered resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// The absolute URI by which requests name it, compared as a string.
    pub identifier: String,
    /// The name that agents read.
    pub name: String,
    /// What its tokens look like.
    #[serde(default)]
    pub access_token_format: AccessTokenFormat,
    /// What signs them.
    #[serde(default)]
    pub access_token_signing_alg: SigningAlg,
    /// Its own scopes, besides the provider's.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
    /// The client by which it introspects tokens.
    #[serde(default)]
    pub client_id: Option<String>,
}

/// What a resource that cannot be had answers (RFC 8707 §2).
pub const INVALID_TARGET: OAuthError = OAuthError::new(
    ErrorCode::InvalidTarget,
    "a resource is malformed, unknown or not for this client",
);

/// Longer identifiers have no honest use, in bytes.
const MAX_IDENTIFIER: usize = 2048;

impl Resource {
    /// Checks an entry as written; `provider_scopes` are taken.
    ///
    /// # Errors
    /// Every problem.
    pub fn validate(&self, provider_scopes: &[&str]) -> Result<(), Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let url = Url::parse(&self.identifier)
            .ok()
            .filter(|_| is_identifier(&self.identifier));
        if !url.is_some_and(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url))) {
            let message = "required: an https address without fragment, for example \"https://api.example.fr\"";
            problems.push(FieldProblem::new("identifier", message));
        }
        if let Err(message) = check_display_name(&self.name) {
            problems.push(FieldProblem::new("name", message));
        }
        for scope in &self.scopes {
            if !is_scope(scope) {
                problems.push(FieldProblem::new(
                    "scopes",
                    format!("{scope:?} is no scope (RFC 6749 3.3)"),
                ));
            } else if provider_scopes.contains(&scope.as_str()) {
                problems.push(FieldProblem::new(
                    "scopes",
                    format!("{scope:?} is a scope of the provider"),
                ));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// The resources that a request names; the caller checks that they are registered.
///
/// # Errors
/// `invalid_target` when one is no absolute URI or has a fragment.
pub fn asked(params: &Params) -> Result<BTreeSet<String>, OAuthError> {
    let named: BTreeSet<String> = params.get_all("resource").map(str::to_owned).collect();
    match named.iter().all(|identifier| is_identifier(identifier)) {
        true => Ok(named),
        false => Err(INVALID_TARGET),
    }
}

fn is_identifier(text: &str) -> bool {
    text.len() <= MAX_IDENTIFIER && !text.contains('#') && Url::parse(text).is_ok()
}

/// A scope token (RFC 6749 §3.3).
fn is_scope(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_resources_by_absolute_uris_without_fragment() {
        let asked = |form: &str| asked(&Params::parse(form.as_bytes()).unwrap());
        let two = asked("resource=https://b.example/x&resource=https://a.example&resource=https://a.example").unwrap();
        assert_eq!(
            two.into_iter().collect::<Vec<_>>(),
            ["https://a.example", "https://b.example/x"]
        );
        assert!(asked("resource=&x=y").unwrap().is_empty());
        assert!(asked("resource=urn:example:api").is_ok());
        for bad in [
            "/path",
            "api",
            "//a.example",
            "https://a.example%23f",
            "https://a.example%23",
            "https://",
        ] {
            let error = asked(&format!("resource=https://a.example&resource={bad}")).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidTarget, "{bad}");
        }
        assert!(asked(&format!("resource=https://a.example/{}", "x".repeat(2048))).is_err());
    }

    #[test]
    fn an_entry_is_checked_as_a_whole() {
        let good = Resource {
            identifier: "https://api.example.fr".into(),
            name: "API".into(),
            access_token_format: AccessTokenFormat::Jwt,
            access_token_signing_alg: SigningAlg::ES256,
            scopes: BTreeSet::from(["api:read".into()]),
            client_id: None,
        };
        assert_eq!(good.validate(&["openid"]), Ok(()));
        let fields = |resource: Resource| -> Vec<String> {
            let problems = resource.validate(&["openid"]).unwrap_err();
            problems.into_iter().map(|problem| problem.field).collect()
        };
        for bad in [
            "",
            "api",
            "http://api.example.fr",
            "https://api.example.fr#f",
            "javascript:alert(1)",
            "urn:x:y",
        ] {
            let identifier = bad.to_owned();
            assert_eq!(
                fields(Resource {
                    identifier,
                    ..good.clone()
                }),
                ["identifier"],
                "{bad}"
            );
        }
        for bad in ["", "a b", "a\"b", "é", "openid"] {
            let scopes = BTreeSet::from([bad.to_owned()]);
            assert_eq!(fields(Resource { scopes, ..good.clone() }), ["scopes"], "{bad}");
        }
        assert_eq!(
            fields(Resource {
                name: "a\u{202e}b".into(),
                ..good
            }),
            ["name"]
        );
    }
}
