//! How an endpoint of the scripted homeserver can be made to misbehave.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures_util::stream;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

/// An endpoint of a homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Versions,
    LoginTypes,
    Login,
    SsoRedirect,
    Whoami,
    ThirdPartyIds,
    Profile,
    Logout,
    Directory,
    AuthMetadata,
    OlderAuthMetadata,
    AuthIssuer,
    AccountStatus,
    AdminUser,
    Other,
}

impl Endpoint {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        match (method.as_str(), path) {
            ("GET", "/_matrix/client/versions") => Self::Versions,
            ("GET", "/_matrix/client/v3/login") => Self::LoginTypes,
            ("POST", "/_matrix/client/v3/login") => Self::Login,
            ("GET", "/_matrix/client/v3/account/whoami") => Self::Whoami,
            ("GET", "/_matrix/client/v3/account/3pid") => Self::ThirdPartyIds,
            ("POST", "/_matrix/client/v3/logout") => Self::Logout,
            ("GET", "/_matrix/identity/api/v1/info") => Self::Directory,
            ("GET", "/_matrix/client/v1/auth_metadata") => Self::AuthMetadata,
            ("GET", "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata") => Self::OlderAuthMetadata,
            ("GET", "/_matrix/client/unstable/org.matrix.msc2965/auth_issuer") => Self::AuthIssuer,
            ("GET", path) if path.starts_with("/_matrix/client/v3/login/sso/redirect") => Self::SsoRedirect,
            ("GET", path) if path.starts_with("/_matrix/client/v3/profile/") => Self::Profile,
            ("POST", "/_matrix/client/unstable/org.matrix.msc3720/account_status") => Self::AccountStatus,
            ("GET", path) if path.starts_with("/_synapse/admin/v2/users/") => Self::AdminUser,
            _ => Self::Other,
        }
    }
}

/// A refusal, a delay or a lie.
#[derive(Clone, Debug)]
pub enum Lie {
    /// This answer, whatever was asked.
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// The honest answer with these members replaced; null removes one.
    Patch(Value),
    /// A body that never ends, with no length announced.
    HugeBody,
    /// One byte every 20 ms, for ever.
    SlowDrip,
    /// The connection stays open and silent.
    NoAnswer,
    /// The answer breaks off before the length it announced.
    CutShort,
    /// The honest answer, once the test opens the gate.
    Hold(Gate),
}

impl Lie {
    pub fn error(status: u16, errcode: &str) -> Self {
        Self::text(status, &json!({"errcode": errcode, "error": "No."}).to_string())
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self::Answer {
            status,
            headers: vec![("content-type", "application/json".into())],
            body: body.into(),
        }
    }

    pub fn invalid_json() -> Self {
        Self::text(200, "{\"user_id\": ")
    }

    pub fn redirect(url: &str) -> Self {
        Self::Answer {
            status: 302,
            headers: vec![("location", url.into())],
            body: String::new(),
        }
    }

    /// 429 in one of its forms: these headers, and `retry_after_ms` in the body or not.
    pub fn throttle(headers: &[(&'static str, &str)], retry_after_ms: Option<u64>) -> Self {
        let mut body = json!({"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests"});
        if let Some(wait) = retry_after_ms {
            body["retry_after_ms"] = wait.into();
        }
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        Self::Answer {
            status: 429,
            headers,
            body: body.to_string(),
        }
    }

    /// The answer, where the lie does not need an honest one first.
    pub(in crate::support) async fn tell(&self) -> Option<Response> {
        let body = match self {
            Self::Answer { status, headers, body } => {
                let mut answer = Response::builder().status(*status);
                for (name, value) in headers {
                    answer = answer.header(*name, value);
                }
                return answer.body(Body::from(body.clone())).ok();
            }
            Self::NoAnswer => std::future::pending().await,
            Self::Hold(gate) => {
                gate.pass().await;
                return None;
            }
            Self::Patch(_) => return None,
            Self::HugeBody => Body::from_stream(stream::repeat_with(|| {
                Ok::<_, Infallible>(Bytes::from_static(&[b' '; 16 * 1024]))
            })),
            Self::SlowDrip => Body::from_stream(stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
            })),
            Self::CutShort => Body::from_stream(stream::iter([
                Ok(Bytes::from_static(b"{\"user_id\":")),
                Err(std::io::Error::other("cut short on purpose")),
            ])),
        };
        Some(Response::new(body))
    }
}

/// Holds requests back until the test opens it.
#[derive(Clone, Debug)]
pub struct Gate {
    open: watch::Sender<bool>,
    waiting: watch::Sender<u64>,
}

impl Gate {
    pub(super) fn closed() -> Self {
        Self {
            open: watch::Sender::new(false),
            waiting: watch::Sender::new(0),
        }
    }

    async fn pass(&self) {
        self.waiting.send_modify(|waiting| *waiting += 1);
        // The sender lives in self: waiting cannot fail.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }

    /// Waits until a request stands at the gate.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Waits until so many requests stand at the gate.
    pub async fn reached_by(&self, requests: u64) {
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting >= requests).await;
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }
}
