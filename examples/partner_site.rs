//! A small site whose visitors sign in with Tchap, to be read by those who add the button to theirs.
//!
//! Here: the settings, the routes and the visitor's session. `sign_in.rs` is the part worth copying: OpenID Connect by
//! discovery with the `openidconnect` crate. `pages.rs` is what the visitor sees, in French and English.
//!
//! ```text
//! cargo run --example partner_site -- --issuer http://127.0.0.1:8080 --client-id demo --client-secret …
//! ```

#[path = "partner_site/pages.rs"]
mod pages;
#[path = "partner_site/sign_in.rs"]
mod sign_in;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use clap::Parser;
use openidconnect::CsrfToken;
use url::form_urlencoded;

use pages::{Content, Lang};
use sign_in::{Partner, Pending, Problem, SignedIn};

#[derive(Parser)]
#[command(about = "Service de démonstration: a partner site with the Tchap sign-in button")]
struct Settings {
    /// The provider, exactly as it names itself in its discovery document
    #[arg(long, env = "PARTNER_ISSUER", default_value = "http://127.0.0.1:8080")]
    issuer: String,
    #[arg(long, env = "PARTNER_CLIENT_ID", default_value = "demo")]
    client_id: String,
    /// Leave out for a public client
    // A secret may well begin with a hyphen.
    #[arg(
        long,
        env = "PARTNER_CLIENT_SECRET",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    client_secret: Option<String>,
    #[arg(long, env = "PARTNER_LISTEN", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Address of this site as browsers see it; http://LISTEN when left out
    #[arg(long, env = "PARTNER_URL")]
    url: Option<String>,
    #[arg(
        long,
        env = "PARTNER_SCOPES",
        default_value = "openid profile email tchap administration belonging_population roles"
    )]
    scopes: String,
}

// Cookies know no ports: on 127.0.0.1 the provider's cookies and ours live in one jar, so ours has a name of its own.
const COOKIE: &str = "partner_site_visit";
const VISIT_LIFETIME: Duration = Duration::from_secs(3600);
const HEADERS: [(HeaderName, &str); 4] = [
    // No form-action: browsers would apply it to the redirect to the provider that follows a sign-out.
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
];

struct Site {
    partner: Partner,
    visits: Mutex<HashMap<String, Visit>>,
}

/// What we remember of one browser. A real site would keep this in its database.
struct Visit {
    lang: Lang,
    since: Instant,
    stage: Stage,
}

enum Stage {
    /// Sent to the provider, not back yet
    Away(Box<Pending>),
    SignedIn(Box<SignedIn>),
}

type SharedSite = State<Arc<Site>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let listener = tokio::net::TcpListener::bind(settings.listen).await?;
    let address = listener.local_addr()?;
    let url = settings.url.unwrap_or_else(|| format!("http://{address}"));
    let partner = Partner::new(
        settings.issuer,
        settings.client_id,
        settings.client_secret,
        &url,
        &settings.scopes,
    )?;
    let site = Arc::new(Site {
        partner,
        visits: Mutex::default(),
    });
    let routes = Router::new()
        .route("/", get(home))
        .route("/se-connecter", get(start))
        .route("/retour", get(come_back))
        .route("/se-deconnecter", post(sign_out))
        .route("/style.css", get(css(include_str!("partner_site/style.css"))))
        // The button's look comes from the provider's kit, copied as it is.
        .route("/tchap-button.css", get(css(include_str!("../static/button.css"))))
        .with_state(site);
    println!("Partner site: {url}, listening on {address}");
    Ok(axum::serve(listener, routes).await?)
}

async fn home(State(site): SharedSite, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let asked = parameters(query);
    let mut visits = site.visits();
    let visit = cookie(&headers)
        .and_then(|id| visits.get_mut(id))
        .filter(|visit| visit.since.elapsed() < VISIT_LIFETIME);
    let known = visit.as_ref().map(|visit| visit.lang);
    let lang = asked
        .get("lang")
        .and_then(|code| Lang::parse(code))
        .or(known)
        .unwrap_or_default();
    match visit {
        Some(visit) => {
            visit.lang = lang;
            match &visit.stage {
                Stage::SignedIn(person) => page(StatusCode::OK, lang, Content::Claims(person)),
                Stage::Away(_) => page(StatusCode::OK, lang, Content::Welcome),
            }
        }
        None => page(StatusCode::OK, lang, Content::Welcome),
    }
}

/// The button: remember this browser, then send it to the provider.
async fn start(State(site): SharedSite, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let asked = parameters(query);
    let lang = asked.get("lang").and_then(|code| Lang::parse(code)).unwrap_or_default();
    match site
        .partner
        .begin(asked.get("prompt").map(String::as_str), lang.code())
        .await
    {
        Ok((provider_url, pending)) => {
            let stage = Stage::Away(Box::new(pending));
            (
                site.remember(&headers, lang, stage),
                Redirect::to(provider_url.as_str()),
            )
                .into_response()
        }
        Err(problem) => failure(lang, &problem),
    }
}

/// The redirect URI: the browser brings back a code, or an error.
async fn come_back(State(site): SharedSite, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    // Taken out of the map, so that an answer is accepted once; the guard is gone before anything is awaited.
    let visit = cookie(&headers).and_then(|id| site.visits().remove(id));
    let Some(Visit {
        lang,
        stage: Stage::Away(pending),
        ..
    }) = visit
    else {
        return failure(Lang::default(), &Problem::NotStartedHere);
    };
    match site.partner.finish(*pending, &parameters(query)).await {
        Ok(person) => {
            let stage = Stage::SignedIn(Box::new(person));
            (site.remember(&headers, lang, stage), Redirect::to("/")).into_response()
        }
        Err(problem) => failure(lang, &problem),
    }
}

/// A POST, so that no link or image elsewhere can sign a visitor out: the Lax cookie does not come with a foreign POST.
async fn sign_out(State(site): SharedSite, headers: HeaderMap) -> Response {
    let visit = cookie(&headers).and_then(|id| site.visits().remove(id));
    let target = match visit {
        Some(Visit {
            stage: Stage::SignedIn(person),
            ..
        }) => site.partner.sign_out_url(&person),
        _ => None,
    };
    Redirect::to(target.as_ref().map_or("/", |url| url.as_str())).into_response()
}

impl Site {
    fn visits(&self) -> std::sync::MutexGuard<'_, HashMap<String, Visit>> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keep the visit under a fresh random id (a known id must not become a signed-in one) and return its cookie.
    fn remember(&self, headers: &HeaderMap, lang: Lang, stage: Stage) -> [(HeaderName, String); 1] {
        let id = CsrfToken::new_random_len(32).into_secret();
        let mut visits = self.visits();
        visits.retain(|_, visit| visit.since.elapsed() < VISIT_LIFETIME);
        cookie(headers).and_then(|old| visits.remove(old));
        visits.insert(
            id.clone(),
            Visit {
                lang,
                since: Instant::now(),
                stage,
            },
        );
        // Lax, not Strict: the way back from the provider is a navigation from another site. On https, add Secure.
        [(
            header::SET_COOKIE,
            format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax"),
        )]
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let jar = headers.get(header::COOKIE)?.to_str().ok()?;
    jar.split("; ")
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

fn parameters(query: Option<String>) -> HashMap<String, String> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

fn css(text: &'static str) -> impl IntoResponse + Clone {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], text)
}

fn page(status: StatusCode, lang: Lang, content: Content<'_>) -> Response {
    match pages::render(lang, content) {
        Ok(html) => (status, HEADERS, Html(html)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn failure(lang: Lang, problem: &Problem) -> Response {
    eprintln!("sign-in failed: {problem}");
    let status = match problem {
        Problem::Unreachable(_) | Problem::Untrustworthy(_) => StatusCode::BAD_GATEWAY,
        Problem::Refused { .. } | Problem::NotStartedHere => StatusCode::BAD_REQUEST,
    };
    page(status, lang, Content::Problem(problem))
}
