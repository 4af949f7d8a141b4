//! Pages that end a login with a reason and a next step: the states and errors of an agent's account and homeserver
//! (`ProblemPage`), and requests that cannot be served at all (`ErrorPage`). Each has a stable code for support.

use askama::Template;

use super::{Layout, filters, wait};
use crate::domain::login_problem::LoginProblem;
use crate::protocol::admission::{Branch, Population};
use crate::web::i18n::Text;

/// The login stopped for a reason that concerns the agent.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    pub layout: Layout,
    pub service: Option<String>,
    pub problem: LoginProblem,
    /// Server name of the homeserver that it happened at.
    pub homeserver: Option<String>,
    /// Whom the service admits.
    pub admitted: Vec<String>,
    /// Whom to ask.
    pub contacts: Vec<String>,
    /// Where "use another account", or "start again" when the problem passes by itself, posts to.
    pub action: Option<String>,
    /// Where "back to the service" posts to.
    pub leave_action: Option<String>,
    /// The number under which the log tells more.
    pub incident: Option<String>,
}

impl LoginProblem {
    #[cfg(test)]
    /// One of each.
    pub(crate) const ALL: [LoginProblem; 21] = [
        LoginProblem::Deactivated,
        LoginProblem::Expired,
        LoginProblem::Locked,
        LoginProblem::Suspended,
        LoginProblem::Throttled { seconds: Some(300) },
        LoginProblem::HomeserverUnreachable,
        LoginProblem::HomeserverInvalid,
        LoginProblem::WrongServer,
        LoginProblem::LoginTokenSpent,
        LoginProblem::NoWayIn,
        LoginProblem::RefusedThere,
        LoginProblem::GuestRefused,
        LoginProblem::AdministrationRefused,
        LoginProblem::PopulationRefused,
        LoginProblem::NotATester,
        LoginProblem::NotAdmitted,
        LoginProblem::AcrUnreachable,
        LoginProblem::FreshLoginUnproven,
        LoginProblem::OtherAgent,
        LoginProblem::TooManyAttempts,
        LoginProblem::LoginLoop,
    ];

    /// The stable code shown on the page and written in the log.
    pub(crate) fn code(self) -> &'static str {
        self.code_and_key().0
    }

    fn code_and_key(self) -> (&'static str, &'static str) {
        match self {
            LoginProblem::Deactivated => ("TC-ACCOUNT-DEACTIVATED", "problem-deactivated"),
            LoginProblem::Expired => ("TC-ACCOUNT-EXPIRED", "problem-expired"),
            LoginProblem::Locked => ("TC-ACCOUNT-LOCKED", "problem-locked"),
            LoginProblem::Suspended => ("TC-ACCOUNT-SUSPENDED", "problem-suspended"),
            LoginProblem::Throttled { .. } => ("TC-HOMESERVER-THROTTLED", "problem-throttled"),
            LoginProblem::HomeserverUnreachable => ("TC-HOMESERVER-UNREACHABLE", "problem-unreachable"),
            LoginProblem::HomeserverInvalid => ("TC-HOMESERVER-INVALID", "problem-invalid"),
            LoginProblem::WrongServer => ("TC-HOMESERVER-WRONG", "problem-wrong-server"),
            LoginProblem::LoginTokenSpent => ("TC-LOGIN-TOKEN", "problem-login-token"),
            LoginProblem::NoWayIn => ("TC-NO-WAY-IN", "problem-no-way-in"),
            LoginProblem::RefusedThere => ("TC-REFUSED-THERE", "problem-refused-there"),
            LoginProblem::GuestRefused => ("TC-GUEST", "problem-guest"),
            LoginProblem::AdministrationRefused => ("TC-ADMINISTRATION", "problem-administration"),
            LoginProblem::PopulationRefused => ("TC-POPULATION", "problem-population"),
            LoginProblem::NotATester => ("TC-SANDBOX", "problem-sandbox"),
            LoginProblem::NotAdmitted => ("TC-NOT-ADMITTED", "problem-not-admitted"),
            LoginProblem::AcrUnreachable => ("TC-ACR", "problem-acr"),
            LoginProblem::FreshLoginUnproven => ("TC-FRESH-LOGIN", "problem-fresh-login"),
            LoginProblem::OtherAgent => ("TC-OTHER-AGENT", "problem-other-agent"),
            LoginProblem::TooManyAttempts => ("TC-TOO-MANY-ATTEMPTS", "problem-too-many"),
            LoginProblem::LoginLoop => ("TC-LOGIN-LOOP", "problem-loop"),
        }
    }

    /// The same account may work at the next attempt.
    fn passes(self) -> bool {
        use LoginProblem::*;
        matches!(
            self,
            Throttled { .. } | HomeserverUnreachable | HomeserverInvalid | LoginTokenSpent | RefusedThere
        )
    }

    pub(super) fn part(self, text: &Text, part: &str) -> String {
        let key = format!("{}.{part}", self.code_and_key().1);
        match self {
            LoginProblem::Throttled { seconds } => text.with(&key, &[("wait", &wait(text, seconds))]),
            _ => text.get(&key),
        }
    }
}

/// A branch that a service admits, in words.
pub fn branch(branch: Branch, text: Text) -> String {
    text.get(match branch {
        Branch::Etat => "role-agent-public-etat",
        Branch::Territoriale => "role-agent-public-territorial",
        Branch::Hospitaliere => "role-agent-public-hospitalier",
    })
}

/// A population that a service admits, in words.
pub fn population(population: Population, text: Text) -> String {
    text.get(match population {
        Population::Agent => "admitted-agent",
        Population::Partenaire => "admitted-partenaire",
    })
}

/// The end of a list that is too long to be shown.
pub fn more_admitted(text: Text) -> String {
    text.get("problem-admitted-more")
}

/// A request that cannot be served: no redirect to a service, only this page.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    pub layout: Layout,
    pub kind: ErrorKind,
    /// The number under which the log tells more.
    pub incident: String,
    /// What exactly is wrong, in English, for the developers of the service; never anything secret.
    pub detail: Option<String>,
}

/// What kind of request it was, in so far as it changes what the reader can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Unknown or disabled client.
    ClientUnknown,
    /// The redirect URI is missing or not registered.
    RedirectUri,
    /// Malformed or repeated parameters.
    Request,
    /// The flow is over: expired, finished or unknown.
    FlowExpired,
    /// The flow began in another browser, or cookies are blocked.
    FlowBrowser,
    NotFound,
    Method,
    TooLarge,
    TooMany,
    Internal,
}

impl ErrorKind {
    #[cfg(test)]
    pub const ALL: [ErrorKind; 10] = [
        ErrorKind::ClientUnknown,
        ErrorKind::RedirectUri,
        ErrorKind::Request,
        ErrorKind::FlowExpired,
        ErrorKind::FlowBrowser,
        ErrorKind::NotFound,
        ErrorKind::Method,
        ErrorKind::TooLarge,
        ErrorKind::TooMany,
        ErrorKind::Internal,
    ];

    /// The stable code shown on the page and written in the log.
    pub fn code(self) -> &'static str {
        self.code_and_key().0
    }

    fn code_and_key(self) -> (&'static str, &'static str) {
        match self {
            ErrorKind::ClientUnknown => ("TC-CLIENT-UNKNOWN", "error-client-unknown"),
            ErrorKind::RedirectUri => ("TC-REDIRECT-URI", "error-redirect-uri"),
            ErrorKind::Request => ("TC-REQUEST", "error-request"),
            ErrorKind::FlowExpired => ("TC-FLOW-EXPIRED", "error-flow-expired"),
            ErrorKind::FlowBrowser => ("TC-FLOW-BROWSER", "error-flow-browser"),
            ErrorKind::NotFound => ("TC-NOT-FOUND", "error-not-found"),
            ErrorKind::Method => ("TC-METHOD", "error-method"),
            ErrorKind::TooLarge => ("TC-TOO-LARGE", "error-too-large"),
            ErrorKind::TooMany => ("TC-TOO-MANY", "error-too-many"),
            ErrorKind::Internal => ("TC-INTERNAL", "error-internal"),
        }
    }

    fn part(self, text: &Text, part: &str) -> String {
        text.get(&format!("{}.{part}", self.code_and_key().1))
    }
}
