//! What can go wrong at a homeserver, in our words: each Matrix error code is given its meaning here, on purpose
//! (Matrix Client-Server API, "Standard error response"; Tchap's own `ORG_MATRIX_EXPIRED_ACCOUNT`).

use http::{HeaderMap, Response, StatusCode, header};
use ruma::api::{
    EndpointError,
    error::{Error as MatrixError, ErrorBody, ErrorCode, ErrorKind, RetryAfter},
};

use super::borrowed;
use crate::domain::agent::{AccountState, IssuerSubject, Pause};
use crate::egress::EgressError;

/// Tchap's account validity module: on any authenticated call of an account that was not renewed.
const EXPIRED_ACCOUNT: &str = "ORG_MATRIX_EXPIRED_ACCOUNT";
/// No homeserver is believed when it asks for a longer wait, in seconds.
const LONGEST_WAIT: u64 = 24 * 3600;

/// An account as the homeserver's side has named it, never as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedAccount {
    /// Full Matrix id: the homeserver's own answer.
    MatrixId(String),
    /// The subject of a verified ID token of the homeserver's authentication service.
    AtIssuer(IssuerSubject),
}

/// Why a login at a homeserver did not succeed. No variant's text holds anything that was typed or received.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// Wrong password, unknown account, and on most servers a deactivated one: they answer alike.
    #[error("the homeserver refused the credentials")]
    WrongCredentials,
    /// The account was closed. `account` is known once the homeserver's side has named it.
    #[error("the account is deactivated")]
    Deactivated {
        /// The closed account.
        account: Option<NamedAccount>,
    },
    /// The account was not renewed in time; the agent renews it by e-mail.
    #[error("the account has expired")]
    Expired {
        /// Which, once the homeserver's side has named it.
        account: Option<NamedAccount>,
    },
    /// An administrator paused the account.
    #[error("the account is locked")]
    Locked {
        /// Which, once the homeserver's side has named it.
        account: Option<NamedAccount>,
    },
    /// An administrator restricted the account.
    #[error("the account is suspended")]
    Suspended,
    /// Too many attempts.
    #[error("the homeserver asks to wait")]
    Throttled {
        /// Seconds to wait, at most a day; None when the homeserver does not say.
        retry_after_seconds: Option<u64>,
    },
    /// The SSO login token, or the authorization code, is unknown, used, or too old.
    #[error("the homeserver refused the login token")]
    LoginTokenRefused,
    /// The authentication service does not know our client, or does not let it register.
    #[error("the authentication service refused our client: {0}")]
    ClientRefused(&'static str),
    /// The homeserver names another authentication service than the one it is known by.
    #[error("the homeserver's authentication service is not the one it is known by")]
    IssuerChanged,
    /// The homeserver names the authentication service of another homeserver on the list.
    #[error("the homeserver names the authentication service of another homeserver")]
    IssuerShared,
    /// This homeserver wants a Matrix id, not an e-mail address.
    #[error("the homeserver does not accept an e-mail address to sign in")]
    EmailRefused,
    /// The homeserver does not offer this way to sign in.
    #[error("the homeserver does not offer this way to sign in")]
    NoSuchWay,
    /// The account that the homeserver names is not one of its own, or not the one that signed in.
    #[error("the homeserver vouched for an account that is not its own")]
    WrongServer,
    /// No answer, or the homeserver says that it is failing.
    #[error("the homeserver cannot be reached: {0}")]
    Unreachable(&'static str),
    /// An answer that no healthy homeserver gives.
    #[error("the homeserver's answer makes no sense: {0}")]
    Nonsense(&'static str),
}

impl UpstreamError {
    /// A stable word for logs and page codes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::WrongCredentials => "wrong_credentials",
            Self::Deactivated { .. } => "deactivated",
            Self::Expired { .. } => "expired",
            Self::Locked { .. } => "locked",
            Self::Suspended => "suspended",
            Self::Throttled { .. } => "throttled",
            Self::LoginTokenRefused => "login_token_refused",
            Self::ClientRefused(_) => "client_refused",
            Self::IssuerChanged => "issuer_changed",
            Self::IssuerShared => "issuer_shared",
            Self::EmailRefused => "email_refused",
            Self::NoSuchWay => "no_such_way",
            Self::WrongServer => "wrong_server",
            Self::Unreachable(_) => "unreachable",
            Self::Nonsense(_) => "nonsense",
        }
    }

    /// Names the account, where the homeserver's side has named it before and the error does not yet.
    pub(super) fn about(mut self, named: NamedAccount) -> Self {
        if let Self::Deactivated { account } | Self::Expired { account } | Self::Locked { account } = &mut self {
            account.get_or_insert(named);
        }
        self
    }

    /// The account that the homeserver's side itself has named, and what the homeserver says of it.
    pub fn named_account(&self) -> Option<(&NamedAccount, AccountState)> {
        let (account, state) = match self {
            Self::Deactivated { account } => (account, AccountState::Closed),
            Self::Expired { account } => (account, AccountState::Paused(Pause::Expired)),
            Self::Locked { account } => (account, AccountState::Paused(Pause::Locked)),
            _ => return None,
        };
        Some((account.as_ref()?, state))
    }
}

impl From<EgressError> for UpstreamError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Timeout => Self::Unreachable("no complete answer in time"),
            EgressError::Connect | EgressError::NotPublic => Self::Unreachable("no connection"),
            EgressError::Broken => Self::Unreachable("the connection broke"),
            EgressError::TooLarge => Self::Nonsense("an answer larger than the limit"),
            EgressError::Redirected => Self::Nonsense("a redirect"),
            EgressError::InvalidRequest => Self::Nonsense("a request for this homeserver cannot be sent"),
        }
    }
}

/// Which request was refused: some codes mean different things at different steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    LoginTypes,
    PasswordByEmail,
    PasswordByMatrixId,
    LoginToken,
    Authenticated,
}

/// The meaning of an answer that is not a success.
pub(super) fn refusal(step: Step, response: &Response<Vec<u8>>) -> UpstreamError {
    let status = response.status();
    let error = MatrixError::from_http_response(borrowed(response));
    let code = errcode(&error);
    match code.as_ref().map(ErrorCode::as_str) {
        Some(EXPIRED_ACCOUNT) => return UpstreamError::Expired { account: None },
        None if status != StatusCode::TOO_MANY_REQUESTS => return without_code(step, status),
        _ => {}
    }
    match code {
        Some(ErrorCode::UserDeactivated) => UpstreamError::Deactivated { account: None },
        Some(ErrorCode::UserLocked) => UpstreamError::Locked { account: None },
        Some(ErrorCode::UserSuspended) => UpstreamError::Suspended,
        Some(ErrorCode::LimitExceeded) => throttled(&error, response.headers()),
        _ if status == StatusCode::TOO_MANY_REQUESTS => throttled(&error, response.headers()),
        _ if status.is_server_error() => UpstreamError::Unreachable("it reports a failure of its own"),
        // The server is full or closed for a while; nothing that the agent did.
        Some(ErrorCode::ResourceLimitExceeded) => UpstreamError::Unreachable("it has reached a limit of its own"),
        Some(code) => at_step(step, status, &code),
        None => without_code(step, status),
    }
}

fn at_step(step: Step, status: StatusCode, code: &ErrorCode) -> UpstreamError {
    let not_offered = matches!(code, ErrorCode::Unrecognized) || status == StatusCode::NOT_FOUND;
    match step {
        Step::PasswordByEmail | Step::PasswordByMatrixId | Step::LoginToken
            if matches!(
                code,
                ErrorCode::Forbidden | ErrorCode::Unauthorized | ErrorCode::UnknownToken
            ) =>
        {
            if step == Step::LoginToken {
                UpstreamError::LoginTokenRefused
            } else {
                UpstreamError::WrongCredentials
            }
        }
        Step::PasswordByEmail | Step::PasswordByMatrixId
            if matches!(code, ErrorCode::InvalidUsername | ErrorCode::ThreepidNotFound) =>
        {
            UpstreamError::WrongCredentials
        }
        // matrix-authentication-service: 400 M_UNKNOWN; others: M_UNRECOGNIZED, M_INVALID_PARAM, M_BAD_JSON, …
        Step::PasswordByEmail if status == StatusCode::BAD_REQUEST => UpstreamError::EmailRefused,
        Step::PasswordByEmail if matches!(code, ErrorCode::ThreepidMediumNotSupported | ErrorCode::ThreepidDenied) => {
            UpstreamError::EmailRefused
        }
        Step::LoginTypes | Step::PasswordByEmail | Step::PasswordByMatrixId | Step::LoginToken if not_offered => {
            UpstreamError::NoSuchWay
        }
        Step::PasswordByMatrixId | Step::LoginToken if matches!(code, ErrorCode::Unknown) => UpstreamError::NoSuchWay,
        Step::Authenticated if matches!(code, ErrorCode::UnknownToken | ErrorCode::MissingToken) => {
            UpstreamError::Nonsense("it does not know the session it has just opened")
        }
        _ => UpstreamError::Nonsense("an error that fits no case"),
    }
}

/// An error that is not Matrix JSON: a reverse proxy's, or no homeserver at all.
fn without_code(step: Step, status: StatusCode) -> UpstreamError {
    if status.is_server_error() {
        UpstreamError::Unreachable("it reports a failure of its own")
    } else if step == Step::PasswordByEmail && status == StatusCode::BAD_REQUEST {
        UpstreamError::EmailRefused
    } else {
        UpstreamError::Nonsense("an error that is not a Matrix error")
    }
}

/// The error code, also from a body that lacks the human text (`error`) which ruma insists on.
fn errcode(error: &MatrixError) -> Option<ErrorCode> {
    match &error.body {
        ErrorBody::Standard(body) => Some(body.kind.errcode()),
        ErrorBody::Json(json) => json.get("errcode").and_then(|code| code.as_str()).map(ErrorCode::from),
        ErrorBody::NotJson { .. } => None,
    }
}

/// `Retry-After` (seconds or date), else `retry_after_ms` of the body, else unknown.
fn throttled(error: &MatrixError, headers: &HeaderMap) -> UpstreamError {
    let header = |name| headers.get(name).and_then(|value| RetryAfter::try_from(value).ok());
    let in_body = match error.error_kind() {
        Some(ErrorKind::LimitExceeded(data)) => data.retry_after,
        _ => None,
    };
    let seconds = match header(header::RETRY_AFTER).or(in_body) {
        Some(RetryAfter::Delay(delay)) => Some(delay.as_secs() + u64::from(delay.subsec_nanos() > 0)),
        // Against the answer's own date: neither our clock nor the difference between the two matters then.
        Some(RetryAfter::DateTime(until)) => match header(header::DATE) {
            Some(RetryAfter::DateTime(sent)) => Some(until.duration_since(sent).map_or(0, |wait| wait.as_secs())),
            _ => None,
        },
        None => None,
    };
    UpstreamError::Throttled {
        retry_after_seconds: seconds.map(|seconds| seconds.min(LONGEST_WAIT)),
    }
}

#[cfg(test)]
mod tests;
