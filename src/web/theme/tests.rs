use std::fs;

use axum::body::{Body, to_bytes};
use axum::http::Request as HttpRequest;
use tower::ServiceExt;

use super::*;

async fn fetch(theme: &Theme, path: &str) -> (StatusCode, String, Response) {
    let request = HttpRequest::get(path).body(Body::empty()).expect("a path");
    let response = theme.router::<()>().oneshot(request).await.expect("infallible");
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    (response.status(), kind.to_owned(), response)
}

fn neutral() -> Theme {
    Theme::load(None).expect("the built-in theme loads")
}

/// A directory with DSFR's file names, and what must never be served from it.
fn dsfr_directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/theme-tests")
        .join(name);
    let _ = fs::remove_dir_all(&directory);
    for file in DSFR_STYLESHEETS
        .iter()
        .chain([&DSFR_SCHEME, &"fonts/a.woff2", &"dsfr.module.js", &"core/.env"])
    {
        let path = directory.join("dist").join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, ":root[data-fr-theme=dark]{--a:#000}").expect("a file");
    }
    fs::write(directory.join("outside.css"), "secret").expect("a file");
    directory.join("dist")
}

#[tokio::test]
async fn the_neutral_theme_is_served_from_the_program() {
    let theme = neutral();
    assert_eq!(theme.stylesheets().len(), 1);
    let (status, kind, response) = fetch(&theme, &theme.stylesheets()[0]).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/css; charset=utf-8"));
    assert_eq!(response.headers()[CACHE_CONTROL], FOREVER);
    assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(
        to_bytes(response.into_body(), usize::MAX).await.expect("a body"),
        NEUTRAL
    );
    for url in [theme.icon(), theme.mark()] {
        assert_eq!(fetch(&theme, url).await.1, "image/svg+xml");
    }
}

#[tokio::test]
async fn nothing_else_is_served() {
    let theme = neutral();
    for path in [
        "/static/",
        "/static/theme.css",
        "/static/other/theme.css",
        "/dsfr/core/core.main.min.css",
    ] {
        assert_eq!(fetch(&theme, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn the_neutral_theme_is_not_the_states() {
    let css = String::from_utf8_lossy(NEUTRAL).to_lowercase();
    for mark in ["marianne", "spectral", "000091", "e1000f", "url(", "@import"] {
        assert!(!css.contains(mark), "{mark}");
    }
}

#[tokio::test]
async fn a_copy_of_dsfr_replaces_the_neutral_theme() {
    let directory = dsfr_directory("whole");
    let theme = Theme::load(Some(&directory)).expect("a whole copy");
    for url in theme.stylesheets() {
        let (status, kind, response) = fetch(&theme, url).await;
        assert_eq!(status, StatusCode::OK, "{url}");
        assert!(kind.starts_with("text/css"), "{url}: {kind}");
        assert_eq!(response.headers()[CACHE_CONTROL], FOREVER);
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
    let dark = theme
        .stylesheets()
        .iter()
        .find(|url| url.ends_with("dsfr-dark.css"))
        .expect("dark colours");
    let body = to_bytes(fetch(&theme, dark).await.2.into_body(), usize::MAX)
        .await
        .expect("a body");
    assert!(body.starts_with(b"@media (prefers-color-scheme:dark){"));
    assert!(!theme.stylesheets().iter().any(|url| url.ends_with("/theme.css")));
}

#[test]
fn dark_colours_need_no_script() {
    let css = ".a{b:c}:root[data-fr-theme=dark] .a{b:url(\"x;y\")}@media (hover:hover){.a{d:e}:root[data-fr-theme=dark]{--f:1}}";
    assert_eq!(dark_rules(css), ":root .a{b:url(\"x;y\")}\n:root{--f:1}\n");
}

#[tokio::test]
async fn only_theme_files_of_the_directory_are_served() {
    let theme = Theme::load(Some(&dsfr_directory("served"))).expect("a whole copy");
    let prefix = &theme.dsfr.as_ref().expect("with DSFR").prefix;
    assert_eq!(
        fetch(&theme, &format!("{prefix}/fonts/a.woff2")).await.0,
        StatusCode::OK
    );
    for path in [
        "dsfr.module.js",
        "core/.env",
        "core/",
        "",
        "missing.css",
        "../outside.css",
        "%2e%2e/outside.css",
        "..%2foutside.css",
        "core/..%5c..%5coutside.css",
        "//etc/hosts.css",
    ] {
        assert_eq!(
            fetch(&theme, &format!("{prefix}/{path}")).await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[test]
fn a_directory_that_is_not_dsfr_is_refused_by_name() {
    let directory = dsfr_directory("broken");
    fs::remove_file(directory.join(DSFR_STYLESHEETS[0])).expect("it was there");
    let error = Theme::load(Some(&directory))
        .expect_err("no core stylesheet")
        .to_string();
    assert!(
        error.contains("theme.dsfr_dir") && error.contains("core/core.main.min.css"),
        "{error}"
    );
}
