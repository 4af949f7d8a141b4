//! The token request (RFC 6749 §4.1.3): one variant per grant.

use super::error::{ErrorCode, OAuthError};
use super::params::Params;

/// A parsed token request.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// `grant_type=authorization_code`.
    AuthorizationCode {
        /// The code.
        code: String,
        /// The redirect URI of the authorization request.
        redirect_uri: String,
        /// PKCE (RFC 7636 §4.5).
        code_verifier: Option<String>,
    },
}

impl TokenRequest {
    /// The grant types that [`TokenRequest::parse`] knows, as discovery lists them.
    pub const GRANT_TYPES: [&'static str; 1] = ["authorization_code"];

    /// Reads a token request.
    ///
    /// # Errors
    /// `unsupported_grant_type`, or `invalid_request` when something is missing or repeated.
    pub fn parse(params: &Params) -> Result<Self, OAuthError> {
        params.refuse_repeated()?;
        let required = |name: &str, error| {
            params
                .get(name)
                .map(str::to_owned)
                .ok_or(OAuthError::invalid_request(error))
        };
        match required("grant_type", "grant_type is missing")?.as_str() {
            "authorization_code" => Ok(Self::AuthorizationCode {
                code: required("code", "code is missing")?,
                redirect_uri: required("redirect_uri", "redirect_uri is missing")?,
                code_verifier: params.get("code_verifier").map(str::to_owned),
            }),
            _ => Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "this grant_type is not supported",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_request_needs_code_and_redirect_uri() {
        let parse = |form: &str| {
            TokenRequest::parse(&Params::parse(form.as_bytes()).unwrap())
                .err()
                .map(|e| e.code)
        };
        assert_eq!(parse("grant_type=authorization_code&code=c&redirect_uri=r"), None);
        for missing in [
            "code=c",
            "grant_type=authorization_code&code=c",
            "grant_type=authorization_code&redirect_uri=r",
            "grant_type=authorization_code&code=c&code=d&redirect_uri=r",
        ] {
            assert_eq!(parse(missing), Some(ErrorCode::InvalidRequest), "{missing}");
        }
        for later in ["password", "refresh_token", "client_credentials", "authorization_code "] {
            let form = format!("grant_type={later}&code=c&redirect_uri=r");
            assert_eq!(
                parse(&form.replace(' ', "+")),
                Some(ErrorCode::UnsupportedGrantType),
                "{later}"
            );
        }
    }
}
