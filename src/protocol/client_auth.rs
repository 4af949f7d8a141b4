//! Client authentication at the token endpoint (RFC 6749 §2.3, Core §9): exactly one method, and a registered one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client::{Client, ClientAuthMethod, ClientSecret};
use super::client_assertion;
use super::error::{ErrorCode, OAuthError};
use super::jws;
use super::params::Params;
use crate::secret::{Redacted, constant_time_eq, fingerprint};

/// What a client presented.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The client that it says it is.
    pub client_id: String,
    /// The method it used.
    pub method: ClientAuthMethod,
    /// The secret or the assertion.
    secret: Redacted,
}

impl Credentials {
    /// The assertion of `private_key_jwt`, not verified yet.
    pub fn assertion(&self) -> Option<&str> {
        (self.method == ClientAuthMethod::PrivateKeyJwt).then(|| self.secret.expose())
    }
}

/// The answer to every failed authentication, whatever the reason.
pub const FAILED: OAuthError = OAuthError::new(ErrorCode::InvalidClient, "client authentication failed");

const TWO_METHODS: OAuthError = OAuthError::invalid_request("more than one method of client authentication");

/// Reads the credentials from the `Authorization` header and the form body.
///
/// # Errors
/// `invalid_request` when two methods are used at once, `invalid_client` when there is none or the header is malformed.
pub fn read(authorization: Option<&str>, params: &Params) -> Result<Credentials, OAuthError> {
    let (form_id, form_secret) = (params.get("client_id"), params.get("client_secret"));
    if ["client_assertion", "client_assertion_type"]
        .iter()
        .any(|name| params.get(name).is_some())
    {
        return match authorization.is_some() || form_secret.is_some() {
            true => Err(TWO_METHODS),
            false => assertion(params),
        };
    }
    let Some(header) = authorization else {
        let client_id = form_id.ok_or(FAILED)?.to_owned();
        return Ok(match form_secret {
            Some(secret) => Credentials {
                client_id,
                method: ClientAuthMethod::ClientSecretPost,
                secret: Redacted::new(secret),
            },
            None => Credentials {
                client_id,
                method: ClientAuthMethod::None,
                secret: Redacted::default(),
            },
        });
    };
    let credentials = basic(header).ok_or(FAILED)?;
    // Repeating the same client_id in the body is common and harmless; a second secret or another id is not.
    if form_secret.is_some() || form_id.is_some_and(|id| id != credentials.client_id) {
        return Err(TWO_METHODS);
    }
    Ok(credentials)
}

/// RFC 7521 §4.2: the client is the subject of the assertion; a `client_id` beside it must name the same.
fn assertion(params: &Params) -> Result<Credentials, OAuthError> {
    params.refuse_repeated()?;
    let (Some(kind), Some(assertion)) = (params.get("client_assertion_type"), params.get("client_assertion")) else {
        return Err(OAuthError::invalid_request(
            "client_assertion and client_assertion_type belong together",
        ));
    };
    let claims = jws::unverified_claims(assertion);
    let subject = claims.as_ref().and_then(|claims| claims.get("sub")?.as_str());
    let subject = subject.filter(|subject| kind == client_assertion::TYPE && !subject.contains('\0'));
    let is_same = |subject: &&str| params.get("client_id").is_none_or(|client_id| client_id == *subject);
    Ok(Credentials {
        client_id: subject.filter(is_same).ok_or(FAILED)?.to_owned(),
        method: ClientAuthMethod::PrivateKeyJwt,
        secret: Redacted::new(assertion),
    })
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined and base64-encoded.
fn basic(header: &str) -> Option<Credentials> {
    let (scheme, value) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Redacted::new(String::from_utf8(STANDARD.decode(value).ok()?).ok()?);
    let (id, secret) = decoded.expose().split_once(':')?;
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8()
            .map(String::from)
            .ok()
    };
    let (client_id, secret) = (decode(id)?, Redacted::new(decode(secret)?));
    // The same limits as in the form: PostgreSQL takes no NUL in a text.
    (!client_id.is_empty() && !client_id.contains('\0')).then_some(Credentials {
        client_id,
        method: ClientAuthMethod::ClientSecretBasic,
        secret,
    })
}

/// Checks a secret, or that there is none, against the client named and its live secrets. `client` is `None` when there is no such
/// client: the same work is done, so that an unknown client takes as long as a wrong secret.
///
/// # Errors
/// `invalid_client`.
pub fn verify(
    client: Option<Client>,
    live_secrets: &[ClientSecret],
    credentials: &Credentials,
) -> Result<Client, OAuthError> {
    let presented = fingerprint(credentials.secret.expose());
    let mut matched = constant_time_eq(&presented, &fingerprint(""));
    for secret in live_secrets {
        matched |= constant_time_eq(&presented, &secret.fingerprint);
    }
    let client = client.filter(|client| !client.disabled).ok_or(FAILED)?;
    let registered = client.auth_methods.contains(&credentials.method);
    // Only a public client may present nothing, and a public client nothing else.
    let public = credentials.method == ClientAuthMethod::None;
    let empty = credentials.secret.expose().is_empty();
    let by_assertion = credentials.method == ClientAuthMethod::PrivateKeyJwt;
    if registered && matched && !by_assertion && public == empty && public == client.is_public() {
        Ok(client)
    } else {
        Err(FAILED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(methods: &[ClientAuthMethod]) -> Client {
        Client {
            auth_methods: methods.iter().copied().collect(),
            ..crate::protocol::client::tests::client()
        }
    }

    fn secret(value: &str) -> ClientSecret {
        ClientSecret {
            id: "s".into(),
            fingerprint: fingerprint(value),
            created_at: 0,
            expires_at: None,
        }
    }

    fn header(value: &str) -> String {
        format!("Basic {}", STANDARD.encode(value))
    }

    fn read_form(authorization: Option<&str>, form: &str) -> Result<Credentials, OAuthError> {
        read(authorization, &Params::parse(form.as_bytes()).unwrap())
    }

    #[test]
    fn each_method_is_read() {
        let basic = read_form(Some(&header("a%20b:s%3Ac+d")), "").unwrap();
        assert_eq!((basic.client_id.as_str(), basic.secret.expose()), ("a b", "s:c d"));
        assert_eq!(basic.method, ClientAuthMethod::ClientSecretBasic);
        let lower = read_form(Some(&header("a:s").replace("Basic", "bAsIc")), "client_id=a").unwrap();
        assert_eq!(lower.client_id, "a");
        let post = read_form(None, "client_id=a&client_secret=s").unwrap();
        assert_eq!(post.method, ClientAuthMethod::ClientSecretPost);
        assert_eq!(read_form(None, "client_id=a").unwrap().method, ClientAuthMethod::None);
    }

    #[test]
    fn malformed_and_doubled_credentials_are_refused() {
        for bad in [
            "Basic",
            "Basic !",
            "Bearer x",
            &header("nocolon"),
            &header(":s"),
            &header("%ff:s"),
            "Basic  YTpz",
        ] {
            assert_eq!(
                read_form(Some(bad), "").unwrap_err().code,
                ErrorCode::InvalidClient,
                "{bad}"
            );
        }
        assert_eq!(read_form(None, "").unwrap_err().code, ErrorCode::InvalidClient);
        for doubled in ["client_secret=s", "client_id=b", "client_id=a&client_secret=s"] {
            let error = read_form(Some(&header("a:s")), doubled).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest, "{doubled}");
        }
    }

    #[test]
    fn only_a_registered_method_with_a_live_secret_passes() {
        use ClientAuthMethod::{ClientSecretBasic, ClientSecretPost, None as Public};
        let basic = read_form(Some(&header("a:new")), "").unwrap();
        let post = read_form(None, "client_id=a&client_secret=new").unwrap();
        let none = read_form(None, "client_id=a").unwrap();
        let wrong = read_form(Some(&header("a:wrong")), "").unwrap();
        let empty = read_form(Some(&header("a:")), "").unwrap();
        let secrets = [secret("old"), secret("new")];
        let both = client(&[ClientSecretBasic, ClientSecretPost]);
        let pinned = client(&[ClientSecretBasic]);
        let public = client(&[Public]);
        let passes = |client: &Client, secrets: &[ClientSecret], credentials: &Credentials| {
            verify(Some(client.clone()), secrets, credentials).is_ok()
        };
        assert!(passes(&both, &secrets, &basic) && passes(&both, &secrets, &post));
        assert!(passes(&pinned, &secrets, &basic) && !passes(&pinned, &secrets, &post));
        assert!(
            !passes(&both, &secrets, &wrong) && !passes(&both, &secrets, &empty) && !passes(&both, &secrets, &none)
        );
        assert!(!passes(&both, &[], &basic) && !passes(&both, &[], &empty));
        assert!(passes(&public, &[], &none) && !passes(&public, &secrets, &basic) && !passes(&public, &[], &empty));
        assert!(verify(None, &[], &basic).is_err() && verify(None, &[], &none).is_err());
        assert!(!passes(&Client { disabled: true, ..both }, &secrets, &basic));
    }
}
