use std::collections::BTreeSet;

use crate::domain::login_problem::LoginProblem;
use askama::Template;

use super::account_samples::account;
use super::samples::{choose, consent, identifier, layout, logout, samples, signed_out};
use super::*;

fn all() -> impl Iterator<Item = (Language, String, String)> {
    Language::ALL.into_iter().flat_map(|language| {
        samples(&layout(language))
            .into_iter()
            .map(move |(name, html)| (language, name, html))
    })
}

/// The values of an attribute, wherever it stands.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    html.split(&start)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

fn title(html: &str) -> &str {
    html.split("<title>")
        .nth(1)
        .and_then(|rest| rest.split("</title>").next())
        .unwrap_or_default()
}

#[test]
fn every_page_has_what_a_reader_and_a_screen_reader_need() {
    for (language, name, html) in all() {
        let name = format!("{language} {name}");
        assert!(
            html.starts_with(&format!("<!DOCTYPE html>\n<html lang=\"{language}\"")),
            "{name}"
        );
        assert_eq!(html.matches("<h1 ").count(), 1, "{name}");
        assert!(
            html.contains("href=\"#content\"") && html.contains("id=\"content\""),
            "{name}"
        );
        assert!(title(&html).ends_with(" – Tchap Connect"), "{name}: {}", title(&html));
        assert!(html.matches(" autofocus").count() <= 1, "{name}");
        let ids = attributes(&html, "id");
        assert_eq!(
            ids.len(),
            ids.iter().collect::<BTreeSet<_>>().len(),
            "{name}: an id twice in {ids:?}"
        );
        let described = attributes(&html, "aria-describedby");
        for reference in described
            .iter()
            .flat_map(|list| list.split(' '))
            .chain(attributes(&html, "for"))
        {
            assert!(ids.contains(&reference), "{name}: nothing has the id {reference}");
        }
        for button in html.split("<button").skip(1) {
            assert!(
                button.split('>').next().is_some_and(|tag| tag.contains(" id=\"")),
                "{name}: a button without id"
            );
        }
    }
}

#[test]
fn every_page_works_under_a_strict_content_security_policy() {
    for (language, name, mut html) in all() {
        if name == "form-post" {
            // The one page with a script: a file of ours, and nothing in the page itself.
            let script = format!(
                "<script src=\"{}\"></script>",
                Theme::load(None).expect("the built-in theme loads").submit_script()
            );
            assert_eq!(html.matches(&script).count(), 1);
            html = html.replace(&script, "");
        }
        if name == "signed-out-frames" {
            // The one page with frames, whose policy names their origins.
            html = html.replace("<iframe hidden src=\"https://service", "");
        }
        for forbidden in [
            "<script",
            "<style",
            " style=\"",
            "javascript:",
            " onclick",
            " onsubmit",
            "<iframe",
            "\"http://",
        ] {
            assert!(!html.contains(forbidden), "{language} {name}: {forbidden}");
        }
    }
}

#[test]
fn every_text_exists() {
    for (language, name, html) in all() {
        let visible_text = html.split(['<', '>']).skip(2).step_by(2);
        for text in visible_text.map(str::trim) {
            let looks_like_a_key =
                text.contains('-') && text.chars().all(|c| c.is_ascii_lowercase() || "-.".contains(c));
            let is_data = text.contains(".gouv.fr");
            assert!(!looks_like_a_key || is_data, "{language} {name}: {text}");
            assert!(!text.contains("{$"), "{language} {name}: a value is missing in: {text}");
        }
    }
}

#[test]
fn an_error_is_said_first_and_belongs_to_its_field() {
    for (language, name, html) in all() {
        let error = html.contains("id=\"error-message\"");
        let prefix = if language == Language::Fr {
            "Erreur – "
        } else {
            "Error – "
        };
        assert_eq!(
            title(&html).starts_with(prefix),
            error,
            "{language} {name}: {}",
            title(&html)
        );
        let announced = html.contains("role=\"alert\"") || html.contains("aria-live=\"assertive\"");
        assert_eq!(announced, error, "{language} {name}");
        let invalid = html
            .split("<input")
            .find(|input| input.contains("aria-invalid=\"true\""));
        assert_eq!(
            invalid.is_some(),
            html.contains("class=\"fr-error-text\""),
            "{language} {name}"
        );
        let focused = invalid.is_none_or(|input| {
            let tag = input.split('>').next().unwrap_or_default();
            tag.contains(" autofocus") && tag.contains("aria-describedby=\"error-message ")
        });
        assert!(
            focused,
            "{language} {name}: the field in error has the focus and names its message"
        );
    }
}

#[test]
fn problems_and_errors_have_their_own_code_and_text() {
    let codes: Vec<_> = LoginProblem::ALL
        .map(LoginProblem::code)
        .into_iter()
        .chain(ErrorKind::ALL.map(ErrorKind::code))
        .collect();
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "{codes:?}");
    let text = Text::new(Language::Fr);
    for part in ["title", "message"] {
        let problems = LoginProblem::ALL.map(|problem| problem.part(&text, part));
        assert_eq!(
            problems.iter().collect::<BTreeSet<_>>().len(),
            problems.len(),
            "{problems:#?}"
        );
    }
}

const HOSTILE: &str = "\"><script>alert(1)</script>' onfocus=x {{ 7*7 }} \u{202e}gnp.exe";

#[test]
fn hostile_values_stay_text() {
    let layout = layout(Language::Fr);
    let mut page = identifier(&layout, HOSTILE, HOSTILE, Some(IdentifierError::Malformed));
    page.homeservers = vec![(HOSTILE.into(), HOSTILE.into())];
    let items = ConsentKind::ALL
        .map(|kind| ConsentItem {
            kind,
            value: HOSTILE.into(),
        })
        .to_vec();
    let mut agree = consent(&layout, HOSTILE, HOSTILE, items);
    agree.shown = HOSTILE.into();
    agree.service = Service {
        name: HOSTILE.into(),
        logo: Some(HOSTILE.into()),
        policy_uri: Some("javascript:alert(1)".into()),
        tos_uri: Some(format!("https://x/{HOSTILE}")),
        unverified: Some(HOSTILE.into()),
        in_test: true,
    };
    let mut error = ErrorPage {
        layout: layout.clone(),
        kind: ErrorKind::Request,
        incident: HOSTILE.into(),
        detail: None,
    };
    error.layout.here = HOSTILE.into();
    error.detail = Some(HOSTILE.into());
    let mut out = signed_out(&layout, 0, Some(HOSTILE));
    out.frames = vec![HOSTILE.into()];
    let mut own = account(&layout, Vec::new(), None);
    own.name = HOSTILE.into();
    own.services = vec![ServiceEntry {
        name: HOSTILE.into(),
        logo: Some(HOSTILE.into()),
        since: 0,
        last_used: i64::MAX,
        kinds: Vec::new(),
        places: vec![HOSTILE.into()],
        action: HOSTILE.into(),
    }];
    let pages = [
        page.render(),
        agree.render(),
        logout(&layout, Some(HOSTILE), HOSTILE).render(),
        out.render(),
        choose(&layout, HOSTILE).render(),
        error.render(),
        own.render(),
        console_samples::team(&layout, HOSTILE, None, None).render(),
    ];
    for html in pages.map(|page| page.expect("the page renders")) {
        assert!(html.contains("&#60;script&#62;"), "shown, not dropped");
        assert!(!html.contains("<script") && !html.contains("javascript:"), "{html}");
        let outside_inputs: String = html
            .split('>')
            .map(|part| part.split('<').next().unwrap_or_default())
            .collect();
        assert!(!outside_inputs.contains('\u{202e}'), "no text is reordered");
    }
}

#[test]
fn a_hidden_value_comes_back_unchanged() {
    let mut page = consent(&layout(Language::Fr), "X", "Y", vec![]);
    page.shown = "email&name<\"".into();
    assert!(
        page.render()
            .expect("renders")
            .contains("name=\"shown\" value=\"email&#38;name&#60;&#34;\"")
    );
}

#[test]
fn data_are_worded() {
    let (fr, en) = (Text::new(Language::Fr), Text::new(Language::En));
    let words = |text, kind, value: &str| {
        ConsentItem {
            kind,
            value: value.into(),
        }
        .words(text)
    };
    assert_eq!(words(&fr, ConsentKind::Guest, "false"), "non");
    assert_eq!(words(&fr, ConsentKind::UpdatedAt, "1783000000"), "02/07/2026");
    assert_eq!(words(&en, ConsentKind::UpdatedAt, "1783000000"), "2026-07-02");
    assert_eq!(words(&en, ConsentKind::UpdatedAt, "99999999999999"), "99999999999999");
    assert_eq!(
        words(&fr, ConsentKind::Roles, "agent_public_etat autre"),
        "fonction publique de l’État, autre"
    );
    assert_eq!(words(&fr, ConsentKind::Population, "agent"), "agent");
    assert_eq!(words(&en, ConsentKind::Locale, "fr"), "French");
    assert_eq!(words(&fr, ConsentKind::Email, "a@b.fr"), "a@b.fr");
}

#[test]
fn waiting_is_said_in_words() {
    let text = Text::new(Language::Fr);
    for (seconds, words) in [
        (None, "quelques minutes"),
        (Some(0), "quelques minutes"),
        (Some(1), "1 seconde"),
        (Some(120), "120 secondes"),
        (Some(121), "3 minutes"),
        (Some(333), "6 minutes"),
        (Some(3600), "60 minutes"),
        (Some(u64::MAX), "plus d’une heure"),
    ] {
        assert_eq!(wait(&text, seconds), words);
    }
}

#[test]
fn switching_the_language_stays_on_the_page_and_on_this_site() {
    let switch = |here: &str| {
        Layout {
            here: here.into(),
            ..layout(Language::Fr)
        }
        .switch_url()
    };
    for (here, expected) in [
        ("/authorize/f1", "/authorize/f1?lang=en"),
        ("/authorize/f1?lang=fr&step=2", "/authorize/f1?step=2&lang=en"),
        ("/?lang=", "/?lang=en"),
        ("//evil.example/", "/evil.example/?lang=en"),
        ("/\\evil.example", "/evil.example?lang=en"),
        ("https://evil.example", "/https://evil.example?lang=en"),
        ("", "/?lang=en"),
    ] {
        assert_eq!(switch(here), expected);
    }
}

#[test]
fn what_is_not_configured_is_not_linked() {
    let mut layout = layout(Language::Fr);
    layout.footer = Arc::default();
    let html = HomePage {
        layout,
        discovery_url: "/x".into(),
    }
    .render()
    .expect("renders");
    assert!(
        !html.contains("footer-legal") && !html.contains("footer-accessibility") && !html.contains("footer-privacy")
    );
}
