//! The walls of the house: arrows point left only, each outside thing has one door, files stay readable.

use std::fs;
use std::path::{Path, PathBuf};

/// From left to right; a module may use those in lower ranks and its own. The floor is rank 0.
const RANKS: &[(&str, u8)] = &[
    ("clock", 0),
    ("secret", 0),
    ("tls", 0),
    ("config", 0),
    ("protocol", 1),
    ("domain", 2),
    ("egress", 3),
    ("store", 3),
    ("upstream", 4),
    ("keys", 4),
    ("account", 5),
    ("audit", 5),
    ("statistics", 5),
    ("app", 5),
    ("console", 5),
    ("web", 5),
    ("jobs", 5),
    ("cli", 6),
    ("main", 6),
];

/// The pure part of `protocol` that the configuration's checks share.
const ALLOWED: &[(&str, &str)] = &[("config", "protocol")];

/// Who else is on the other side of a wall: (what, who may).
const DOORS: &[(&str, &[&str])] = &[
    ("sqlx::", &["store"]),
    ("axum::", &["web"]),
    ("hyper", &["web"]),
    ("askama::", &["web"]),
    ("tower_sessions::", &["web", "store"]),
    ("reqwest::", &["egress"]),
    ("rustls::", &["tls"]),
    ("ruma::", &["upstream", "domain", "cli"]),
    ("clap::", &["cli", "main"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(sources(&path)),
            false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
            false => {}
        }
    }
    files
}

/// Every source file with the top-level module it belongs to.
fn modules() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root).into_iter();
    files
        .map(|path| {
            let relative = path.strip_prefix(&root).unwrap().to_owned();
            let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            (first.trim_end_matches(".rs").to_owned(), relative, text)
        })
        .filter(|(module, _, _)| module != "lib")
        .collect()
}

fn rank(module: &str) -> u8 {
    let found = RANKS.iter().find(|(name, _)| *name == module);
    found
        .unwrap_or_else(|| panic!("give the module {module} its place in RANKS"))
        .1
}

/// The modules named after `crate::` in code (comments aside).
fn uses(text: &str) -> Vec<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            // `use crate::{a::b, c}`: the names at the first level.
            Some(list) => first_level(list),
            None => vec![rest],
        };
        used.extend(names.into_iter().map(|name| {
            let name = name.trim_start();
            name[..name
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(name.len())]
                .to_owned()
        }));
    }
    used
}

fn first_level(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(&list[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    names.into_iter().filter(|name| !name.trim().is_empty()).collect()
}

#[test]
fn arrows_point_left() {
    let mut arrows = 0;
    for (module, path, text) in modules() {
        for used in uses(&text)
            .into_iter()
            .filter(|used| *used != module && used != "tests")
        {
            arrows += 1;
            let allowed = ALLOWED.contains(&(module.as_str(), used.as_str()));
            // Side by side is not left: egress knows no store, upstream no keys; the program's state is web's.
            let siblings = rank(&used) == rank(&module) && (rank(&module) == 0 || rank(&module) >= 5);
            assert!(
                rank(&used) < rank(&module) || siblings || allowed,
                "{}: {module} uses {used}",
                path.display()
            );
        }
    }
    assert!(arrows > 100, "the test reads the arrows");
}

#[test]
fn each_outside_thing_has_its_doors() {
    for (module, path, text) in modules() {
        let code: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for (outside, may) in DOORS {
            let named = code.match_indices(outside).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            });
            assert!(
                !named || may.contains(&module.as_str()),
                "{}: {module} uses {outside}",
                path.display()
            );
        }
    }
}

#[test]
fn the_core_is_pure() {
    for (module, path, text) in modules() {
        if !matches!(module.as_str(), "protocol" | "domain") {
            continue;
        }
        for impure in [
            "async fn",
            ".await",
            "SystemTime",
            "now_utc",
            "std::fs",
            "std::env",
            "random_",
            "Clock",
        ] {
            assert!(!text.contains(impure), "{}: {impure}", path.display());
        }
    }
}

#[test]
fn no_file_grows_past_four_hundred_lines() {
    for (_, path, text) in modules() {
        let lines = text.lines().count();
        assert!(
            lines <= 400,
            "{} has {lines} lines: split it by meaning",
            path.display()
        );
        assert!(
            text.starts_with("//!") || path.ends_with("tests.rs"),
            "{} does not say what it owns",
            path.display()
        );
    }
}
