//! The token request (RFC 6749 §4.1.3, §4.4.2, §6): one variant per grant.

use super::client::GrantType;
use super::error::{ErrorCode, OAuthError};
use super::params::Params;
use crate::secret::Redacted;

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
    /// `grant_type=refresh_token`.
    RefreshToken {
        /// The refresh token.
        refresh_token: Redacted,
        /// `scope`, to get less than was granted.
        scope: Option<String>,
    },
    /// `grant_type=client_credentials`.
    ClientCredentials {
        /// `scope`.
        scope: Option<String>,
    },
}

impl TokenRequest {
    /// Reads a token request.
    ///
    /// # Errors
    /// `unsupported_grant_type`, or `invalid_request` when something is missing or repeated.
    pub fn parse(params: &Params) -> Result<Self, OAuthError> {
        params.refuse_repeated()?;
        let optional = |name: &str| params.get(name).map(str::to_owned);
        let required = |name: &str, error| optional(name).ok_or(OAuthError::invalid_request(error));
        let grant_type = required("grant_type", "grant_type is missing")?;
        let known = GrantType::ALL.iter().find(|(name, _)| *name == grant_type);
        let (_, grant_type) = known.ok_or(OAuthError::new(
            ErrorCode::UnsupportedGrantType,
            "this grant_type is not supported",
        ))?;
        Ok(match grant_type {
            GrantType::AuthorizationCode => Self::AuthorizationCode {
                code: required("code", "code is missing")?,
                redirect_uri: required("redirect_uri", "redirect_uri is missing")?,
                code_verifier: optional("code_verifier"),
            },
            GrantType::RefreshToken => Self::RefreshToken {
                refresh_token: Redacted::new(required("refresh_token", "refresh_token is missing")?),
                scope: optional("scope"),
            },
            GrantType::ClientCredentials => Self::ClientCredentials {
                scope: optional("scope"),
            },
        })
    }

    /// The grant that a client must have registered for this request.
    pub fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode { .. } => GrantType::AuthorizationCode,
            Self::RefreshToken { .. } => GrantType::RefreshToken,
            Self::ClientCredentials { .. } => GrantType::ClientCredentials,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_grant_needs_its_parameters() {
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
        assert_eq!(parse("grant_type=refresh_token&refresh_token=r"), None);
        assert_eq!(parse("grant_type=refresh_token"), Some(ErrorCode::InvalidRequest));
        assert_eq!(parse("grant_type=client_credentials"), None);
        for later in ["password", "implicit", "REFRESH_TOKEN", "authorization_code "] {
            let form = format!("grant_type={later}&code=c&redirect_uri=r");
            assert_eq!(
                parse(&form.replace(' ', "+")),
                Some(ErrorCode::UnsupportedGrantType),
                "{later}"
            );
        }
    }
}
