//! `docs/threats.md` names tests: each of them exists, and every row is there.

use std::fs;
use std::path::Path;

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, text),
            false => text.push_str(&fs::read_to_string(&path).unwrap()),
        }
    }
}

#[test]
fn every_test_that_the_list_of_threats_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    sources(&root.join("tests/it"), &mut code);
    let list = fs::read_to_string(root.join("docs/threats.md")).unwrap();
    let rows: Vec<Vec<&str>> = list
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let numbers: Vec<_> = rows.iter().map(|row| row[0].parse::<usize>().unwrap()).collect();
    assert_eq!(numbers, (1..=34).collect::<Vec<_>>());
    for row in rows {
        let named: Vec<_> = row[2].split('`').skip(1).step_by(2).collect();
        for name in &named {
            assert!(code.contains(&format!("fn {name}(")), "row {}: {name}", row[0]);
        }
        let state = row[3];
        assert!(
            ["covered", "partly", "open"].iter().any(|word| state.starts_with(word)),
            "{state}"
        );
        assert!(!named.is_empty() || !state.starts_with("covered"), "row {}", row[0]);
    }
}
