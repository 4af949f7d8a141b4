//! Every page of the console in its states, as the samples of the pages are written (`page_samples`, which the library's tests
//! run before these): nothing to scroll sideways on the narrowest phone, and nothing that axe-core objects to.

use std::path::{Path, PathBuf};

use super::gallery::{AXE, SIDEWAYS};
use crate::support::chromium::Chromium;
use crate::support::real::given;

/// Of the team only the longest messages: they differ in one sentence, and a look costs half a second.
const ALIKE: &str = "console-team-";
const TEAM: [&str; 3] = [
    "console-team-MatrixId",
    "console-team-invitation",
    "console-team-support",
];

/// The samples of a theme in French, whose words are the longer ones.
fn samples(theme: &str) -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/pages/{theme}/fr"));
    let found =
        std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("no {}: page_samples writes it", folder.display()));
    let named = found.map(|file| file.unwrap().path()).filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        Some((name, path))
    });
    let is_ours = |name: &str| {
        let begins = ["console", "service", "stats"]
            .iter()
            .any(|begin| name.starts_with(begin));
        begins && (!name.starts_with(ALIKE) || TEAM.contains(&name))
    };
    let mut samples: Vec<_> = named.filter(|(name, _)| is_ours(name)).collect();
    samples.sort();
    assert!(samples.len() > 60, "only {} samples", samples.len());
    samples
}

/// What a page looks like depends on no database: the pass on SQLite looks at it.
pub fn was_looked_at() -> bool {
    std::env::var("TEST_DATABASE").is_ok_and(|database| database == "postgres")
}

/// What is wrong with the samples of a theme; axe-core is asked where the markup is looked at, which is the same in both.
async fn faults(theme: &str, asks_axe: bool) -> Vec<String> {
    let axe = std::fs::read_to_string(given("TEST_AXE")).unwrap();
    let browser = Chromium::start("fr-FR,fr").await;
    browser.view(320, "light").await;
    let mut faults = Vec::new();
    for (name, file) in samples(theme) {
        browser.open(&format!("file://{}", file.display())).await;
        let mut found = browser.evaluate(SIDEWAYS).await.as_array().unwrap().clone();
        if asks_axe {
            browser.evaluate(&axe).await;
            let objections = browser.client.execute_async(AXE, Vec::new()).await.unwrap();
            found.extend(objections.as_array().unwrap().clone());
        }
        faults.extend(
            found
                .iter()
                .map(|fault| format!("{theme} {name}: {}", fault.as_str().unwrap())),
        );
    }
    faults
}

#[tokio::test]
#[ignore = "needs make test"]
async fn every_state_of_the_console_fits_a_phone_and_axe_core_objects_to_none() {
    if was_looked_at() {
        return;
    }
    let mut found = faults("neutral", true).await;
    found.extend(faults("dsfr", false).await);
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}
