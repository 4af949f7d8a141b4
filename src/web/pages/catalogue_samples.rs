//! The console's pages of administrations, homeservers and keys in their states.

use askama::Template;

use super::console::*;
use super::console_samples::frame;
use super::samples::Sample;
use super::*;
use crate::domain::administration::Administration;
use crate::domain::administration::import::{Change, Former, Import};
use crate::domain::administration::table::{Fault, LineFault};
use crate::domain::homeserver::{Homeserver, WatchWay};
use crate::keys::{KeyInfo, KeyState};
use crate::protocol::admission::Branch;
use crate::store::UnknownDomain;
use crate::upstream::Failure;

const NOW: i64 = 1_783_000_000;

fn administration(domain: &str, name: &str) -> Administration {
    Administration {
        domain: domain.into(),
        name: name.into(),
        siren: Some("130025265".into()),
        siret: Some("13002526500013".into()),
        branch: Some(Branch::Etat),
        organizational_unit: Some("Tchap".into()),
    }
}

pub(super) fn samples(layout: &Layout) -> Vec<Sample> {
    let pages = [
        administrations(layout),
        imports(layout),
        homeservers(layout),
        keys(layout),
    ];
    let pages = pages.into_iter().flatten();
    pages
        .map(|(name, page)| (name.to_owned(), page.expect("the page renders")))
        .collect()
}

type Rendered = (&'static str, Result<String, askama::Error>);

fn administrations(layout: &Layout) -> Vec<Rendered> {
    let long = "W".repeat(100);
    let list = |administrations, query: &str| AdministrationsPage {
        layout: frame(layout, &ADMINISTRATIONS),
        done: Some(AdministrationDone::Saved),
        query: query.into(),
        administrations,
        may_edit: true,
        first_url: Some("/console/administrations".into()),
        next_url: Some("/console/administrations?suite=x".into()),
    };
    let form = |errors: &[&str], notice| AdministrationPage {
        layout: frame(layout, &ADMINISTRATIONS),
        action: "/console/administrations/domaine/beta.gouv.fr".into(),
        form: AdministrationForm {
            domain: "beta.gouv.fr".into(),
            name: long.clone(),
            siren: "130025265".into(),
            branch: "etat".into(),
            version: "v".into(),
            ..AdministrationForm::default()
        },
        errors: errors.iter().map(|field| (*field).to_owned()).collect(),
        notice,
        stored: notice.map(|_| administration("beta.gouv.fr", "DINUM")),
        may_edit: true,
        may_list: true,
        delete_action: Some("/console/administrations/domaine/beta.gouv.fr/suppression".into()),
    };
    let mut add = form(
        &["domain", "name", "siren", "siret", "branch", "organizational_unit"],
        None,
    );
    add.form.version = String::new();
    let mut read = form(&[], None);
    (read.may_edit, read.may_list) = (false, false);
    let unknown = |domains, is_full| UnknownDomainsPage {
        layout: frame(layout, &ADMINISTRATIONS),
        domains,
        is_full,
        may_edit: true,
        first_url: None,
        next_url: None,
    };
    let domain = UnknownDomain {
        domain: "ville-inconnue.gouv.fr".into(),
        sign_ins: 12,
        first_seen_at: NOW - 100_000,
        last_seen_at: NOW,
    };
    let two = vec![
        administration("beta.gouv.fr", "DINUM"),
        administration(&format!("{long}.fr"), &long),
    ];
    vec![
        ("console-administrations", list(two, "").render()),
        ("console-administrations-none", list(Vec::new(), "\"<x>").render()),
        ("console-administration", form(&[], None).render()),
        ("console-administration-errors", add.render()),
        (
            "console-administration-outdated",
            form(&[], Some(AdministrationNotice::Changed)).render(),
        ),
        ("console-administration-read", read.render()),
        ("console-unknown", unknown(vec![domain], true).render()),
        ("console-unknown-none", unknown(Vec::new(), false).render()),
    ]
}

fn imports(layout: &Layout) -> Vec<Rendered> {
    let faults = [
        Fault::Encoding,
        Fault::MissingColumn("domain"),
        Fault::UnknownColumn("<color>".into()),
        Fault::Cells,
        Fault::TooLong,
        Fault::Field("siret"),
        Fault::Repeated(2),
    ];
    let import = |faults: Vec<LineFault>, notice| ImportPage {
        layout: frame(layout, &ADMINISTRATIONS),
        table: "domain;name\na.fr;</textarea>".into(),
        faults,
        notice,
    };
    let faults = faults.into_iter().map(|fault| LineFault { line: 7, fault }).collect();
    let change = |former| Change {
        administration: administration("beta.gouv.fr", "Direction interministérielle du numérique"),
        former,
    };
    let former = Former {
        administration: administration("beta.gouv.fr", "DINUM"),
        version: String::new(),
    };
    let preview = |changes, is_anew| PreviewPage {
        layout: frame(layout, &ADMINISTRATIONS),
        action: "/console/administrations/import/x".into(),
        import: Import {
            changes,
            unchanged: vec![administration("a.fr", "A")],
        },
        page: 0,
        is_anew,
    };
    vec![
        ("console-import", import(Vec::new(), None).render()),
        ("console-import-faults", import(faults, None).render()),
        (
            "console-import-gone",
            import(Vec::new(), Some(ImportNotice::Gone)).render(),
        ),
        (
            "console-preview",
            preview(vec![change(Some(former)), change(None)], true).render(),
        ),
        ("console-preview-nothing", preview(Vec::new(), false).render()),
    ]
}

fn homeservers(layout: &Layout) -> Vec<Rendered> {
    let health = |state, last_failure| ApiHealth {
        state,
        last_success: Some(NOW),
        last_failure,
    };
    let entry = |name: &str, guests| {
        let mut homeserver = Homeserver::assumed(name, None);
        homeserver.guests = guests;
        homeserver.email_domains = vec!["beta.gouv.fr".into()];
        homeserver.watch.way = Some(WatchWay::AccountStatus);
        HomeserverEntry {
            homeserver,
            health: health(ServerState::Failing { seconds: 60 }, Some((NOW, Failure::Status(503)))),
            directory: Some(health(ServerState::Works, None)),
        }
    };
    let list = HomeserversPage {
        layout: frame(layout, &HOMESERVERS),
        done: Some(HomeserverDone::Moved),
        homeservers: vec![
            entry("agent.dinum.tchap.gouv.fr", false),
            entry("externe.tchap.gouv.fr", true),
            entry(&"w".repeat(200), false),
        ],
        may_edit: true,
    };
    let outcomes = [homeserver_test::TestOutcome::Ok, homeserver_test::TestOutcome::Warning];
    let line = |outcome| TestLine {
        outcome,
        words: "Il répond.".into(),
        detail: Some("the homeserver cannot be reached".into()),
    };
    let one = |test, notice| HomeserverPage {
        layout: frame(layout, &HOMESERVERS),
        address: "/console/serveurs/nom/agent.dinum.tchap.gouv.fr".into(),
        entry: entry("agent.dinum.tchap.gouv.fr", false),
        discovered: Discovered {
            service: Some(Some("https://auth.tchap.gouv.fr/".into())),
            pinned: Some("https://auth.tchap.gouv.fr/".into()),
            client_id: None,
        },
        test,
        notice,
        may_edit: true,
        version: "v".into(),
        has_watch_token: true,
    };
    let form = |version: &str, name: &str, errors, notice| HomeserverFormPage {
        layout: frame(layout, &HOMESERVERS),
        action: "/console/serveurs/ajouter".into(),
        form: HomeserverForm {
            name: name.into(),
            ways: ["oauth".into(), "password".into(), String::new()],
            version: version.into(),
            ..HomeserverForm::default()
        },
        errors,
        notice,
        stored: Some(entry("agent.dinum.tchap.gouv.fr", false).homeserver).filter(|_| notice.is_some()),
    };
    let every = vec![
        "name",
        "label",
        "base_url",
        "ways",
        "email_domains",
        "oauth_issuer",
        "oauth_client_id",
        "watch_way",
        "watch_base_url",
        "watch_client_id",
    ];
    vec![
        ("console-homeservers", list.render()),
        ("console-homeserver", one(None, None).render()),
        (
            "console-homeserver-test",
            one(Some(outcomes.map(line).to_vec()), None).render(),
        ),
        (
            "console-homeserver-locks-out",
            one(None, Some(HomeserverNotice::LocksOut)).render(),
        ),
        ("console-homeserver-name", form("", "", Vec::new(), None).render()),
        ("console-homeserver-form", form("v", "a.fr", Vec::new(), None).render()),
        ("console-homeserver-errors", form("", "a b", every, None).render()),
    ]
}

fn keys(layout: &Layout) -> Vec<Rendered> {
    let key = |state, retired_at| KeyInfo {
        kid: "Vq8n0dFJr5c3WnZ5v8C4w2rK1l7XkTq6yHb9mEoPzAs".into(),
        alg: "RS256",
        state,
        created_at: NOW - 1_000_000,
        active_from: NOW - 999_340,
        retired_at,
    };
    let page = |keys, next_rotation, problem| KeysPage {
        layout: frame(layout, &KEYS),
        done: None,
        problem,
        keys,
        now: NOW,
        next_rotation,
        published_at: NOW - 1_000_000,
        fetches: 1234,
        may_edit: true,
    };
    let all = vec![
        key(KeyState::Retired, Some(NOW - 1000)),
        key(KeyState::Active, None),
        key(KeyState::Next, None),
    ];
    vec![
        ("console-keys", page(all, None, None).render()),
        (
            "console-keys-problem",
            page(
                vec![key(KeyState::Active, None)],
                Some(NOW + 1000),
                Some(KeysProblem::NotRetired),
            )
            .render(),
        ),
    ]
}
