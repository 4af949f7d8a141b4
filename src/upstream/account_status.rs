//! Whether accounts still stand, asked with a token of our own: MSC3720 (`POST …/org.matrix.msc3720/account_status`), or
//! Synapse's admin API (`GET /_synapse/admin/v2/users/{userId}`). The third way, `mas_admin`, has a file of its own.

use std::collections::HashMap;

use http::{Request, Response, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use super::{
    Upstream, UpstreamError,
    error::{Step, refusal},
};
use crate::{
    domain::{
        agent::Pause,
        homeserver::{Homeserver, WatchWay},
        lifecycle::{Standing, Watched},
    },
    secret::Redacted,
};

const ACCOUNT_STATUS: &str = "/_matrix/client/unstable/org.matrix.msc3720/account_status";
const ADMIN_USERS: &str = "/_synapse/admin/v2/users/";
pub(super) const NONSENSE: UpstreamError = UpstreamError::Nonsense("an answer about accounts that cannot be read");

/// Why a homeserver said nothing of accounts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// Our credentials are unknown there, or not good for this.
    #[error("the homeserver does not take our credentials for the watch (status {0})")]
    Token(StatusCode),
    /// Our access token was good and is not any more; the next turn fetches another.
    #[error("our access token for the watch is not taken any more")]
    Stale,
    /// It has no such interface, or it is not switched on.
    #[error("the homeserver does not offer this way to ask whether accounts stand")]
    NotOffered,
    /// As for any other request.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

#[derive(Deserialize)]
struct Statuses {
    account_statuses: HashMap<String, Status>,
}

#[derive(Deserialize)]
struct Status {
    exists: Option<bool>,
    deactivated: Option<bool>,
    #[serde(rename = "org.matrix.expired")]
    expired: Option<bool>,
}

impl Status {
    /// `None` where it says less than it must.
    fn standing(&self) -> Option<Standing> {
        Some(match (self.exists?, self.deactivated, self.expired) {
            // Synapse forgets no account: whoever it does not know is somewhere else, or its database is.
            (false, ..) => Standing::Paused(Pause::Missing),
            (true, deactivated, _) if deactivated? => Standing::Closed,
            (true, _, Some(true)) => Standing::Paused(Pause::Expired),
            (true, _, Some(false)) => Standing::Stands(&[Pause::Missing, Pause::Expired]),
            (true, _, None) => Standing::Stands(&[Pause::Missing]),
        })
    }
}

#[derive(Deserialize)]
struct AdminView {
    name: String,
    deactivated: bool,
    #[serde(default)]
    erased: bool,
    #[serde(default)]
    locked: bool,
    #[serde(default)]
    suspended: bool,
}

impl AdminView {
    fn standing(&self) -> Standing {
        if self.deactivated || self.erased {
            Standing::Closed
        } else if self.locked {
            Standing::Paused(Pause::Locked)
        } else if self.suspended {
            Standing::Paused(Pause::Suspended)
        } else {
            Standing::Stands(&[Pause::Missing, Pause::Locked, Pause::Suspended])
        }
    }
}

/// What opens the interface that the watch asks.
#[derive(Clone, Debug)]
pub struct WatchAccess {
    /// The way to ask.
    pub way: WatchWay,
    /// An access token that is good there.
    pub token: Redacted,
    /// The issuer that the homeserver is known by ([`WatchWay::MasAdmin`] only).
    pub issuer: String,
}

impl Upstream {
    /// What the homeserver says of these of its accounts, at most [`WatchWay::batch`] of them, in one request. Whom it says
    /// nothing of is not in the answer; whom we did not ask about counts for nothing.
    ///
    /// # Errors
    /// See [`WatchError`].
    pub async fn standings(
        &self,
        homeserver: &Homeserver,
        WatchAccess { way, token, issuer }: &WatchAccess,
        accounts: &[Watched],
    ) -> Result<HashMap<String, Standing>, WatchError> {
        let base_url = homeserver.watch.base_url.as_ref().unwrap_or(&homeserver.base_url);
        let ids: Vec<&str> = accounts.iter().map(|watched| watched.matrix_id.as_str()).collect();
        let alone = |standing| HashMap::from([(ids.concat(), standing)]);
        let mut found = match (way, accounts) {
            (WatchWay::AccountStatus, _) => self.account_statuses(base_url, token, &ids).await?,
            (WatchWay::SynapseAdmin, [one]) => alone(self.admin_view(base_url, token, &one.matrix_id).await?),
            (WatchWay::MasAdmin, [one]) => alone(self.mas_view(homeserver, issuer, token, one).await?),
            (WatchWay::SynapseAdmin | WatchWay::MasAdmin, _) => HashMap::new(),
        };
        found.retain(|id, _| ids.contains(&id.as_str()));
        Ok(found)
    }

    async fn account_statuses(
        &self,
        base_url: &str,
        token: &Redacted,
        ids: &[&str],
    ) -> Result<HashMap<String, Standing>, WatchError> {
        let body = json!({ "user_ids": ids }).to_string();
        let request =
            Request::post(format!("{base_url}{ACCOUNT_STATUS}")).header(header::CONTENT_TYPE, "application/json");
        let response = self.ask_about_accounts(request, token, body).await?;
        if !response.status().is_success() {
            return Err(refused(&response));
        }
        let statuses: Statuses = serde_json::from_slice(response.body()).map_err(|_| NONSENSE)?;
        let said = statuses.account_statuses.into_iter();
        Ok(said.filter_map(|(id, status)| Some((id, status.standing()?))).collect())
    }

    async fn admin_view(&self, base_url: &str, token: &Redacted, id: &str) -> Result<Standing, WatchError> {
        let path = utf8_percent_encode(id, NON_ALPHANUMERIC);
        let request = Request::get(format!("{base_url}{ADMIN_USERS}{path}"));
        let response = self.ask_about_accounts(request, token, String::new()).await?;
        // A proxy that lets nothing through answers 404 too; only Synapse says this.
        if response.status() == StatusCode::NOT_FOUND && errcode(&response) == Some("M_NOT_FOUND".to_owned()) {
            return Ok(Standing::Paused(Pause::Missing));
        }
        if !response.status().is_success() {
            return Err(refused(&response));
        }
        let view: AdminView = serde_json::from_slice(response.body()).map_err(|_| NONSENSE)?;
        match view.name == id {
            true => Ok(view.standing()),
            false => Err(NONSENSE.into()),
        }
    }

    pub(super) async fn ask_about_accounts(
        &self,
        request: http::request::Builder,
        token: &Redacted,
        body: String,
    ) -> Result<Response<Vec<u8>>, WatchError> {
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        self.send_about_accounts(request, body.into_bytes()).await
    }

    pub(super) async fn send_about_accounts(
        &self,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> Result<Response<Vec<u8>>, WatchError> {
        let request = request
            .body(body)
            .map_err(|_| UpstreamError::Nonsense("a request for this homeserver cannot be built"))?;
        Ok(self.egress.send(request).await.map_err(UpstreamError::from)?)
    }
}

fn errcode(response: &Response<Vec<u8>>) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(response.body()).ok()?;
    Some(body.get("errcode")?.as_str()?.to_owned())
}

pub(super) fn refused(response: &Response<Vec<u8>>) -> WatchError {
    match response.status() {
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => WatchError::Token(status),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => WatchError::NotOffered,
        _ => refusal(Step::Authenticated, response).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_account_status_says_and_what_it_leaves_open() {
        for (status, standing) in [
            (
                r#"{"exists":true,"deactivated":false,"org.matrix.expired":false}"#,
                Some(Standing::Stands(&[Pause::Missing, Pause::Expired])),
            ),
            (
                r#"{"exists":true,"deactivated":false}"#,
                Some(Standing::Stands(&[Pause::Missing])),
            ),
            (
                r#"{"exists":true,"deactivated":false,"org.matrix.expired":true}"#,
                Some(Standing::Paused(Pause::Expired)),
            ),
            (
                r#"{"exists":true,"deactivated":true,"org.matrix.expired":true}"#,
                Some(Standing::Closed),
            ),
            (r#"{"exists":false}"#, Some(Standing::Paused(Pause::Missing))),
            (
                r#"{"exists":false,"deactivated":true}"#,
                Some(Standing::Paused(Pause::Missing)),
            ),
            (r#"{"exists":true}"#, None),
            (r#"{"deactivated":true}"#, None),
            (r#"{}"#, None),
        ] {
            let read: Status = serde_json::from_str(status).unwrap();
            assert_eq!(read.standing(), standing, "{status}");
        }
    }

    #[test]
    fn what_the_admin_api_says() {
        for (members, standing) in [
            ("", Standing::Stands(&[Pause::Missing, Pause::Locked, Pause::Suspended])),
            (r#","locked":true,"suspended":true"#, Standing::Paused(Pause::Locked)),
            (
                r#","locked":false,"suspended":true"#,
                Standing::Paused(Pause::Suspended),
            ),
            (r#","erased":true"#, Standing::Closed),
        ] {
            let view: AdminView =
                serde_json::from_str(&format!(r#"{{"name":"@a:h","deactivated":false{members}}}"#)).unwrap();
            assert_eq!(view.standing(), standing, "{members}");
        }
        let closed: AdminView = serde_json::from_str(r#"{"name":"@a:h","deactivated":true,"locked":true}"#).unwrap();
        assert_eq!(closed.standing(), Standing::Closed);
        assert!(
            serde_json::from_str::<AdminView>(r#"{"name":"@a:h"}"#).is_err(),
            "it must say whether it is deactivated"
        );
    }
}
