//! Pages that stand by themselves in their states: home, the homeservers, the agent's own page.

use askama::Template;

use super::samples::Sample;
use super::*;
use crate::domain::homeserver::Way;

const NOW: i64 = 1_783_000_000;
const MATRIX_ID: &str = "@jean.dupont-beta.gouv.fr:agent.dinum.tchap.gouv.fr";

pub(super) fn samples(layout: &Layout) -> Vec<Sample> {
    let long = "Très-long ".repeat(10) + &"W".repeat(100);
    let few = |name: &str| {
        vec![
            service(layout, name, vec![ConsentKind::Name, ConsentKind::Email]),
            service(
                layout,
                "Agenda",
                ConsentKind::ALL
                    .into_iter()
                    .filter(|kind| *kind != ConsentKind::Resource)
                    .collect(),
            ),
        ]
    };
    let home = HomePage {
        layout: layout.clone(),
        discovery_url: "/.well-known/openid-configuration".into(),
    };
    let server = |name: &str, label: &str, state| ServerStatus {
        name: name.to_owned(),
        label: label.to_owned(),
        state,
    };
    let status = StatusPage {
        layout: layout.clone(),
        servers: vec![
            server("agent.dinum.tchap.gouv.fr", "DINUM", ServerState::Works),
            server(
                "agent.finances.tchap.gouv.fr",
                "Finances",
                ServerState::Failing { seconds: 300 },
            ),
            server(&"w".repeat(200), &"Très-long ".repeat(10), ServerState::Unknown),
        ],
    };
    let pages = [
        ("home", home.render()),
        ("status", status.render()),
        ("account", account(layout, few("Annuaire des agents"), None).render()),
        ("account-empty", account(layout, Vec::new(), None).render()),
        ("account-long", account(layout, few(&long), None).render()),
        ("account-history", history(layout, &long, true).render()),
        ("account-history-empty", history(layout, "", false).render()),
    ];
    let done = Done::ALL.map(|done| {
        let page = account(layout, few("Annuaire des agents"), Some(done));
        (format!("account-{}", done.as_str()), page.render())
    });
    let pages = pages.map(|(name, page)| (name.to_owned(), page));
    let rendered = |(name, page): (String, askama::Result<String>)| (name, page.expect("the page renders"));
    pages.into_iter().chain(done).map(rendered).collect()
}

fn service(layout: &Layout, name: &str, kinds: Vec<ConsentKind>) -> ServiceEntry {
    ServiceEntry {
        name: name.into(),
        logo: (kinds.len() < 3).then(|| layout.theme.mark().into()),
        since: NOW - 90 * 86400,
        last_used: NOW,
        places: vec![name.into(); kinds.len() / 10],
        kinds,
        action: "/mon-compte/services/annuaire".into(),
    }
}

pub(super) fn account(layout: &Layout, services: Vec<ServiceEntry>, done: Option<Done>) -> AccountPage {
    let is_used = !services.is_empty();
    let session = |action: Option<&str>, way| SessionEntry {
        way,
        begun_at: NOW,
        ends_at: NOW + 43_200,
        action: action.map(str::to_owned),
    };
    let others = [
        session(Some("/mon-compte/sessions/a"), Way::Sso),
        session(Some("/mon-compte/sessions/b"), Way::OAuth),
    ];
    let name = services.first().map(|service| service.name.clone());
    AccountPage {
        layout: layout.clone(),
        done,
        shown: "shown".into(),
        name: name.clone().unwrap_or_else(|| MATRIX_ID.into()),
        matrix_id: MATRIX_ID.into(),
        email: is_used.then(|| "jean.dupont@beta.gouv.fr".into()),
        services,
        service_pages: Default::default(),
        session_pages: Default::default(),
        sessions: std::iter::once(session(None, Way::Password))
            .chain(others.into_iter().filter(|_| is_used))
            .collect(),
        others_action: "/mon-compte/sessions/autres".into(),
        sign_ins: name.into_iter().map(sign_in).collect(),
        history_url: is_used.then(|| "/mon-compte/connexions".into()),
        data_url: "/mon-compte/donnees".into(),
    }
}

fn history(layout: &Layout, service: &str, is_used: bool) -> HistoryPage {
    let url = || "/mon-compte/connexions".to_owned();
    HistoryPage {
        layout: layout.clone(),
        back_url: "/mon-compte".into(),
        sign_ins: (0..50 * usize::from(is_used))
            .map(|_| sign_in(service.to_owned()))
            .collect(),
        newest_url: is_used.then(url),
        older_url: is_used.then(url),
    }
}

fn sign_in(service: String) -> SignInEntry {
    SignInEntry {
        service,
        way: Way::OAuth,
        at: NOW,
    }
}
