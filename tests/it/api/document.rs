//! The document is the router: no address takes a method that it does not name, and what it names is complete.

use http::Method;

use super::{Program, assert_problem};
use crate::support::TestApp;

#[tokio::test]
async fn the_document_names_every_route_and_every_answer() {
    let app = TestApp::start().await;
    let program = Program::nobody(&app);
    let document = program.get("/openapi.json").await;
    assert_eq!(document.status, 200);
    assert_eq!(document.header("content-type"), "application/json");
    assert!(document.headers.get("access-control-allow-origin").is_none());
    let document = document.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let flow = &document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"];
    assert_eq!(flow["tokenUrl"], format!("{}/token", app.base_url));
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 20, "{}", paths.len());
    for (path, item) in paths {
        let address = path.strip_prefix("/api/v1").unwrap();
        let address: String = address
            .split('/')
            .map(|part| part.trim_matches(['{', '}']))
            .collect::<Vec<_>>()
            .join("/");
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::OPTIONS,
        ] {
            let page = program.send(method.clone(), &address, None, &[]).await;
            let operation = &item[method.as_str().to_lowercase()];
            match operation.is_null() {
                true => assert_problem(&page, 405, "method"),
                false => assert_problem(&page, 401, "no_token"),
            }
            for status in ["401", "500", "503"] {
                assert_eq!(
                    operation["responses"].get(status).is_none(),
                    operation.is_null(),
                    "{method} {path}"
                );
            }
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert_eq!(
                summary.is_empty(),
                operation.is_null(),
                "{method} {path} says nothing of itself"
            );
        }
    }
    // What is not there is said as all else is, below the API and nowhere else.
    for path in ["", "/", "/unknown", "/clients/", "/clients/a/b/c"] {
        assert_problem(&program.get(path).await, 404, "not_found");
    }
    for secret in ["openapi.json", "clients"] {
        let page = program
            .send(
                Method::GET,
                &format!("/{secret}"),
                None,
                &[("origin", "https://evil.example")],
            )
            .await;
        assert!(page.headers.get("access-control-allow-origin").is_none() && page.cookies().is_empty());
    }
}

/// Two types of one name would share one schema, and one of them be described wrongly.
#[test]
fn no_two_types_of_the_document_have_one_name() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/api");
    let mut names = std::collections::BTreeSet::new();
    for (file, text) in crate::console::sources(&folder) {
        for part in text.split("ToSchema)]").skip(1) {
            let words = part
                .split_whitespace()
                .skip_while(|word| !["struct", "enum"].contains(word));
            let name = words
                .into_iter()
                .nth(1)
                .unwrap()
                .trim_end_matches(|c: char| !c.is_alphanumeric());
            let name = name.split('<').next().unwrap().to_owned();
            assert!(names.insert(name.clone()), "{}: {name}", file.display());
        }
    }
    assert!(names.len() > 30, "the test reads the types: {names:?}");
}
