//! Every page in every state, for the tests, and written to `target/pages/` for people to look at.

use crate::domain::login_problem::LoginProblem;
use std::path::Path;
use std::sync::Arc;

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use super::*;

/// One page in one state: a file name and the HTML.
pub(super) type Sample = (String, String);

pub(super) fn layout(language: Language) -> Layout {
    themed(language, Arc::new(Theme::load(None).expect("the built-in theme loads")))
}

fn themed(language: Language, theme: Arc<Theme>) -> Layout {
    let footer = FooterLinks {
        accessibility: Some("/accessibilite".into()),
        legal: Some("https://service.example/mentions-legales".into()),
        privacy: Some("https://service.example/donnees-personnelles".into()),
    };
    Layout {
        text: Text::new(language),
        theme,
        footer: Arc::new(footer),
        here: "/authorize/f1".into(),
    }
}

const SERVICE: &str = "Annuaire des agents";
const HOMESERVER: &str = "agent.dinum.tchap.gouv.fr";
const MATRIX_ID: &str = "@jean.dupont-beta.gouv.fr:agent.dinum.tchap.gouv.fr";
const EMAIL: &str = "jean.dupont@beta.gouv.fr";

/// Every page in every state.
pub(super) fn samples(layout: &Layout) -> Vec<Sample> {
    let mut pages = vec![];
    let mut add = |name: String, page: askama::Result<String>| pages.push((name, page.expect("the page renders")));
    for error in [None].into_iter().chain(IdentifierError::ALL.map(Some)) {
        let value = if error.is_none() { "" } else { "jean.dupont@exemple" };
        let page = identifier(layout, SERVICE, value, error);
        add(
            format!(
                "identifier-{}",
                error.map_or("start".into(), |error| format!("{error:?}"))
            ),
            page.render(),
        );
    }
    let mut bare = identifier(layout, SERVICE, EMAIL, None);
    bare.homeservers.clear();
    add("identifier-no-list".into(), bare.render());
    for (name, needs_matrix_id, error) in password_states() {
        add(
            format!("password-{name}"),
            password(layout, needs_matrix_id, error).render(),
        );
    }
    for (name, providers) in [
        ("server", vec![]),
        ("one", vec!["ProConnect"]),
        ("two", vec!["ProConnect", "Keycloak"]),
    ] {
        let providers = providers
            .into_iter()
            .map(|name| (name.to_lowercase(), name.to_owned()))
            .collect();
        add(format!("sso-{name}"), sso(layout, providers).render());
    }
    add("choose".into(), choose(layout, "Jean Dupont").render());
    add(
        "confirm".into(),
        confirm(layout, Some("claire.martin@beta.gouv.fr")).render(),
    );
    add("confirm-after-logout".into(), confirm(layout, None).render());
    add(
        "consent".into(),
        consent(layout, SERVICE, "Jean Dupont", few_items()).render(),
    );
    add(
        "consent-all".into(),
        consent(layout, SERVICE, "Jean Dupont", all_items()).render(),
    );
    let mut first = identifier(layout, SERVICE, EMAIL, None);
    first.service = unverified(layout, SERVICE);
    add("identifier-unverified".into(), first.render());
    let mut second = password(layout, false, None);
    second.service = unverified(layout, SERVICE);
    add("password-unverified".into(), second.render());
    let mut last = consent(layout, SERVICE, "Jean Dupont", few_items());
    last.service = unverified(layout, SERVICE);
    add("consent-unverified".into(), last.render());
    let long = "Très-long ".repeat(100) + &"W".repeat(1000);
    add(
        "identifier-long".into(),
        identifier(layout, &long, &long, None).render(),
    );
    let items = [ConsentKind::Name, ConsentKind::Email].map(|kind| ConsentItem {
        kind,
        value: long.clone(),
    });
    add(
        "consent-long".into(),
        consent(layout, &long, &long, items.to_vec()).render(),
    );
    let form_post = FormPostPage {
        layout: layout.clone(),
        action: "https://annuaire.example/callback".into(),
        members: vec![("code", "c0de".into()), ("state", "\"><script>".into())],
    };
    add("form-post".into(), form_post.render());
    for service in [Some(SERVICE), None] {
        let name = if service.is_some() { "logout" } else { "logout-unknown" };
        add(name.into(), logout(layout, service, "Jean Dupont").render());
    }
    for (name, frames, back) in [
        ("signed-out", 0, None),
        ("signed-out-back", 0, Some("https://annuaire.example/")),
        ("signed-out-frames", 2, Some("https://annuaire.example/")),
    ] {
        add(name.into(), signed_out(layout, frames, back).render());
    }
    let still = StillSignedInPage {
        layout: layout.clone(),
        back: Some("https://annuaire.example/".into()),
    };
    add("still-signed-in".into(), still.render());
    for problem in LoginProblem::ALL {
        add(
            format!("problem-{}", problem.code()),
            problem_page(layout, problem).render(),
        );
    }
    for kind in ErrorKind::ALL {
        let detail = (kind == ErrorKind::RedirectUri).then(|| "redirect_uri is not registered for this client".into());
        let page = ErrorPage {
            layout: layout.clone(),
            kind,
            incident: "4f2a-91c7".into(),
            detail,
        };
        add(format!("error-{}", kind.code()), page.render());
    }
    pages.extend(super::account_samples::samples(layout));
    pages.extend(super::console_samples::samples(layout));
    pages
}

/// A service that registered itself, with all that it may show.
pub(super) fn unverified(layout: &Layout, name: &str) -> Service {
    Service {
        name: name.into(),
        // A picture that the samples have beside them.
        logo: Some(layout.theme.mark().into()),
        policy_uri: Some("https://annuaire.example/confidentialite".into()),
        tos_uri: Some("https://annuaire.example/conditions".into()),
        unverified: Some("annuaire.example".into()),
        in_test: true,
    }
}

pub(super) fn identifier(
    layout: &Layout,
    service: &str,
    value: &str,
    error: Option<IdentifierError>,
) -> IdentifierPage {
    IdentifierPage {
        layout: layout.clone(),
        service: Service::named(service),
        action: "/authorize/f1/identifier".into(),
        value: value.into(),
        error,
        server: error.map(|_| (HOMESERVER.into(), "DINUM".into())),
        homeservers: vec![
            (HOMESERVER.into(), "DINUM".into()),
            ("agent.dev-durable.tchap.gouv.fr".into(), "Développement durable".into()),
        ],
    }
}

fn password_states() -> Vec<(&'static str, bool, Option<PasswordError>)> {
    vec![
        ("start", false, None),
        ("empty", false, Some(PasswordError::Empty)),
        ("wrong", false, Some(PasswordError::Wrong)),
        (
            "throttled",
            false,
            Some(PasswordError::Throttled { seconds: Some(333) }),
        ),
        (
            "throttled-unknown",
            false,
            Some(PasswordError::Throttled { seconds: None }),
        ),
        ("unreachable", false, Some(PasswordError::HomeserverUnreachable)),
        ("matrix-id", true, Some(PasswordError::MatrixIdNeeded)),
        ("matrix-id-wrong", true, Some(PasswordError::Wrong)),
    ]
}

fn password(layout: &Layout, needs_matrix_id: bool, error: Option<PasswordError>) -> PasswordPage {
    PasswordPage {
        layout: layout.clone(),
        service: Service::named(SERVICE),
        action: "/authorize/f1/password".into(),
        homeserver_name: HOMESERVER.into(),
        homeserver_label: "DINUM".into(),
        identifier: if needs_matrix_id { "".into() } else { EMAIL.into() },
        needs_matrix_id,
        error,
        change_action: "/authorize/f1/change".into(),
    }
}

fn sso(layout: &Layout, providers: Vec<(String, String)>) -> SsoPage {
    SsoPage {
        layout: layout.clone(),
        service: Service::named(SERVICE),
        action: "/authorize/f1/sso".into(),
        homeserver_name: HOMESERVER.into(),
        homeserver_label: "DINUM".into(),
        providers,
        change_action: "/authorize/f1/change".into(),
    }
}

pub(super) fn choose(layout: &Layout, name: &str) -> ChooseAccountPage {
    ChooseAccountPage {
        shown: "shown".into(),
        layout: layout.clone(),
        service: Service::named(SERVICE),
        action: "/authorize/f1/account".into(),
        name: name.into(),
        matrix_id: MATRIX_ID.into(),
    }
}

fn confirm(layout: &Layout, typed: Option<&str>) -> ConfirmAccountPage {
    ConfirmAccountPage {
        shown: "shown".into(),
        layout: layout.clone(),
        service: SERVICE.into(),
        action: "/authorize/f1/confirm".into(),
        typed: typed.map(str::to_owned),
        came_back_name: "Jean Dupont [DINUM]".into(),
        came_back_matrix_id: MATRIX_ID.into(),
    }
}

pub(super) fn logout(layout: &Layout, service: Option<&str>, name: &str) -> LogoutPage {
    LogoutPage {
        layout: layout.clone(),
        service: service.map(str::to_owned),
        action: "/logout/r1".into(),
        shown: "shown".into(),
        name: name.into(),
        matrix_id: MATRIX_ID.into(),
    }
}

pub(super) fn signed_out(layout: &Layout, frames: usize, back: Option<&str>) -> SignedOutPage {
    let frame = |number| format!("https://service{number}.example/logout?iss=https%3A%2F%2Fconnect.example&sid=s");
    SignedOutPage {
        layout: layout.clone(),
        frames: (0..frames).map(frame).collect(),
        back: back.map(str::to_owned),
        goes_back: frames > 0,
    }
}

pub(super) fn consent(layout: &Layout, service: &str, agent: &str, items: Vec<ConsentItem>) -> ConsentPage {
    ConsentPage {
        layout: layout.clone(),
        service: Service {
            policy_uri: Some("https://annuaire.example/confidentialite".into()),
            tos_uri: Some("https://annuaire.example/conditions".into()),
            ..Service::named(service)
        },
        action: "/authorize/f1/consent".into(),
        agent_name: agent.into(),
        items,
        shown: "name email".into(),
    }
}

fn few_items() -> Vec<ConsentItem> {
    [
        (ConsentKind::Subject, ""),
        (ConsentKind::Name, "Jean Dupont"),
        (ConsentKind::Email, EMAIL),
    ]
    .map(|(kind, value)| ConsentItem {
        kind,
        value: value.into(),
    })
    .to_vec()
}

fn all_items() -> Vec<ConsentItem> {
    let value = |kind| match kind {
        ConsentKind::Subject | ConsentKind::PublicSubject | ConsentKind::OfflineAccess => "",
        ConsentKind::Resource => "Agenda interministériel (agenda:lire)",
        ConsentKind::Name => "Jean Dupont",
        ConsentKind::GivenName => "Jean",
        ConsentKind::FamilyName => "Dupont",
        ConsentKind::PreferredUsername => "jean.dupont-beta.gouv.fr",
        ConsentKind::Email => EMAIL,
        ConsentKind::TchapUserId => MATRIX_ID,
        ConsentKind::Homeserver => HOMESERVER,
        ConsentKind::Guest => "false",
        ConsentKind::AdministrationDomain => "beta.gouv.fr",
        ConsentKind::AdministrationName => "Direction interministérielle du numérique",
        ConsentKind::Siren => "130025265",
        ConsentKind::Siret => "13002526500013",
        ConsentKind::OrganizationalUnit => "DINUM",
        ConsentKind::Population => "agent",
        ConsentKind::Roles => "agent_public agent_public_etat",
        ConsentKind::Locale => "fr",
        ConsentKind::UpdatedAt => "1783000000",
    };
    ConsentKind::ALL
        .map(|kind| ConsentItem {
            kind,
            value: value(kind).into(),
        })
        .to_vec()
}

fn problem_page(layout: &Layout, problem: LoginProblem) -> ProblemPage {
    ProblemPage {
        layout: layout.clone(),
        service: Some(SERVICE.into()),
        problem,
        homeserver: Some(HOMESERVER.into()),
        admitted: vec!["@elysee.fr".into(), "DINUM".into()],
        contacts: vec!["service@beta.gouv.fr".into()],
        action: Some("/authorize/f1/change".into()),
        leave_action: Some("/authorize/f1/leave".into()),
        incident: Some("4f2a-91c7".into()),
    }
}

const BUTTON: &str = r#"<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>Bouton</title><link rel="stylesheet" href="button.css"></head><body><main><h1>Bouton</h1><div class="fr-connect-group"><button class="fr-connect tchap-connect" type="button"><span class="fr-connect__login">Se connecter avec</span> <span class="fr-connect__brand">Tchap</span></button><p><a href="https://tchap.numerique.gouv.fr/" target="_blank" rel="noopener noreferrer" title="Qu’est-ce que Tchap ? - nouvelle fenêtre">Qu’est-ce que Tchap ?</a></p></div></main></body></html>"#;

/// Writes `target/pages/{neutral,dsfr}/{fr,en}/*.html`, which open in a browser without a server. The second theme
/// only where `npm install` was run.
#[tokio::test]
async fn page_samples() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dsfr = root.join("node_modules/@gouvfr/dsfr/dist");
    let pages = root.join("target/pages");
    write_samples(
        &pages.join("neutral"),
        Theme::load(None).expect("the built-in theme loads"),
    )
    .await;
    if dsfr.is_dir() {
        let theme = Theme::load(Some(&dsfr)).expect("DSFR loads");
        write_samples(&pages.join("dsfr"), theme).await;
    }
    std::fs::write(pages.join("button.html"), BUTTON).expect("target/ is writable");
    std::fs::copy(root.join("static/button.css"), pages.join("button.css")).expect("target/ is writable");
}

async fn write_samples(directory: &Path, theme: Theme) {
    let theme = Arc::new(theme);
    let mut urls = theme.stylesheets().to_vec();
    urls.extend([theme.icon().to_owned(), theme.mark().to_owned()]);
    for url in &urls {
        let request = Request::get(url).body(Body::empty()).expect("a path");
        let response = theme.router::<()>().oneshot(request).await.expect("infallible");
        assert!(response.status().is_success(), "{url} is linked but not served");
        let content = to_bytes(response.into_body(), usize::MAX).await.expect("a whole body");
        write(&directory.join(url.trim_start_matches('/')), &content);
    }
    for language in Language::ALL {
        for (name, html) in samples(&themed(language, theme.clone())) {
            let html = html
                .replace("\"/static/", "\"../static/")
                .replace("\"/dsfr/", "\"../dsfr/");
            write(
                &directory.join(language.as_str()).join(format!("{name}.html")),
                html.as_bytes(),
            );
        }
    }
}

fn write(file: &Path, content: &[u8]) {
    std::fs::create_dir_all(file.parent().expect("a file in a directory")).expect("target/ is writable");
    std::fs::write(file, content).expect("target/ is writable");
}
