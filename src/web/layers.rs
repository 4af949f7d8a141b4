//! What every answer has in common: security headers, error pages and form_post pages in the reader's language, the
//! language cookie, and the cookie session of browser routes.

use std::time::Duration;

use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use tower_sessions::SessionManagerLayer;
use tower_sessions::cookie::SameSite;

use super::error::PageError;
use super::i18n::Language;
use super::pages::{ErrorPage, FormPostPage};
use super::visitor::{language_cookie_name, language_in_query, language_of, layout};
use crate::app::{App, SharedApp};
use crate::protocol::response_mode::AuthorizationResponse;
use crate::store::WebSessionStore;

/// No inline script or style and nothing from elsewhere. Pages of a flow have no `form-action`: browsers apply it to
/// every hop of the redirects that follow a POST, the homeserver's and the client's too (protocol notes, CSP).
pub const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; frame-ancestors 'none'";
const CSP_OUTSIDE_FLOWS: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                                 base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
/// The one page with a script: a file of ours.
const CSP_FORM_POST: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Sets the headers that every answer carries.
pub async fn security_headers(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let in_flow = ["/authorize", "/login", "/logout"]
        .iter()
        .any(|prefix| request.uri().path().starts_with(prefix));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let csp = if in_flow { CSP } else { CSP_OUTSIDE_FLOWS };
    // A page that needs one more thing says so itself.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(csp));
    let mut set = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    // Login tokens and codes travel in query strings: no address of ours leaves in a Referer.
    set(header::REFERRER_POLICY, "no-referrer");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    );
    if app.config.is_https() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000");
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Bounds the time of one request, its body included. Not by a 408, which browsers may answer by sending a form again.
pub async fn in_time<E: IntoResponse>(
    limit: Duration,
    request: Request,
    next: Next,
    too_late: impl FnOnce() -> E,
) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => too_late().into_response(),
    }
}

/// Writes the page of a [`PageError`] or of a response by form_post, in the reader's language.
pub async fn late_pages(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let (query, headers) = (request.uri().query(), request.headers());
    let language = language_of(&app, headers, query);
    // The reader may switch the language of an error page where a GET of the same address shows it again; the homeserver's
    // callback is not repeated, its query is a credential, nor is a logout, whose hint tells of the agent.
    let path = request.uri().path();
    let repeatable = request.method() == Method::GET && !["/login", "/logout"].iter().any(|no| path.starts_with(no));
    let here = request
        .uri()
        .path_and_query()
        .filter(|_| repeatable)
        .map_or("/", |uri| uri.as_str())
        .to_owned();
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<PageError>() {
        return error_page(&app, language, here, error, response);
    }
    match response.extensions_mut().remove::<AuthorizationResponse>() {
        Some(AuthorizationResponse::FormPost { action, members }) => {
            form_post_page(&app, language, action, members, response)
        }
        _ => response,
    }
}

/// Remembers a language chosen by `?lang=`: for people only, since what programs fetch is cached for everybody.
pub async fn chosen_language(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let chosen = language_in_query(request.uri().query());
    let mut response = next.run(request).await;
    if let Some(chosen) = chosen {
        let secure = if app.config.is_https() { "; Secure" } else { "" };
        let name = language_cookie_name(&app);
        let cookie = format!("{name}={chosen}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly{secure}");
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

fn error_page(app: &App, language: Language, here: String, error: PageError, bare: Response) -> Response {
    tracing::info!(
        incident.id = error.incident.0,
        error.code = error.kind.code(),
        detail = error.detail,
        "error page"
    );
    let page = ErrorPage {
        layout: layout(app, language, here),
        kind: error.kind,
        incident: error.incident.0,
        detail: error.detail.map(str::to_owned),
    };
    fill(bare, &page)
}

/// The form that carries an authorization response (Form Post Response Mode §2). The script only spares a click.
fn form_post_page(
    app: &App,
    language: Language,
    action: String,
    members: Vec<(&'static str, String)>,
    mut bare: Response,
) -> Response {
    let csp = HeaderValue::from_static(CSP_FORM_POST);
    bare.headers_mut().insert(header::CONTENT_SECURITY_POLICY, csp);
    let page = FormPostPage {
        // There is no address that would show it again.
        layout: layout(app, language, "/".to_owned()),
        action,
        members,
    };
    fill(bare, &page)
}

/// Gives an answer its page.
fn fill(bare: Response, page: &impl Template) -> Response {
    let (mut parts, _) = bare.into_parts();
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    match page.render() {
        Ok(html) => (parts, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The cookie session of browser routes: `Lax`, since agents arrive from other sites; `__Host-` and `Secure` on https.
pub fn cookie_session(app: &App) -> SessionManagerLayer<WebSessionStore> {
    let https = app.config.is_https();
    SessionManagerLayer::new(WebSessionStore::new(app.store.clone(), app.clock.clone()))
        .with_name(if https { "__Host-tchap-connect" } else { "tchap-connect" })
        .with_secure(https)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
}
