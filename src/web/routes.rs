//! The route table.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, StatusCode, Uri};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};

use super::error::{JsonError, PageError};
use super::pages::ErrorKind;
use super::{account, api, console, health, layers, login, logo, logout, oidc, status};
use crate::app::SharedApp;
use crate::protocol::discovery::{AUTHORIZE, INTROSPECT, JWKS, LOGOUT, REVOKE, TOKEN, USERINFO};
use crate::protocol::error::{ErrorCode, OAuthError};

/// The largest request body, in bytes. The largest honest one is a long authorization request.
const MAX_BODY: usize = 64 * 1024;

/// A GET of these addresses does something once (a code, a login): a HEAD, as link scanners send it, must not.
pub(super) async fn no_head() -> PageError {
    PageError::new(ErrorKind::Method)
}

/// The whole application. `time_limit` is for one request, with its body.
pub fn router(app: SharedApp, time_limit: Duration) -> Router {
    let browser = Router::new()
        .route(
            AUTHORIZE,
            get(oidc::authorize::by_get)
                .post(oidc::authorize::by_post)
                .head(no_head),
        )
        .route("/authorize/{flow}", get(login::show).head(no_head))
        .route("/authorize/{flow}/identifier", post(login::identifier::submit))
        .route("/authorize/{flow}/password", post(login::password::submit))
        .route("/authorize/{flow}/sso", post(login::sso::leave))
        .route("/authorize/{flow}/oauth", post(login::oauth::leave))
        .route("/authorize/{flow}/restart", post(login::identifier::restart))
        .route("/authorize/{flow}/choose", post(login::account::choose))
        .route("/authorize/{flow}/confirm", post(login::account::confirm))
        .route("/authorize/{flow}/consent", post(login::consent::answer))
        .route("/authorize/{flow}/leave", post(login::leave))
        .route(
            "/login/sso/{homeserver}/{attempt}",
            get(login::sso::come_back).head(no_head),
        )
        .route("/login/oauth/{homeserver}", get(login::oauth::come_back).head(no_head))
        .route(LOGOUT, get(logout::by_get).post(logout::by_post).head(no_head))
        .route(
            "/logout/{request}",
            get(logout::show).post(logout::answer).head(no_head),
        )
        .merge(account::routes())
        .merge(console::routes())
        .layer(layers::cookie_session(&app));

    let people = Router::new()
        .route("/", get(health::home))
        .route("/status", get(status::page))
        .route("/stats", get(console::statistics::public))
        .route("/clients/{client_id}/logo", get(logo::show))
        .merge(browser)
        .fallback(async |_: Uri| PageError::new(ErrorKind::NotFound))
        .layer(middleware::from_fn(move |request, next| {
            layers::in_time(time_limit, request, next, || {
                PageError::with_detail(ErrorKind::Request, "the request took too long")
            })
        }))
        .layer(middleware::from_fn_with_state(app.clone(), layers::chosen_language));

    let wrong_method = async || {
        JsonError::from(OAuthError::invalid_request("this endpoint does not take the method"))
            .with_status(StatusCode::METHOD_NOT_ALLOWED)
    };
    // CORS is open where browsers' programs have business, and never at the authorization endpoint.
    let open = Router::new()
        .route("/.well-known/openid-configuration", get(oidc::discovery::document))
        .route(
            "/.well-known/oauth-authorization-server",
            get(oidc::discovery::document),
        )
        .route(JWKS, get(oidc::discovery::jwks))
        .route(TOKEN, post(oidc::token::endpoint))
        .route(REVOKE, post(oidc::revocation::endpoint))
        .route(USERINFO, get(oidc::userinfo::by_get).post(oidc::userinfo::by_post))
        .method_not_allowed_fallback(wrong_method)
        .layer(
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods([Method::GET, Method::POST])
                .allow_headers([AUTHORIZATION, CONTENT_TYPE]),
        );
    let programs = Router::new()
        .route(INTROSPECT, post(oidc::introspection::endpoint))
        .merge(match app.config.registration.is_on() {
            true => oidc::registration::routes(),
            false => Router::new(),
        })
        .method_not_allowed_fallback(wrong_method)
        .merge(open)
        .layer(middleware::from_fn(move |request, next| {
            layers::in_time(time_limit, request, next, || {
                let error = OAuthError::new(ErrorCode::TemporarilyUnavailable, "the request took too long");
                JsonError::from(error).with_status(StatusCode::SERVICE_UNAVAILABLE)
            })
        }));

    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(status::metrics))
        .merge(app.theme.router())
        .merge(people)
        .method_not_allowed_fallback(async || PageError::new(ErrorKind::Method))
        .merge(programs)
        .merge(api::routes(time_limit))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(CatchPanicLayer::custom(|_| {
            PageError::from_inside(&"a handler panicked").into_response()
        }))
        .layer(middleware::from_fn_with_state(app.clone(), layers::late_pages))
        .layer(middleware::from_fn_with_state(app.clone(), layers::security_headers))
        .with_state(app)
}
