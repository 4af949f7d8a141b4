//! What a test of a homeserver found, in words: what a login there would meet, in its order.

use super::homeservers::way_words;
use crate::domain::homeserver::{Homeserver, Way};
use crate::egress::Reach;
use crate::upstream::{
    CERTIFICATE_WARNING, CLOCK_FAILED, CLOCK_WARNING, CertificateSeen, Checkup, DirectoryError, Offered, Unreached,
    UpstreamError, choose_way,
};
use crate::web::i18n::Text;
use crate::web::pages::moment;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestLine {
    pub outcome: TestOutcome,
    pub words: String,
    /// What exactly, in English, for whoever runs the server.
    pub detail: Option<String>,
}

/// Whether it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    Ok,
    Warning,
    Failed,
}

impl TestOutcome {
    /// Kind of the badge.
    pub fn badge(self) -> &'static str {
        match self {
            Self::Ok => "success",
            Self::Warning => "warning",
            Self::Failed => "error",
        }
    }

    pub fn words(self, text: &Text) -> String {
        text.get(match self {
            Self::Ok => "console-test-ok",
            Self::Warning => "console-test-warning",
            Self::Failed => "console-test-failed",
        })
    }
}

fn line(outcome: TestOutcome, words: String) -> TestLine {
    TestLine {
        outcome,
        words,
        detail: None,
    }
}

fn failed(words: String, error: &UpstreamError) -> TestLine {
    TestLine {
        detail: Some(error.to_string()),
        ..line(TestOutcome::Failed, words)
    }
}

/// All of it took too long.
pub fn too_slow(text: &Text) -> Vec<TestLine> {
    vec![line(TestOutcome::Failed, text.get("console-test-too-slow"))]
}

/// What was found. `held_to` is the issuer that the list names, or that logins hold the homeserver to; `now` is in
/// Unix seconds.
pub fn lines(
    text: &Text,
    homeserver: &Homeserver,
    held_to: Option<&str>,
    found: &Result<Checkup, Unreached>,
    now: i64,
) -> Vec<TestLine> {
    let checkup = match found {
        Ok(checkup) => checkup,
        Err(unreached) => return vec![unreached_line(text, unreached)],
    };
    let mut lines = vec![
        line(TestOutcome::Ok, text.get("console-test-reached")),
        clock(text, checkup.clock_ahead),
    ];
    lines.extend(checkup.certificate.as_ref().map(|seen| certificate(text, seen, now)));
    match &checkup.service {
        Ok(Some(service)) => {
            let issuer = [("issuer", service.issuer.as_str())];
            lines.push(match held_to {
                Some(held_to) if held_to != service.issuer => line(
                    TestOutcome::Failed,
                    text.with("console-test-issuer-other", &[issuer[0], ("known", held_to)]),
                ),
                Some(_) => line(TestOutcome::Ok, text.with("console-test-issuer", &issuer)),
                None => line(TestOutcome::Warning, text.with("console-test-issuer-new", &issuer)),
            });
        }
        Ok(None) if homeserver.ways.contains(&Way::OAuth) => {
            lines.push(line(TestOutcome::Ok, text.get("console-test-no-oauth")));
        }
        Ok(None) => {}
        Err(error) => lines.push(failed(text.get("console-test-oauth-broken"), error)),
    }
    lines.push(ways(text, homeserver, &checkup.offered));
    lines.extend(checkup.directory.as_ref().map(|answer| match answer {
        Ok(found) => line(
            TestOutcome::Ok,
            text.with("console-test-directory", &[("homeserver", found.homeserver.as_str())]),
        ),
        Err(DirectoryError::NotListed) => line(TestOutcome::Warning, text.get("console-test-directory-unlisted")),
        Err(_) => line(TestOutcome::Failed, text.get("console-test-directory-failed")),
    }));
    lines
}

fn unreached_line(text: &Text, unreached: &Unreached) -> TestLine {
    let words = match (unreached.reach, &unreached.error) {
        (Some(Reach::NoAddress), _) => "console-test-no-address",
        (Some(Reach::NoConnection), _) => "console-test-no-connection",
        (Some(Reach::Opens), _) => "console-test-no-tls",
        (None, UpstreamError::Unreachable(_)) => "console-test-no-answer",
        (None, _) => "console-test-no-homeserver",
    };
    failed(text.get(words), &unreached.error)
}

fn certificate(text: &Text, seen: &CertificateSeen, now: i64) -> TestLine {
    let outcome = match seen.end - now {
        left if left > CERTIFICATE_WARNING => TestOutcome::Ok,
        _ => TestOutcome::Warning,
    };
    let until = moment(text, seen.end);
    let values = [("url", seen.url.as_str()), ("until", &until)];
    line(outcome, text.with("console-test-certificate", &values))
}

fn clock(text: &Text, ahead: Option<i64>) -> TestLine {
    let Some(ahead) = ahead else {
        return line(TestOutcome::Warning, text.get("console-test-clock-unknown"));
    };
    let off = ahead.saturating_abs();
    let outcome = match off {
        off if off <= CLOCK_WARNING => TestOutcome::Ok,
        off if off <= CLOCK_FAILED => TestOutcome::Warning,
        _ => TestOutcome::Failed,
    };
    line(
        outcome,
        text.with("console-test-clock", &[("seconds", &off.to_string())]),
    )
}

fn ways(text: &Text, homeserver: &Homeserver, offered: &Result<Offered, UpstreamError>) -> TestLine {
    let offered = match offered {
        Ok(offered) => offered,
        Err(UpstreamError::NoSuchWay) => return line(TestOutcome::Failed, text.get("console-test-no-way")),
        Err(error) => return failed(text.get("console-test-ways-broken"), error),
    };
    match choose_way(homeserver, offered) {
        Some(way) => {
            let way = way_words(text, &way);
            line(TestOutcome::Ok, text.with("console-test-way", &[("way", &way)]))
        }
        None => line(TestOutcome::Failed, text.get("console-test-no-way")),
    }
}
