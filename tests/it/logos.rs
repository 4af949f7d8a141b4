//! How services present themselves on our pages: logos, links, names, and the warning where nobody vouches for them. Threats 15,
//! 21 and 24.

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::browser::Page;
use crate::support::registrant::{Registrant, error};
use crate::support::{Browser, EMAIL, PASSWORD, TestApp};

/// The beginning of a PNG picture of this size: as much as is read of it.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend(width.to_be_bytes());
    png.extend(height.to_be_bytes());
    png.extend(b"\x08\x06\0\0\0\0\0\0\0");
    png
}

/// A server of the client's with one file, and an application that may fetch from it.
async fn serving(status: StatusCode, media_type: &'static str, file: Vec<u8>) -> (TestApp, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer =
        get(move || std::future::ready((status, [("content-type", media_type)], file.clone()).into_response()));
    let router = Router::new().route("/logo", answer.clone()).route("/other", answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let app = TestApp::with(&[
        ("REGISTRATION_MODE", "open"),
        ("REGISTRATION_PER_NETWORK_PER_DAY", "1000"),
        ("FETCH_ALLOW", &address.to_string()),
    ])
    .await;
    (app, format!("http://{address}"))
}

async fn login_page(app: &TestApp, registered: &Page) -> (Browser, Page) {
    let service = Registrant::of(app).relying_party(app, registered).await;
    let browser = Browser::new(app);
    let page = browser.open(&service.url(&[])).await;
    (browser, page)
}

fn attribute(page: &Page, id: &str, name: &str) -> String {
    let tag = crate::support::html::by_id(&page.body, id).unwrap_or_else(|| panic!("no #{id}"));
    tag.get(name).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_logo_is_fetched_once_and_shown_from_here() {
    // Named otherwise by its server: what counts is what it contains.
    let (app, server) = serving(StatusCode::OK, "text/html", png(64, 64)).await;
    let registrant = Registrant::of(&app);
    let logo_uri = format!("{server}/logo");
    let registered = registrant
        .register(json!({
            "logo_uri": logo_uri, "policy_uri": "https://rp.example/policy", "tos_uri": "https://rp.example/tos?a=1",
        }))
        .await;
    assert_eq!(registered.json()["logo_uri"], logo_uri);
    let (browser, page) = login_page(&app, &registered).await;
    let password = browser.identify(&page, EMAIL).await;
    let consent = browser
        .submit(&password, "password-form", &[("password", PASSWORD)])
        .await;
    for page in [&page, &password, &consent] {
        let source = attribute(page, "service-logo", "src");
        assert!(source.starts_with("/clients/"), "{source}");
        assert!(!page.body.contains(&logo_uri), "never linked to");
        assert!(page.text("unverified-message").contains("rp.example"), "{}", page.body);
    }
    for page in [&page, &consent] {
        assert_eq!(attribute(page, "service-policy", "href"), "https://rp.example/policy");
        assert_eq!(attribute(page, "service-tos", "href"), "https://rp.example/tos?a=1");
        assert_eq!(attribute(page, "service-tos", "rel"), "noopener noreferrer");
        assert!(page.body.contains(">rp.example</span>"), "who keeps it is seen");
    }
    let logo = browser.get(&attribute(&page, "service-logo", "src")).await;
    assert_eq!((logo.status.as_u16(), logo.header("content-type")), (200, "image/png"));
    assert_eq!(logo.header("x-content-type-options"), "nosniff");
    assert!(
        logo.header("content-security-policy")
            .starts_with("default-src 'none'; sandbox")
    );
    assert!(logo.header("cache-control").starts_with("public, max-age="));
    assert!(logo.cookies().is_empty());
}

#[tokio::test]
async fn a_logo_goes_with_its_address_and_its_client() {
    let (app, server) = serving(StatusCode::OK, "image/png", png(64, 64)).await;
    let registrant = Registrant::of(&app);
    let registered = registrant
        .register(json!({ "logo_uri": format!("{server}/logo") }))
        .await;
    let id = registered.json()["client_id"].as_str().unwrap().to_owned();
    let status = async || {
        Browser::new(&app)
            .get(&format!("/clients/{id}/logo"))
            .await
            .status
            .as_u16()
    };
    assert_eq!(status().await, 200);
    let mut body = json!({ "client_id": id, "redirect_uris": ["https://rp.example/callback"] });
    assert_eq!(registrant.put(&registered, &body).await.status, 200);
    assert_eq!(status().await, 404, "it names none");
    body["logo_uri"] = format!("{server}/other").into();
    registrant.put(&registered, &body).await;
    assert_eq!(status().await, 200);
    body["logo_uri"] = format!("{server}/nothing").into();
    registrant.put(&registered, &body).await;
    assert_eq!(status().await, 404, "not the former one under another address");
    body["logo_uri"] = format!("{server}/logo").into();
    registrant.put(&registered, &body).await;
    assert_eq!(status().await, 200);
    registrant.delete(&registered).await;
    assert_eq!(status().await, 404);
    for unknown in ["unknown", "%00", "..%2f..%2fetc"] {
        assert_eq!(
            Browser::new(&app).get(&format!("/clients/{unknown}/logo")).await.status,
            404,
            "{unknown}"
        );
    }
}

/// Threats 21 and 24: no document, no bomb, nothing long; the client is registered all the same.
#[tokio::test]
async fn svg_polyglots_bombs_and_long_files_are_no_logos() {
    let png_then_svg = [
        b"\x89PNG".as_slice(),
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    ]
    .concat();
    let mut long = png(64, 64);
    long.resize(200 * 1024, 0);
    let files: [(StatusCode, &'static str, Vec<u8>); 7] = [
        (
            StatusCode::OK,
            "image/png",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
        ),
        (
            StatusCode::OK,
            "image/png",
            b"<!DOCTYPE html><script>alert(1)</script>".to_vec(),
        ),
        (StatusCode::OK, "image/png", png_then_svg),
        (StatusCode::OK, "image/png", png(100_000, 100_000)),
        (StatusCode::OK, "image/png", png(0, 0)),
        (StatusCode::OK, "image/png", long),
        (StatusCode::NOT_FOUND, "image/png", png(64, 64)),
    ];
    for (number, (status, media_type, file)) in files.into_iter().enumerate() {
        let (app, server) = serving(status, media_type, file).await;
        let registered = Registrant::of(&app)
            .register(json!({ "logo_uri": format!("{server}/logo") }))
            .await;
        let id = registered.json()["client_id"].as_str().unwrap().to_owned();
        let logo = Browser::new(&app).get(&format!("/clients/{id}/logo")).await;
        assert_eq!(logo.status, 404, "{number}");
        let (_, page) = login_page(&app, &registered).await;
        assert!(page.has("identifier-form") && !page.has("service-logo"), "{number}");
    }
}

/// Threat 15: what a client names is fetched from public places only, through the guarded fetcher.
#[tokio::test]
async fn what_a_client_names_on_an_internal_address_is_not_fetched() {
    let (listed, server) = serving(StatusCode::OK, "image/png", png(64, 64)).await;
    drop(listed);
    // The same server, from an application that lists nothing.
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    let registered = registrant
        .register(json!({ "logo_uri": format!("{server}/logo") }))
        .await;
    let id = registered.json()["client_id"].as_str().unwrap().to_owned();
    assert_eq!(Browser::new(&app).get(&format!("/clients/{id}/logo")).await.status, 404);
    for uri in [
        "https://127.0.0.1:1/uris",
        "https://[::1]/uris",
        "https://localhost/uris",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/uris",
        "https://2130706433/uris",
    ] {
        let body = json!({ "redirect_uris": ["https://rp.example/callback"], "sector_identifier_uri": uri });
        let answer = registrant.post(&body).await;
        assert_eq!(error(&answer), (400, "invalid_client_metadata".into()), "{uri}");
        let description = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert!(
            description.starts_with("sector_identifier_uri: "),
            "{uri}: {description}"
        );
    }
}

/// Threat 21: a name is text, whatever it says.
#[tokio::test]
async fn hostile_names_stay_text_on_pages() {
    let app = Registrant::open_app().await;
    let registrant = Registrant::of(&app);
    for name in [
        "a\u{202e}b",
        "a\u{0}b",
        "a\nb",
        "a\u{1b}[2Jb",
        "\u{200b}",
        " ",
        "a\u{2028}b",
    ] {
        let body = json!({ "redirect_uris": ["https://rp.example/callback"], "client_name": name });
        assert_eq!(
            error(&registrant.post(&body).await),
            (400, "invalid_client_metadata".into()),
            "{name:?}"
        );
    }
    let name = "\"><img src=x onerror=alert(1)> {{ 7*7 }}";
    let registered = registrant.register(json!({ "client_name": name })).await;
    let (browser, page) = login_page(&app, &registered).await;
    let consent = browser.log_in(&page, EMAIL, PASSWORD).await;
    for page in [&page, &consent] {
        assert!(page.body.contains("&#60;img src=x"), "shown as text");
        assert!(!page.body.contains("<img src=x"));
    }
}

/// Only who registered themselves are warned of.
#[tokio::test]
async fn a_service_that_an_operator_added_is_shown_without_a_warning() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let page = Browser::new(&app).open(&service.url(&[])).await;
    assert!(!page.has("unverified") && !page.has("service-logo"));
    let stored: Value = serde_json::to_value(&service.client).unwrap();
    assert_eq!(stored.get("self_registered"), None);
}
