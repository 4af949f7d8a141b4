use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::domain::identifier::clean_name;
use crate::domain::names::split;
use crate::protocol::client_metadata::check_display_name;
use crate::web::pages::console::SECTIONS;

fn negotiate(ui_locales: &[&str], cookie: Option<&str>, accept_language: &str) -> &'static str {
    let ui_locales: Vec<String> = ui_locales.iter().map(|tag| tag.to_string()).collect();
    Language::negotiate(&ui_locales, cookie, Some(accept_language)).as_str()
}

#[test]
fn the_agents_choice_wins_then_the_service_then_the_browser() {
    assert_eq!(negotiate(&["fr"], Some("en"), "fr"), "en");
    assert_eq!(negotiate(&["de", "en-GB", "fr"], None, "fr"), "en");
    assert_eq!(negotiate(&["de"], Some("xx"), "en"), "en");
    assert_eq!(Language::negotiate(&[], None, None), Language::Fr);
}

#[test]
fn accept_language_follows_its_weights() {
    for (header, expected) in [
        ("en", "en"),
        ("EN-us", "en"),
        ("de, en;q=0.3", "en"),
        ("en;q=0.4, fr;q=0.9", "fr"),
        ("fr;q=0.4,en;q=0.9", "en"),
        ("en;q=0.8,fr;q=0.8", "en"),
        ("en;q=0", "fr"),
        ("en;q=rubbish", "fr"),
        ("en;q=NaN", "fr"),
        ("de, *;q=0.5, en;q=0.1", "fr"),
        ("english", "fr"),
        ("", "fr"),
    ] {
        assert_eq!(negotiate(&[], None, header), expected, "{header}");
    }
}

#[test]
fn numbers_take_their_plural() {
    let (fr, en) = (Text::new(Language::Fr), Text::new(Language::En));
    assert_eq!(fr.count("wait-seconds", 1), "1 seconde");
    assert_eq!(fr.count("wait-seconds", 30), "30 secondes");
    assert_eq!(en.count("wait-minutes", 1), "1 minute");
    assert_eq!(en.count("wait-minutes", 6), "6 minutes");
}

#[test]
fn values_cannot_reorder_or_break_a_sentence() {
    let hostile = "bon\u{202e}lam\u{2066}\n\u{200b}\u{1b}[31m";
    let sentence = Text::new(Language::En).with("identifier-title", &[("service", hostile)]);
    assert_eq!(
        sentence,
        "Sign in to “bon\u{fffd}lam\u{fffd}\u{fffd}\u{fffd}\u{fffd}[31m”"
    );
    assert_eq!(visible("Zoë d’Arc-Œuvré محمد"), "Zoë d’Arc-Œuvré محمد");
}

/// One table: a name that passes at one place passes at all.
#[test]
fn what_is_hostile_in_one_place_is_hostile_in_all() {
    for c in ('\0'..=char::MAX).filter(|c| c.is_control() || !c.is_whitespace()) {
        let name = format!("a{c}b");
        let keeps = [
            visible(&name) == name,
            check_display_name(&name).is_ok(),
            clean_name(&name).is_some_and(|clean| clean == name),
            split(&name, None).name.is_some_and(|shown| shown == name) || matches!(c, '[' | ']'),
        ];
        assert!(keeps == [true; 4] || keeps == [false; 4], "{c:?} {keeps:?}");
    }
}

/// Message or `message.attribute` → the variables in it, read from the source text.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut messages = BTreeMap::<String, BTreeSet<String>>::new();
    let (mut message, mut current) = (String::new(), String::new());
    for line in source(language).lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, _)) = line
            .split_once(" =")
            .filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()))
        {
            (message, current) = (name.to_owned(), name.to_owned());
            assert!(
                messages.insert(current.clone(), BTreeSet::new()).is_none(),
                "{name} is there twice"
            );
        } else if let Some((name, _)) = line
            .trim_start()
            .strip_prefix('.')
            .and_then(|line| line.split_once(" ="))
        {
            current = format!("{message}.{name}");
            messages.insert(current.clone(), BTreeSet::new());
        }
        let variables = line
            .split('$')
            .skip(1)
            .map(|rest| rest.split([' ', '}']).next().unwrap_or_default().to_owned());
        messages.entry(current.clone()).or_default().extend(variables);
    }
    messages.remove("");
    messages
}

fn source(language: Language) -> String {
    let file = format!("locales/{language}.ftl");
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("the locale file is there")
}

#[test]
fn both_files_parse_and_say_the_same_things() {
    for language in Language::ALL {
        let parsed = FluentResource::try_new(source(language));
        assert!(
            parsed.is_ok(),
            "{language}: {:?}",
            parsed.err().map(|(_, errors)| errors)
        );
    }
    assert_eq!(messages(Language::Fr), messages(Language::En));
}

/// Every file in a directory of the project, and below it.
fn files(directory: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join(directory)];
    let mut at = 0;
    while let Some(path) = found.get(at).cloned() {
        match path.is_dir() {
            true => {
                let entries = fs::read_dir(&path).expect("the directory is there");
                found.extend(entries.map(|entry| entry.expect("an entry").path()));
                found.remove(at);
            }
            false => at += 1,
        }
    }
    found
}

/// The string literals of our pages: those of templates' calls, and all of `src/web/pages`; and the names of what the
/// console's navigation lists.
fn literals() -> BTreeSet<String> {
    let mut literals = BTreeSet::new();
    for directory in ["templates", "src/web/pages", "src/web/pages.rs"] {
        for path in files(directory) {
            if !path.ends_with("tests.rs") && !path.ends_with("samples.rs") {
                let content = fs::read_to_string(path).expect("a text file");
                literals.extend(content.split('"').map(str::to_owned));
            }
        }
    }
    for section in SECTIONS {
        literals.extend(["nav", "about"].map(|part| format!("console-{part}-{}", section.id)));
    }
    literals
}

#[test]
fn every_message_is_used() {
    let literals = literals();
    let known = messages(Language::Fr);
    // `console-services-field-{key}`: what is put together uses all that begins so.
    let put_together = |key: &str| {
        let begun = literals.iter().filter_map(|literal| literal.split_once('{'));
        let mut begun = begun.filter(|(begin, _)| begin.starts_with("console-") && begin.ends_with('-'));
        begun.any(|(begin, _)| key.starts_with(begin))
    };
    let unused: Vec<_> = known
        .keys()
        .filter(|key| !literals.contains(key.split('.').next().unwrap_or(key)) && !put_together(key))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn every_key_asked_for_by_a_template_exists() {
    let known = messages(Language::Fr);
    for section in SECTIONS {
        assert!(
            known.contains_key(&format!("console-nav-{}", section.id)),
            "{}",
            section.id
        );
        assert!(
            known.contains_key(&format!("console-about-{}", section.id)),
            "{}",
            section.id
        );
    }
    for path in files("templates") {
        let content = fs::read_to_string(&path).expect("a text file");
        for call in [".get(\"", ".with(\"", ".count(\""] {
            for rest in content.split(call).skip(1) {
                let key = rest.split('"').next().unwrap_or_default();
                assert!(known.contains_key(key), "{}: {key}", path.display());
            }
        }
    }
}

#[test]
fn french_is_typeset_as_french() {
    for line in source(Language::Fr).lines().filter(|line| !line.starts_with('#')) {
        for wrong in [" :", " ;", " ?", " !", " »", "« ", "'", "..."] {
            assert!(!line.contains(wrong), "{wrong:?} in: {line}");
        }
    }
}
