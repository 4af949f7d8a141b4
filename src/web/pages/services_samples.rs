//! The pages of clients in their states.

use std::collections::BTreeMap;

use askama::Template;
use serde_json::json;

use super::console::health::{DeliveryLine, Health};
use super::console::services::*;
use super::console::services_form::{Control, Form};
use super::console::stacks::{Stack, configuration};
use super::console_samples::frame;
use super::samples::Sample;
use super::{Language, Layout, Text};
use crate::domain::claims::SCOPES;
use crate::domain::client_change::FieldChange;
use crate::protocol::client::tests::client;
use crate::protocol::client_metadata::FieldProblem;
use crate::protocol::standing::ClientStage;

const NOW: i64 = 1_783_000_000;
const DAY: i64 = 86_400;
const MATRIX_ID: &str = "@jean.dupont-beta.gouv.fr:agent.dinum.tchap.gouv.fr";

pub(super) fn samples(layout: &Layout) -> Vec<Sample> {
    let long = "Très-long ".repeat(9) + &"W".repeat(100);
    let pages = [
        ("services", list(layout, "Annuaire").render()),
        ("services-long", list(layout, &long).render()),
        ("services-empty", empty(layout).render()),
        ("service-new", form(layout, None, &[], "").render()),
        ("service-new-errors", form(layout, None, &problems(), &long).render()),
        ("service-edit", form(layout, Some("Annuaire"), &[], "Annuaire").render()),
        (
            "service-edit-errors",
            form(layout, Some(&long), &problems(), &long).render(),
        ),
        (
            "service-sandbox",
            service(layout, "Annuaire", ClientStage::Sandbox).render(),
        ),
        (
            "service-requested",
            service(layout, "Annuaire", ClientStage::Requested).render(),
        ),
        (
            "service-production",
            service(layout, &long, ClientStage::Production).render(),
        ),
        ("service-history", history(layout, &long).render()),
        ("services-queue", queue(layout, &long).render()),
        ("services-queue-none", none(queue(layout, "")).render()),
        (
            "service-read",
            read(service(layout, "Annuaire", ClientStage::Requested)).render(),
        ),
    ];
    let rendered = |(name, page): (&str, askama::Result<String>)| (name.to_owned(), page.expect("the page renders"));
    pages.into_iter().map(rendered).collect()
}

fn list(layout: &Layout, name: &str) -> ServicesPage {
    let line = |stage: ClientStage| ServiceLine {
        id: name.chars().take(40).collect(),
        name: name.into(),
        stage,
        disabled: stage == ClientStage::Requested,
        unvouched: stage == ClientStage::Production,
        url: "/console/services/annuaire".into(),
    };
    ServicesPage {
        layout: frame(layout, &SERVICES),
        done: Some(Done::Deleted),
        lines: ClientStage::ALL.map(line).to_vec(),
        invitations: vec![InvitationLine {
            name: name.into(),
            until: NOW,
            action: "/console/services/annuaire/invitation".into(),
        }],
        search: name.into(),
        stage: Some(ClientStage::Sandbox),
        whose: "tous",
        choices: vec!["miens", "administration", "tous"],
        next_url: Some("/console/services?apres=a".into()),
        first_url: Some("/console/services".into()),
        queue_url: Some("/console/services/demandes".into()),
    }
}

fn empty(layout: &Layout) -> ServicesPage {
    ServicesPage {
        layout: frame(layout, &SERVICES),
        done: None,
        lines: Vec::new(),
        invitations: Vec::new(),
        search: String::new(),
        stage: None,
        whose: "miens",
        choices: vec!["miens"],
        next_url: None,
        first_url: None,
        queue_url: None,
    }
}

fn problems() -> Vec<FieldProblem> {
    let problem = |field: &str, message: &str| FieldProblem::new(field, message);
    vec![
        problem("name", "required: a name that agents recognise"),
        problem(
            "redirect_uris[1]",
            "http is only for 127.0.0.1, [::1] and localhost: use https",
        ),
        problem("jwks", "a word that no list of ours knows"),
    ]
}

fn form(layout: &Layout, name: Option<&str>, problems: &[FieldProblem], typed: &str) -> ServiceFormPage {
    let values = ["name", "redirect_uris", "jwks", "contacts", "reasons", "purpose"];
    let values = values.map(|field| (field.to_owned(), typed.to_owned()));
    let values: BTreeMap<_, _> = values
        .into_iter()
        .chain([("scope_email".into(), "on".into())])
        .collect();
    let field_of = |problem| crate::web::console::services::form::field_of(problem);
    let mut form = Form::new(layout.text, &values, problems, field_of);
    let scopes: Vec<_> = SCOPES.iter().copied().filter(|scope| *scope != "openid").collect();
    let is_wrong = !problems.is_empty();
    ServiceFormPage {
        groups: match name {
            Some(_) => form.metadata(&scopes, is_wrong),
            None => form.new_client(&scopes),
        },
        layout: frame(layout, &SERVICES),
        name: name.map(str::to_owned),
        action: "/console/services/nouveau".into(),
        back_url: "/console/services".into(),
        version: 3,
        once: "once".into(),
        stale: is_wrong.then(|| vec!["redirect_uris".into(), "name".into()]),
        alert: is_wrong.then_some(Alert::Problems),
        asks: name.is_some(),
        preview: name.map(|_| Preview {
            agents: 1200,
            refused: if is_wrong { 3 } else { 0 },
            partly: is_wrong,
        }),
        has_errors: is_wrong,
    }
}

fn changes(name: &str) -> Vec<FieldChange> {
    let change = |field: &str, from, to| FieldChange {
        field: field.into(),
        from,
        to,
    };
    vec![
        change("name", json!("Annuaire"), json!(name)),
        change(
            "redirect_uris",
            json!(["https://a.example/cb"]),
            json!(["https://a.example/cb", name]),
        ),
        change("admission", json!(null), json!({"populations": ["agent"]})),
    ]
}

fn request(name: &str, answered: Option<Option<String>>) -> RequestView {
    RequestView {
        by: MATRIX_ID.into(),
        at: NOW,
        reasons: name.into(),
        changes: changes(name),
        is_stale: false,
        answered,
    }
}

fn revisions(name: &str) -> Vec<RevisionLine> {
    let line = |first| RevisionLine {
        by: MATRIX_ID.into(),
        at: NOW,
        first,
        changes: changes(name),
    };
    vec![line(false), line(true)]
}

fn service(layout: &Layout, name: &str, stage: ClientStage) -> ServicePage {
    let production = stage.is_production();
    let problems = if production { problems() } else { Vec::new() };
    let typed = BTreeMap::from([("testers".to_owned(), MATRIX_ID.to_owned())]);
    let mut form = Form::new(layout.text, &typed, &problems, |_| "matrix_id");
    let fact = |key| Fact {
        key,
        values: vec![name.into(), "https://annuaire.example/callback".into()],
    };
    let secret = |expires_at| SecretLine {
        id: "0a1b2c".into(),
        created_at: NOW - 400 * DAY,
        expires_at,
        ends_soon: expires_at.is_some(),
        age_days: 400,
    };
    let owner = |name: Option<&str>| OwnerLine {
        agent_id: "a".into(),
        matrix_id: MATRIX_ID.into(),
        name: name.map(str::to_owned),
    };
    let health = Health {
        last_used: Some(NOW),
        sign_ins: vec![(20_636, Some(120)), (20_635, None)],
        errors: vec![
            (20_636, "invalid_client".into(), 3),
            (20_635, "redirect_uri_mismatch".into(), 1),
            (20_635, name.into(), 1),
        ],
        unused: vec![format!("https://annuaire.example/{name}")],
        deliveries: vec![DeliveryLine {
            at: NOW,
            attempts: 12,
            error: name.into(),
            given_up: true,
        }],
        secrets_end: Some(NOW + DAY),
    };
    let all = Stack::ALL.into_iter();
    ServicePage {
        reasons: form.field("reasons", "reasons", Control::Lines),
        answer: form.field("answer", "answer", Control::Lines),
        testers: form.field("testers", "testers", Control::Lines),
        matrix_id: form.field("matrix_id", "matrix-id", Control::Line),
        confirmation: form.field("confirmation", "confirmation", Control::Line),
        layout: frame(layout, &SERVICES),
        done: production.then_some(Done::Saved),
        alert: production.then_some(Alert::Full),
        id: "annuaire".into(),
        name: name.into(),
        stage,
        disabled: production,
        locked: production,
        unvouched: production,
        administration: production.then(|| "beta.gouv.fr".into()),
        created_at: NOW - 500 * DAY,
        version: 3,
        url: "/console/services/annuaire".into(),
        may_edit: true,
        may_approve: stage == ClientStage::Requested,
        facts: vec![fact("scopes"), fact("redirect-uris")],
        configuration: all
            .map(|stack| {
                let snippets = configuration(stack, "https://connect.example", &client(), None);
                (stack, stack == Stack::Django, snippets)
            })
            .collect(),
        once: "once".into(),
        new_secret: (stage == ClientStage::Sandbox).then(|| "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY".into()),
        has_secret: true,
        secrets: vec![secret(None), secret(Some(NOW))],
        request: match stage {
            ClientStage::Sandbox => None,
            ClientStage::Requested => Some(request(name, None)),
            ClientStage::Production => Some(request(name, Some(Some(name.into())))),
        },
        lacks: match production {
            true => vec![name.into()],
            false => Vec::new(),
        },
        owners: vec![owner(Some(name)), owner(None)],
        invited: vec![(MATRIX_ID.into(), NOW)],
        purpose: Some(PurposeView {
            words: name.into(),
            scopes: vec![("email".into(), name.into())],
        }),
        health: if production { health } else { Health::default() },
        history: revisions(name),
        history_url: production.then(|| "/console/services/annuaire/historique".into()),
    }
}

fn none(queue: QueuePage) -> QueuePage {
    QueuePage {
        entries: Vec::new(),
        done: None,
        ..queue
    }
}

/// As support sees it.
fn read(page: ServicePage) -> ServicePage {
    ServicePage {
        may_edit: false,
        may_approve: false,
        done: Some(Done::Before),
        ..page
    }
}

fn history(layout: &Layout, name: &str) -> ServiceHistoryPage {
    ServiceHistoryPage {
        layout: frame(layout, &SERVICES),
        name: name.into(),
        back_url: "/console/services/annuaire".into(),
        history: revisions(name),
        next_url: Some("/console/services/annuaire/historique?avant=a".into()),
        first_url: None,
    }
}

fn queue(layout: &Layout, name: &str) -> QueuePage {
    QueuePage {
        layout: frame(layout, &SERVICES),
        done: Some(Done::Approved),
        entries: vec![QueueEntry {
            name: name.into(),
            url: "/console/services/annuaire".into(),
            request: request(name, None),
        }],
        next_url: None,
        first_url: None,
    }
}

/// Every word that pages say of acts and problems is there in both languages.
#[test]
fn every_act_and_problem_has_its_words() {
    for language in Language::ALL {
        let text = Text::new(language);
        for (done, word) in Done::ALL {
            assert_eq!(Done::parse(word), Some(done));
            assert_ne!(text.get(&format!("console-services-done-{word}")), "", "{word}");
        }
        for (name, html) in samples(&crate::web::pages::samples::layout(language)) {
            assert!(!html.contains("console-services-"), "{name}: a text is missing");
        }
    }
}

/// Threat 21: whatever a partner writes stays text.
#[test]
fn hostile_values_stay_text_on_every_page_of_a_client() {
    const HOSTILE: &str = "\"><script>alert(1)</script>\u{202e}<img src=x onerror=alert(2)>";
    let layout = crate::web::pages::samples::layout(Language::Fr);
    let mut pages = vec![
        list(&layout, HOSTILE).render().unwrap(),
        form(&layout, Some(HOSTILE), &problems(), HOSTILE).render().unwrap(),
        form(&layout, None, &problems(), HOSTILE).render().unwrap(),
        history(&layout, HOSTILE).render().unwrap(),
        queue(&layout, HOSTILE).render().unwrap(),
    ];
    pages.extend(ClientStage::ALL.map(|stage| service(&layout, HOSTILE, stage).render().unwrap()));
    for html in pages {
        assert!(html.contains("alert(1)"));
        for wrong in ["<script", "<img src=x", "\"><"] {
            let found = html
                .match_indices(wrong)
                .find(|(at, _)| html[at + wrong.len()..].starts_with("script") || wrong != "\"><");
            assert!(found.is_none(), "{wrong}: {}", &html[found.unwrap().0..][..200]);
        }
    }
}
