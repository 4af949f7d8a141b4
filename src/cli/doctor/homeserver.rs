//! From what a homeserver showed to what it means for logins. Nothing is asked here.

use super::finding::{Finding, Outcome};
use super::process::certificate;
use crate::domain::homeserver::{Homeserver, Way};
use crate::egress::Reach;
use crate::store::PinnedIssuer;
use crate::upstream::{
    CLOCK_FAILED, CLOCK_WARNING, Checkup, DirectoryError, ServiceSeen, Unreached, UpstreamError, choose_way,
};

/// All that is known of one homeserver.
pub struct Facts<'a> {
    pub homeserver: &'a Homeserver,
    pub found: Result<Checkup, Unreached>,
    /// What logins have held it to so far.
    pub pinned: Option<PinnedIssuer>,
    /// In Unix seconds.
    pub now: i64,
    /// What we would register there now.
    pub registration: String,
    /// The issuers of the other homeservers.
    pub others: Vec<IssuerOf>,
    /// Where it is watched: whether it said anything of an account that nobody has, or why not.
    pub watch: Option<Result<bool, String>>,
}

/// Whose an issuer is, or is said to be.
#[derive(Debug, Clone)]
pub struct IssuerOf {
    pub issuer: String,
    pub homeserver: String,
    /// The list says so; else logins hold the server to it, or it publishes it now.
    pub named: bool,
}

/// Everything about one homeserver, in the order in which a login meets it.
pub fn judge(facts: &Facts<'_>) -> Vec<Finding> {
    let checkup = match &facts.found {
        Ok(checkup) => checkup,
        Err(unreached) => return vec![unreached_one(facts.homeserver, unreached)],
    };
    let mut findings = vec![
        finding(facts, "homeserver.reach", (Outcome::Ok, "answers".to_owned())),
        finding(facts, "homeserver.clock", clock(checkup.clock_ahead)),
    ];
    if let Some(seen) = &checkup.certificate {
        let (outcome, message) = certificate(Some(seen.end), facts.now);
        findings.push(finding(
            facts,
            "homeserver.certificate",
            (outcome, format!("{}: {message}", seen.url)),
        ));
    }
    match &checkup.service {
        Ok(Some(service)) => {
            findings.push(finding(facts, "homeserver.oauth", metadata(service)));
            findings.push(finding(facts, "homeserver.issuer", issuer(facts, service)));
            findings.push(finding(facts, "homeserver.client", client(facts, service)));
            findings.push(finding(facts, "homeserver.ways", ways(facts.homeserver, checkup)));
        }
        Ok(None) => findings.push(finding(facts, "homeserver.ways", ways(facts.homeserver, checkup))),
        // Then the ways in are not known either.
        Err(error) => findings.push(finding(facts, "homeserver.oauth", broken_metadata(error))),
    }
    if let Some(answer) = &checkup.directory {
        findings.push(finding(facts, "homeserver.directory", directory(answer)));
    }
    if let Some(answer) = &facts.watch {
        findings.push(finding(facts, "homeserver.watch", watch(answer)));
    }
    findings
}

fn finding(facts: &Facts<'_>, check: &'static str, (result, message): (Outcome, String)) -> Finding {
    Finding::new(check, &facts.homeserver.name, result, message)
}

/// It took too long altogether.
pub fn too_slow(homeserver: &Homeserver, seconds: u64) -> Finding {
    let message = format!("its answers took more than {seconds} s together: agents give up before that");
    Finding::new("homeserver.reach", &homeserver.name, Outcome::Failed, message)
}

fn unreached_one(homeserver: &Homeserver, unreached: &Unreached) -> Finding {
    let url = &homeserver.base_url;
    let is_https = url.starts_with("https://");
    let message = match (unreached.reach, &unreached.error) {
        (Some(Reach::NoAddress), _) => {
            format!("the host of {url} has no address: correct base_url, or the name service of this machine")
        }
        (Some(Reach::NoConnection), _) => {
            format!("nothing answers at {url}: is the server up, and does the firewall let this machine reach it?")
        }
        (Some(Reach::Opens), _) if is_https => format!(
            "{url} opens no TLS connection: its certificate is out of date, for another name, or of an authority unknown \
             here (upstream.ca_file)"
        ),
        (_, UpstreamError::Unreachable(why)) => format!("{url} does not answer: {why}"),
        (_, error) => format!("{url} does not answer as a homeserver ({error}): is base_url right?"),
    };
    Finding::new("homeserver.reach", &homeserver.name, Outcome::Failed, message)
}

fn clock(ahead: Option<i64>) -> (Outcome, String) {
    let Some(ahead) = ahead else {
        let message = "its answers carry no date: its clock cannot be compared with ours";
        return (Outcome::Warning, message.to_owned());
    };
    let difference = match ahead {
        0 => return (Outcome::Ok, "agrees with ours".to_owned()),
        1.. => format!("{ahead} s ahead of ours"),
        _ => format!("{} s behind ours", ahead.saturating_abs()),
    };
    match ahead.saturating_abs() {
        off if off <= CLOCK_WARNING => (Outcome::Ok, difference),
        off if off <= CLOCK_FAILED => (
            Outcome::Warning,
            format!("{difference}: set whichever is wrong by NTP before it grows"),
        ),
        _ => (
            Outcome::Failed,
            format!("{difference}: logins are refused or their time is wrong; set whichever is wrong by NTP"),
        ),
    }
}

fn metadata(service: &ServiceSeen) -> (Outcome, String) {
    let message = format!(
        "issuer {}, all endpoints on its own origin, PKCE with S256",
        service.issuer
    );
    (Outcome::Ok, message)
}

fn broken_metadata(error: &UpstreamError) -> (Outcome, String) {
    let message = format!("its OAuth 2.0 metadata cannot be used, and nobody can sign in there: {error}");
    (Outcome::Failed, message)
}

/// As `upstream::oauth::registration` holds it.
fn issuer(facts: &Facts<'_>, service: &ServiceSeen) -> (Outcome, String) {
    let found = &service.issuer;
    let named = facts.homeserver.oauth.issuer.as_ref();
    let pinned = facts.pinned.as_ref().map(|pinned| &pinned.issuer);
    // Who is held to it already does not lose it because another server claims it.
    let mut others = facts.others.iter().filter(|other| other.issuer == *found);
    if let Some(other) = others.find(|other| other.named || named.or(pinned).is_none()) {
        let message = format!(
            "{found} is also that of {}: logins are refused; write into the list whose it is (oauth.issuer)",
            other.homeserver
        );
        return (Outcome::Failed, message);
    }
    match (named, pinned) {
        (Some(named), _) if named != found => {
            let message = format!(
                "the list names {named}, the server {found}: logins are refused. If the server is right, ask its operator \
                 by another way, then correct oauth.issuer and apply"
            );
            (Outcome::Failed, message)
        }
        (Some(_), _) => (Outcome::Ok, "the one that the list names".to_owned()),
        (None, Some(pinned)) if pinned != found => {
            let message = format!(
                "it was {pinned} and is {found} now: logins are refused. If that is right, ask its operator by another way, \
                 then write oauth.issuer = \"{found}\" and apply"
            );
            (Outcome::Failed, message)
        }
        (None, pinned) => {
            let since = match pinned {
                Some(_) => "it is the one seen first",
                None => "the first login will hold the server to it",
            };
            let message = format!("{since}; better, write oauth.issuer = \"{found}\" into the list");
            (Outcome::Warning, message)
        }
    }
}

fn client(facts: &Facts<'_>, service: &ServiceSeen) -> (Outcome, String) {
    if let Some(client_id) = &facts.homeserver.oauth.client_id {
        let message = format!("{client_id}, made for us; whether it is known there only a login tells");
        return (Outcome::Ok, message);
    }
    let pinned = facts.pinned.as_ref().filter(|pinned| pinned.issuer == service.issuer);
    let registered = pinned.and_then(|pinned| Some((pinned.client_id.as_ref()?, pinned.registration.as_ref()?)));
    match (registered, service.registers_clients) {
        (Some((client_id, registration)), _) if *registration == facts.registration => {
            (Outcome::Ok, format!("{client_id}, registered by us"))
        }
        (None, true) => (Outcome::Ok, "the first login will register us".to_owned()),
        (Some(_), true) => (
            Outcome::Ok,
            "registered with another address of ours: the next login will register us again".to_owned(),
        ),
        (_, false) => (
            Outcome::Failed,
            "it registers no clients: have its operator make one for us, and write its id into the list (oauth.client_id)"
                .to_owned(),
        ),
    }
}

fn ways(homeserver: &Homeserver, checkup: &Checkup) -> (Outcome, String) {
    let on = list(&homeserver.ways);
    let offered = match &checkup.offered {
        Ok(offered) => offered,
        Err(UpstreamError::NoSuchWay) => {
            let message = format!("offers neither OAuth 2.0 nor any login of its own (switched on here: {on})");
            return (Outcome::Failed, message);
        }
        Err(error) => {
            let message = format!("its login types cannot be read, and nobody can sign in there: {error}");
            return (Outcome::Failed, message);
        }
    };
    if let Some(way) = choose_way(homeserver, offered) {
        return (Outcome::Ok, format!("agents sign in by {way} (switched on here: {on})"));
    }
    let mut there = Vec::new();
    there.extend(offered.oauth.then_some(Way::OAuth));
    there.extend(offered.sso.as_ref().map(|_| Way::Sso));
    there.extend(offered.password.then_some(Way::Password));
    let there = match there.is_empty() {
        true => "no way that we know".to_owned(),
        false => list(&there),
    };
    let message = format!("nobody can sign in: it offers {there}, switched on here is {on} (ways)");
    (Outcome::Failed, message)
}

fn list(ways: &[Way]) -> String {
    ways.iter().map(|way| way.as_str()).collect::<Vec<_>>().join(", ")
}

fn directory(answer: &Result<crate::domain::homeserver::DirectoryFinding, DirectoryError>) -> (Outcome, String) {
    match answer {
        Ok(found) => (
            Outcome::Ok,
            format!("answers; an address that nobody has leads to {}", found.homeserver),
        ),
        Err(DirectoryError::NotListed) => (
            Outcome::Warning,
            "answers, but an address that nobody has leads to a server that is not on the list: is the guests' server \
             missing?"
                .to_owned(),
        ),
        Err(error) => (
            Outcome::Failed,
            format!("{error}: if this server offers no directory, write directory = false"),
        ),
    }
}

fn watch(answer: &Result<bool, String>) -> (Outcome, String) {
    match answer {
        Ok(true) => (Outcome::Ok, "it says whether accounts still stand".to_owned()),
        Ok(false) => (
            Outcome::Warning,
            "it answers, but says nothing of an account that does not exist: would it of one that was closed?"
                .to_owned(),
        ),
        Err(why) => (
            Outcome::Failed,
            format!("accounts closed there are noticed at the next login only: {why}"),
        ),
    }
}
