//! The pages of accesses to the API in their states.

use askama::Template;

use super::Layout;
use super::console::{API, ApiDone, ApiEntry, ApiForm, ApiFormPage, ApiPage, ApiProblem, NewAccess};
use super::console_samples::frame;
use super::samples::Sample;
use crate::domain::api::ApiScope;
use crate::domain::role::Role;

const AT: i64 = 1_783_000_000;

pub(super) fn samples(layout: &Layout) -> Vec<Sample> {
    let mut pages = vec![
        ("console-api".to_owned(), list(layout, "Intégration continue").render()),
        ("console-api-long".to_owned(), list(layout, &"W".repeat(100)).render()),
        ("console-api-empty".to_owned(), empty(layout).render()),
        (
            "console-api-made".to_owned(),
            ApiPage {
                made: Some(NewAccess {
                    id: "0123456789abcdef".into(),
                    secret: "s".repeat(43),
                }),
                ..list(layout, "Intégration continue")
            }
            .render(),
        ),
        (
            "console-api-form".to_owned(),
            form(layout, "Intégration continue", None).render(),
        ),
        ("console-api-form-partner".to_owned(), partner(layout).render()),
    ];
    for problem in [ApiProblem::Name, ApiProblem::Scopes, ApiProblem::Days, ApiProblem::Full] {
        let name = format!("console-api-form-{problem:?}");
        pages.push((name, form(layout, &"W".repeat(101), Some(problem)).render()));
    }
    let pages = pages.into_iter();
    pages
        .map(|(name, page)| (name, page.expect("the page renders")))
        .collect()
}

fn entry(name: &str, mark: &str, maker: Option<&str>, role: Option<Role>) -> ApiEntry {
    ApiEntry {
        mark: mark.into(),
        id: "0123456789abcdef".into(),
        name: name.into(),
        maker: maker.map(str::to_owned),
        is_over: maker.is_some(),
        last_used_at: role.is_some().then_some(AT),
        expires_at: role.is_some().then_some(AT),
        scopes: ApiScope::of_role(role.as_ref())
            .iter()
            .map(|scope| scope.as_str().to_owned())
            .collect(),
        role,
        created_at: AT,
    }
}

fn list(layout: &Layout, name: &str) -> ApiPage {
    let manager = Role::Manager {
        administration: name.to_owned(),
    };
    ApiPage {
        layout: frame(layout, &API),
        done: Some(ApiDone::Revoked),
        made: None,
        own: vec![
            entry(name, "own-1", None, None),
            entry(name, "own-2", None, Some(Role::Operator)),
        ],
        others: Some(vec![entry(name, "other-1", Some(name), Some(manager.clone()))]),
        may_revoke_others: true,
        next_url: Some("/console/api?suite=x".into()),
        first_url: Some("/console/api".into()),
        choices: vec![
            ("/console/api/nouveau?role=&administration=".into(), None),
            (
                "/console/api/nouveau?role=operator&administration=".into(),
                Some(Role::Operator),
            ),
            (
                "/console/api/nouveau?role=manager&administration=x".into(),
                Some(manager),
            ),
        ],
        document_url: "/api/v1/openapi.json",
        issuer: "https://connect.example.fr".into(),
    }
}

fn empty(layout: &Layout) -> ApiPage {
    ApiPage {
        done: None,
        own: Vec::new(),
        others: None,
        next_url: None,
        first_url: None,
        choices: vec![("/console/api/nouveau?role=&administration=".into(), None)],
        ..list(layout, "x")
    }
}

fn form(layout: &Layout, name: &str, problem: Option<ApiProblem>) -> ApiFormPage {
    ApiFormPage {
        layout: frame(layout, &API),
        action: "/console/api/nouveau",
        once: "once".into(),
        role: Some(Role::Operator),
        offered: ApiScope::ALL.to_vec(),
        lifetimes: [30, 90, 365],
        may_be_endless: false,
        typed: ApiForm {
            name: name.into(),
            days: "90".into(),
            scopes: vec![ApiScope::ClientsRead],
        },
        problem,
    }
}

fn partner(layout: &Layout) -> ApiFormPage {
    ApiFormPage {
        role: None,
        offered: ApiScope::of_role(None),
        may_be_endless: true,
        ..form(layout, "", None)
    }
}

#[test]
fn hostile_values_stay_text_on_the_pages_of_the_api() {
    let hostile = "\"><script>alert(1)</script>' onfocus=x \u{202e}gnp.exe";
    let layout = super::samples::layout(super::Language::Fr);
    for html in [list(&layout, hostile).render(), form(&layout, hostile, None).render()] {
        let html = html.expect("the page renders");
        assert!(html.contains("&#60;script&#62;") && !html.contains("<script"), "{html}");
    }
}
