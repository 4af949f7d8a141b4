//! What stops a login for a reason that concerns the agent; the pages have words for each.

use serde::{Deserialize, Serialize};

/// What stopped the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginProblem {
    /// The account is closed.
    Deactivated,
    /// Tchap accounts end unless renewed by mail.
    Expired,
    /// An administrator paused the account.
    Locked,
    /// An administrator restricted the account.
    Suspended,
    /// The homeserver throttles; seconds to wait where it says so.
    Throttled {
        /// Seconds.
        seconds: Option<u64>,
    },
    /// The homeserver does not answer.
    HomeserverUnreachable,
    /// The homeserver's answer makes no sense.
    HomeserverInvalid,
    /// The homeserver answered with an account of another server.
    WrongServer,
    /// The login token or code is expired, used, or unknown to the homeserver.
    LoginTokenSpent,
    /// The homeserver offers no way in that is switched on.
    // The former release knew the one without OAuth 2.0 by a name of its own; its flows under way are read.
    #[serde(alias = "oauth_only")]
    NoWayIn,
    /// The agent did not agree, or was refused, at the homeserver's authentication service.
    RefusedThere,
    /// The service does not admit guests.
    GuestRefused,
    /// The service admits some administrations only.
    AdministrationRefused,
    /// The service admits some populations only.
    PopulationRefused,
    /// The service is being tried out, and not by this account.
    NotATester,
    /// This account is admitted nowhere.
    NotAdmitted,
    /// The service demands an authentication level that we do not reach.
    AcrUnreachable,
    /// `prompt=login` or `max_age`: a new login could not be proven.
    FreshLoginUnproven,
    /// The service expects another agent (`id_token_hint`, or `sub` in `claims`).
    OtherAgent,
    /// Too many failed passwords in one flow.
    TooManyAttempts,
    /// The browser is sent round between sites.
    LoginLoop,
}
