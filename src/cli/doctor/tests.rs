use super::finding::Outcome::{self, Failed, Ok as Fine, Warning};
use super::homeserver::{Facts, IssuerOf, judge};
use crate::domain::homeserver::{DirectoryFinding, Homeserver, Way};
use crate::egress::Reach;
use crate::store::PinnedIssuer;
use crate::upstream::{CertificateSeen, Checkup, DirectoryError, Offered, ServiceSeen, Unreached, UpstreamError};

const ISSUER: &str = "https://auth.a.test/";

fn homeserver() -> Homeserver {
    let entry = serde_json::json!({"name": "a.test", "label": "A", "base_url": "https://matrix.a.test"});
    serde_json::from_value(entry).unwrap()
}

fn healthy() -> Checkup {
    Checkup {
        clock_ahead: Some(0),
        certificate: None,
        service: Ok(Some(ServiceSeen {
            issuer: ISSUER.to_owned(),
            registers_clients: true,
        })),
        offered: Ok(Offered {
            oauth: true,
            ..Offered::default()
        }),
        directory: None,
    }
}

fn pinned(issuer: &str, registration: &str) -> Option<PinnedIssuer> {
    Some(PinnedIssuer {
        homeserver: "a.test".to_owned(),
        issuer: issuer.to_owned(),
        client_id: Some("01CLIENT".to_owned()),
        registration: Some(registration.to_owned()),
    })
}

fn other(named: bool) -> Vec<IssuerOf> {
    vec![IssuerOf {
        issuer: ISSUER.to_owned(),
        homeserver: "b.test".to_owned(),
        named,
    }]
}

/// The outcome of one check, and a word of its text.
#[track_caller]
fn comes_out(facts: &Facts<'_>, check: &str, expected: Outcome, word: &str) {
    let findings = judge(facts);
    let found = findings.iter().find(|finding| finding.check == check);
    let found = found.unwrap_or_else(|| panic!("{check} is not among {findings:?}"));
    assert_eq!(found.result, expected, "{found:?}");
    assert!(found.message.contains(word), "{word:?} is not in {found:?}");
}

fn facts<'a>(homeserver: &'a Homeserver, checkup: Checkup) -> Facts<'a> {
    Facts {
        homeserver,
        found: Ok(checkup),
        now: 0,
        pinned: None,
        registration: "now".to_owned(),
        others: Vec::new(),
        watch: None,
    }
}

#[test]
fn a_server_that_is_not_reached_is_one_line_that_says_where_it_ends() {
    let homeserver = homeserver();
    for (reach, error, word) in [
        (
            Some(Reach::NoAddress),
            UpstreamError::Unreachable("no connection"),
            "has no address",
        ),
        (
            Some(Reach::NoConnection),
            UpstreamError::Unreachable("no connection"),
            "firewall",
        ),
        (
            Some(Reach::Opens),
            UpstreamError::Unreachable("no connection"),
            "certificate",
        ),
        (
            None,
            UpstreamError::Unreachable("no complete answer in time"),
            "in time",
        ),
        (None, UpstreamError::Nonsense("a redirect"), "base_url"),
    ] {
        let unreached = Facts {
            found: Err(Unreached { error, reach }),
            ..facts(&homeserver, healthy())
        };
        assert_eq!(judge(&unreached).len(), 1);
        comes_out(&unreached, "homeserver.reach", Failed, word);
    }
}

#[test]
fn a_watch_that_gets_no_word_fails_and_one_that_is_off_is_no_finding() {
    let homeserver = homeserver();
    assert!(
        judge(&facts(&homeserver, healthy()))
            .iter()
            .all(|finding| finding.check != "homeserver.watch")
    );
    for (watch, expected, word) in [
        (Ok(true), Fine, "still stand"),
        (Ok(false), Warning, "nothing of an account"),
        (Err("there is no token".to_owned()), Failed, "there is no token"),
    ] {
        let watched = Facts {
            watch: Some(watch),
            ..facts(&homeserver, healthy())
        };
        comes_out(&watched, "homeserver.watch", expected, word);
    }
}

#[test]
fn a_certificate_that_ends_soon_is_named_with_its_server() {
    let homeserver = homeserver();
    let checkup = |end| Checkup {
        certificate: Some(CertificateSeen {
            url: ISSUER.to_owned(),
            end,
        }),
        ..healthy()
    };
    comes_out(
        &facts(&homeserver, checkup(3600)),
        "homeserver.certificate",
        Warning,
        ISSUER,
    );
    comes_out(
        &facts(&homeserver, checkup(i64::MAX)),
        "homeserver.certificate",
        Fine,
        ISSUER,
    );
}

#[test]
fn a_clock_off_by_more_than_five_seconds_warns_and_by_more_than_a_minute_fails() {
    let homeserver = homeserver();
    for (clock_ahead, expected, word) in [
        (Some(0), Fine, "agrees"),
        (Some(5), Fine, "5 s ahead"),
        (Some(-5), Fine, "5 s behind"),
        (Some(6), Warning, "6 s ahead"),
        (Some(-60), Warning, "60 s behind"),
        (Some(61), Failed, "61 s ahead"),
        (Some(i64::MIN), Failed, "behind"),
        (None, Warning, "no date"),
    ] {
        let checkup = Checkup {
            clock_ahead,
            ..healthy()
        };
        comes_out(&facts(&homeserver, checkup), "homeserver.clock", expected, word);
    }
}

#[test]
fn an_issuer_is_judged_as_a_login_would() {
    let silent = homeserver();
    let names = |issuer: &str| {
        let mut homeserver = homeserver();
        homeserver.oauth.issuer = Some(issuer.to_owned());
        homeserver
    };
    let (right, wrong) = (names(ISSUER), names("https://auth.a.test"));
    for (homeserver, pinned, others, expected, word) in [
        (&silent, None, vec![], Warning, "first login"),
        (&silent, pinned(ISSUER, "now"), vec![], Warning, "seen first"),
        (&silent, pinned("https://old.test/", "now"), vec![], Failed, "it was"),
        (&right, None, vec![], Fine, "the list names"),
        (
            &right,
            pinned("https://old.test/", "now"),
            vec![],
            Fine,
            "the list names",
        ),
        (&wrong, pinned(ISSUER, "now"), vec![], Failed, "the list names"),
        (&silent, None, other(false), Failed, "b.test"),
        (&silent, None, other(true), Failed, "b.test"),
        (&silent, pinned(ISSUER, "now"), other(true), Failed, "b.test"),
        (&right, None, other(true), Failed, "b.test"),
        // Another server only claims what is this one's.
        (&silent, pinned(ISSUER, "now"), other(false), Warning, "seen first"),
        (&right, None, other(false), Fine, "the list names"),
    ] {
        let facts = Facts {
            pinned,
            others,
            ..facts(homeserver, healthy())
        };
        comes_out(&facts, "homeserver.issuer", expected, word);
    }
}

#[test]
fn a_client_is_made_registered_or_will_be() {
    let silent = homeserver();
    let mut made = homeserver();
    made.oauth.client_id = Some("01MADE".to_owned());
    let elsewhere = pinned("https://old.test/", "now");
    for (homeserver, pinned, registers_clients, expected, word) in [
        (&made, None, false, Fine, "01MADE"),
        (&silent, None, true, Fine, "will register"),
        (&silent, None, false, Failed, "oauth.client_id"),
        (&silent, pinned(ISSUER, "now"), false, Fine, "01CLIENT"),
        (&silent, pinned(ISSUER, "then"), true, Fine, "again"),
        (&silent, pinned(ISSUER, "then"), false, Failed, "oauth.client_id"),
        (&silent, elsewhere, false, Failed, "oauth.client_id"),
    ] {
        let service = ServiceSeen {
            issuer: ISSUER.to_owned(),
            registers_clients,
        };
        let checkup = Checkup {
            service: Ok(Some(service)),
            ..healthy()
        };
        let facts = Facts {
            pinned,
            ..facts(homeserver, checkup)
        };
        comes_out(&facts, "homeserver.client", expected, word);
    }
}

#[test]
fn the_way_that_will_be_taken_is_named_and_none_is_a_failure() {
    let all = homeserver();
    let no_password = Homeserver {
        ways: vec![Way::OAuth, Way::Sso],
        ..homeserver()
    };
    let offered = |oauth, sso: bool, password| {
        Ok(Offered {
            oauth,
            sso: sso.then(Vec::new),
            password,
        })
    };
    for (homeserver, offered, expected, word) in [
        (&all, offered(true, false, false), Fine, "by oauth"),
        (&all, offered(false, true, true), Fine, "by sso"),
        (&all, offered(false, false, true), Fine, "by password"),
        (&no_password, offered(false, false, true), Failed, "it offers password"),
        (&all, offered(false, false, false), Failed, "no way"),
        (&all, Err(UpstreamError::NoSuchWay), Failed, "neither"),
        (&all, Err(UpstreamError::Nonsense("a list")), Failed, "a list"),
    ] {
        let checkup = Checkup {
            service: Ok(None),
            offered,
            ..healthy()
        };
        comes_out(&facts(homeserver, checkup), "homeserver.ways", expected, word);
    }
    let broken = Checkup {
        service: Err(UpstreamError::Nonsense("an authentication service without PKCE")),
        offered: Err(UpstreamError::Nonsense("an authentication service without PKCE")),
        ..healthy()
    };
    let facts = facts(&all, broken);
    comes_out(&facts, "homeserver.oauth", Failed, "without PKCE");
    assert!(judge(&facts).iter().all(|one| one.check != "homeserver.ways"));
}

#[test]
fn a_directory_must_answer_and_lead_to_a_listed_server() {
    let homeserver = homeserver();
    let found = DirectoryFinding {
        homeserver: "guests.test".to_owned(),
        new_homeserver: None,
        answered_by: vec!["a.test".to_owned()],
    };
    for (directory, expected, word) in [
        (Ok(found), Fine, "guests.test"),
        (Err(DirectoryError::NotListed), Warning, "guests"),
        (Err(DirectoryError::Unreachable), Failed, "directory = false"),
    ] {
        let checkup = Checkup {
            directory: Some(directory),
            ..healthy()
        };
        comes_out(&facts(&homeserver, checkup), "homeserver.directory", expected, word);
    }
}
