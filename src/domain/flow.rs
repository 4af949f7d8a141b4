//! A flow: one authorization request on its way through login and consent, and the one pure function that says what
//! comes next. A flow keeps the request's parameters as they were verified and derives the rest anew at every step, so
//! a client that was disabled or changed meanwhile is noticed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::admission::Refusal;
use super::claims::ACR_VALUES;
use super::homeserver::Way;
use super::login_problem::LoginProblem;
use super::session::BrowserSession;
use crate::protocol::authorize::{AuthorizationRequest, Prompt};

/// A flow as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Random, in the URL of every step.
    pub id: String,
    /// SHA-256 of the browser's own random value; `None` until a browser came (a cross-site POST brings no cookie).
    pub browser: Option<String>,
    /// Whose request it is.
    pub client_id: String,
    /// The request's effective parameters, form-encoded.
    pub params: String,
    /// How far it has come.
    pub progress: Progress,
    /// SHA-256 of the open login attempt at a homeserver, consumed by its callback.
    pub attempt: Option<String>,
    /// The network it was started from (an IPv4 address or an IPv6 /64), for the cap on open flows.
    pub network: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub expires_at: i64,
    /// Raised at every change; two racing steps cannot both win.
    pub version: i64,
}

impl Flow {
    /// What logs call this flow. The id itself is the token of its forms and stays out of them.
    pub fn log_id(&self) -> &str {
        self.id.get(..8).unwrap_or_default()
    }
}

/// What has happened in a flow so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
// A flow under way must survive an upgrade: what an older release did not write has its default.
#[serde(default)]
pub struct Progress {
    /// The step of the login that the agent is at.
    pub stage: Stage,
    /// What the agent typed to be recognised.
    pub typed: Option<String>,
    /// The browser session that a login within this flow made.
    pub logged_in: Option<String>,
    /// The agent wants to sign in with another account than that of the browser session.
    pub login_demanded: bool,
    /// The browser session with which the agent chose to go on.
    pub account_chosen: Option<String>,
    /// Another agent is signed in than the one whose data a page showed: ask which account it is to be.
    pub account_changed: bool,
    /// The agent accepted to go on with the account that came back.
    pub account_confirmed: bool,
    /// The account that came back is not the one typed.
    pub other_account: bool,
    /// The agent had signed out in this browser, and the homeserver answered without anybody having proven who they are.
    pub after_logout: bool,
    /// The consent given within this flow.
    pub consented: Option<Agreement>,
    /// Failed passwords so far.
    pub failures: u32,
    /// That the service does not admit the agent is counted.
    pub refusal_counted: bool,
}

impl Progress {
    /// Of a flow that begins as one turn too many of a login loop: nothing goes on until the agent says how.
    pub fn in_a_loop() -> Self {
        Self {
            stage: Stage::Stopped {
                problem: LoginProblem::LoginLoop,
                homeserver: None,
            },
            login_demanded: true,
            ..Self::default()
        }
    }
}

/// A consent given within a flow. It counts for the browser session that gave it only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// The browser session of the agent who agreed.
    pub session_id: String,
    /// The claims that were shown and agreed to.
    pub claims: BTreeSet<String>,
}

/// Where the login stands. Each stage carries the facts that it needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// Waiting for an e-mail address or Matrix id.
    #[default]
    Identifier,
    /// Waiting for the password of an account of this homeserver.
    Password {
        /// Server name.
        homeserver: String,
        /// What the password is sent with.
        identifier: String,
        /// The server refused the e-mail address: a Matrix id or user name is asked for.
        needs_matrix_id: bool,
    },
    /// The agent was sent to the homeserver's own login.
    Sso {
        /// Server name.
        homeserver: String,
        /// Until when the attempt may come back, Unix seconds.
        until: i64,
    },
    /// The agent was sent to the homeserver's authentication service.
    #[serde(rename = "oauth")]
    OAuth {
        /// Server name.
        homeserver: String,
        /// Until when the attempt may come back, Unix seconds.
        until: i64,
        /// What this attempt was begun with, sealed; none before the agent has left.
        sealed: Option<String>,
    },
    /// The login stopped; the page that is due says why.
    Stopped {
        /// Why.
        problem: LoginProblem,
        /// The homeserver that it happened at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        homeserver: Option<String>,
    },
}

impl Stage {
    /// The way in that the login has come to.
    pub fn way(&self) -> Option<Way> {
        match self {
            Self::Identifier | Self::Stopped { .. } => None,
            Self::Password { .. } => Some(Way::Password),
            Self::Sso { .. } => Some(Way::Sso),
            Self::OAuth { .. } => Some(Way::OAuth),
        }
    }

    /// Server name of the homeserver that the login has come to.
    pub fn homeserver(&self) -> Option<&str> {
        match self {
            Self::Identifier => None,
            Self::Password { homeserver, .. } | Self::Sso { homeserver, .. } | Self::OAuth { homeserver, .. } => {
                Some(homeserver)
            }
            Self::Stopped { homeserver, .. } => homeserver.as_deref(),
        }
    }
}

/// What is known about the agent behind the browser session, as far as the next step depends on it.
#[derive(Debug, Clone)]
pub struct SignedIn<'a> {
    /// The living browser session.
    pub session: &'a BrowserSession,
    /// The subject that this client would see.
    pub subject: &'a str,
    /// The level reached.
    pub acr: &'a str,
    /// The verdict of the client's admission policy.
    pub admission: Result<(), Refusal>,
    /// The claims that would be given and have a value.
    pub claims: &'a BTreeSet<String>,
    /// The claims of the remembered, unexpired consent; `None` when there is none.
    pub remembered: Option<&'a BTreeSet<String>>,
}

/// Whether this client must ask, may rely on memory, or never asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentRule {
    /// Ask unless remembered.
    Remembered,
    /// Ask every time (loopback and private-scheme clients).
    Always,
    /// Never ask.
    Never,
}

/// Why a request cannot be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// `prompt=none` and nobody is signed in, or the login is too old.
    LoginRequired,
    /// `prompt=none` and consent is missing.
    ConsentRequired,
    /// `prompt=none` and a page is needed.
    InteractionRequired,
    /// Another agent than `id_token_hint` or `claims` named.
    OtherAgent,
    /// A fresh login was asked for and cannot be proven.
    NotFresh,
    /// An essential `acr` is out of reach.
    UnmetAcr,
    /// The client's policy.
    Admission(Refusal),
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sign in at a homeserver.
    Login,
    /// Choose between the signed-in account and another.
    Choose,
    /// Confirm the account that came back: not the one typed, or after a logout.
    Confirm,
    /// Agree to the claims.
    Consent,
    /// Give up, for this reason.
    Refuse(Denial),
    /// Issue a code for these claims.
    Issue(BTreeSet<String>),
}

/// Decides the next step of a request (Core §3.1.2.1, §3.1.2.3, §3.1.2.6). `hint` is the subject of a verified
/// `id_token_hint`; `started_at` the start of the flow, `now` the current instant, both in Unix seconds.
pub fn next_step(
    request: &AuthorizationRequest,
    hint: Option<&str>,
    progress: &Progress,
    signed_in: Option<&SignedIn<'_>>,
    consent_rule: ConsentRule,
    started_at: i64,
    now: i64,
) -> Step {
    let silent = request.prompts(Prompt::None);
    // What no login can reach is refused before anybody is asked to sign in.
    if !meets_acr(request, ACR_VALUES) {
        return Step::Refuse(Denial::UnmetAcr);
    }
    let logged_in_here = |agent: &SignedIn<'_>| progress.logged_in.as_deref() == Some(agent.session.id.as_str());
    // The session of an account that is closed, or does not stand for now, is nobody's; its owner may have a new one, and a new
    // login shows whether it stands again.
    let is_over = |agent: &SignedIn<'_>| matches!(agent.admission, Err(Refusal::Closed | Refusal::Paused(_)));
    let signed_in = signed_in.filter(|agent| logged_in_here(agent) || !is_over(agent));
    let Some(agent) = signed_in else {
        return match silent {
            true => Step::Refuse(Denial::LoginRequired),
            false => Step::Login,
        };
    };
    let logged_in_here = logged_in_here(agent);
    // Another login may help once, and only if somebody can be asked.
    let log_in_or = |silently: Denial, after_login: Denial| match (silent, logged_in_here) {
        (true, _) => Step::Refuse(silently),
        (false, true) => Step::Refuse(after_login),
        (false, false) => Step::Login,
    };
    let page = |step: Step| match silent {
        true => Step::Refuse(Denial::InteractionRequired),
        false => step,
    };

    if progress.login_demanded && !logged_in_here {
        return log_in_or(Denial::LoginRequired, Denial::LoginRequired);
    }
    if !is_fresh(request, agent.session, logged_in_here, started_at, now) {
        return log_in_or(Denial::LoginRequired, Denial::NotFresh);
    }
    // Before any refusal: the agent may want to change the account that would be refused.
    if logged_in_here && (progress.other_account || progress.after_logout) && !progress.account_confirmed {
        return page(Step::Confirm);
    }
    if hint.is_some_and(|subject| subject != agent.subject) || !request.claims.admits(agent.subject) {
        return log_in_or(Denial::LoginRequired, Denial::OtherAgent);
    }
    // Also when another tab signed in somebody meanwhile: what was shown for one is not granted for the other, and a login
    // under way as one agent does not end as another.
    let changed = progress.account_changed || progress.logged_in.is_some() || progress.typed.is_some();
    let chosen = progress.account_chosen.as_deref() == Some(agent.session.id.as_str());
    if !logged_in_here && !chosen && (changed || request.prompts(Prompt::SelectAccount)) {
        return page(Step::Choose);
    }
    if !meets_acr(request, &[agent.acr]) {
        return log_in_or(Denial::UnmetAcr, Denial::UnmetAcr);
    }
    if let Err(refusal) = agent.admission {
        return Step::Refuse(Denial::Admission(refusal));
    }
    consent_step(request, progress, agent, consent_rule, silent)
}

/// Whether one of these levels is acceptable (Core §5.5.1.1); only an essential `acr` is binding.
fn meets_acr(request: &AuthorizationRequest, levels: &[&str]) -> bool {
    request
        .claims
        .essential_acr()
        .is_none_or(|wanted| wanted.is_empty() || levels.iter().any(|level| wanted.contains(level)))
}

fn consent_step(
    request: &AuthorizationRequest,
    progress: &Progress,
    agent: &SignedIn<'_>,
    rule: ConsentRule,
    silent: bool,
) -> Step {
    let issue = || Step::Issue(agent.claims.clone());
    let agreed_here = progress
        .consented
        .as_ref()
        .is_some_and(|agreement| agreement.session_id == agent.session.id && agent.claims.is_subset(&agreement.claims));
    if agreed_here {
        return issue();
    }
    let remembered = agent.remembered.is_some_and(|agreed| agent.claims.is_subset(agreed));
    let must_ask = match rule {
        ConsentRule::Never => false,
        ConsentRule::Always => true,
        ConsentRule::Remembered => !remembered,
    } || request.prompts(Prompt::Consent);
    match (must_ask, silent) {
        (false, _) => issue(),
        (true, true) => Step::Refuse(Denial::ConsentRequired),
        (true, false) => Step::Consent,
    }
}

/// Is this session recent enough for the request? `prompt=login` and `max_age=0` want a login proven to be within this
/// flow; any other `max_age` such a one (however long the pages took since) or one that is known and not older. What is
/// not known is never fresh, and does not do for a client that requires `auth_time` either (Core §2).
fn is_fresh(
    request: &AuthorizationRequest,
    session: &BrowserSession,
    logged_in_here: bool,
    started_at: i64,
    now: i64,
) -> bool {
    let proven_here = logged_in_here && session.auth_time.is_some_and(|at| at >= started_at);
    if request.prompts(Prompt::Login) {
        return proven_here;
    }
    match request.max_age {
        None => !request.requires_auth_time || session.auth_time.is_some(),
        Some(0) => proven_here,
        Some(max_age) => {
            let is_recent = |at| now.saturating_sub(at) <= i64::from(max_age);
            proven_here || session.auth_time.is_some_and(is_recent)
        }
    }
}

#[cfg(test)]
mod tests;
