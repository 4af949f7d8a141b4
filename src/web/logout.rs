//! Logout asked for by a relying party (RP-Initiated Logout 1.0). The request is checked where it arrives, then travels in
//! an address of ours, signed: a POST from another site brings no cookie, so the session is read by the GET that follows;
//! and the hint stays behind.

use askama::Template;
use axum::extract::{FromRequestParts, OriginalUri, Path, State};
use axum::response::{Html, IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::{PageError, see_other};
use super::form::{PageForm, refuse_foreign};
use super::layers::CSP;
use super::pages::{ErrorKind, Layout, LogoutPage, SignedOutPage, StillSignedInPage};
use super::visitor::Visitor;
use crate::app::{App, SharedApp};
use crate::domain::logout::Participant;
use crate::domain::session::BrowserSession;
use crate::protocol::client::{Client, SigningAlg};
use crate::protocol::discovery::LOGOUT;
use crate::protocol::error::OAuthError;
use crate::protocol::logout::{LogoutRequest, frontchannel_url};
use crate::protocol::params::Params;
use crate::protocol::return_to::has_plain_host;
use crate::secret::{constant_time_eq, fingerprint};
use crate::store::StoreError;

/// `typ` of a checked request in an address of ours.
const CHECKED: &str = "logout-request+jwt";

/// How long such an address works, in seconds.
const LIFETIME: i64 = 600;

/// How long frames have before the browser goes on, in seconds.
const FRAMES_TIME: u32 = 3;

/// Ends a browser session: what ends with it is revoked, and those who took part are told. Answers who they are.
pub async fn end_session(app: &App, session_id: &str, now: i64) -> Result<Vec<Participant>, StoreError> {
    let participants = app.store.end_browser_session(session_id, now).await?;
    app.logout_queued.notify_one();
    Ok(participants)
}

/// `GET /logout`
pub async fn by_get(State(app): State<SharedApp>, OriginalUri(uri): OriginalUri) -> Result<Response, PageError> {
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes()).map_err(refused)?;
    begin(&app, &params).await
}

/// `POST /logout`
pub async fn by_post(State(app): State<SharedApp>, PageForm(params): PageForm) -> Result<Response, PageError> {
    begin(&app, &params).await
}

#[derive(Serialize, Deserialize)]
struct Checked {
    #[serde(flatten)]
    request: LogoutRequest,
    /// Unix seconds.
    exp: i64,
}

async fn begin(app: &App, params: &Params) -> Result<Response, PageError> {
    let now = app.clock.now();
    let hint = params.get("id_token_hint").map(|hint| app.keys.verify("JWT", hint));
    let hint = hint
        .transpose()
        .map_err(|_| refused(OAuthError::invalid_request("id_token_hint is not a token of ours")))?;
    let request = LogoutRequest::read(params, hint.as_ref(), &app.config.issuer).map_err(refused)?;
    let client = find_client(app, &request).await?;
    request.location(client.as_ref()).map_err(unregistered)?;
    let checked = Checked {
        request,
        exp: now + LIFETIME,
    };
    let signed = app.keys.sign(CHECKED, SigningAlg::ES256, &checked, now)?;
    Ok(see_other(&format!("{LOGOUT}/{signed}")))
}

fn refused(error: OAuthError) -> PageError {
    PageError::with_detail(ErrorKind::Request, error.description)
}

fn unregistered(error: OAuthError) -> PageError {
    PageError::with_detail(ErrorKind::RedirectUri, error.description)
}

async fn find_client(app: &App, request: &LogoutRequest) -> Result<Option<Client>, PageError> {
    let Some(id) = &request.client_id else { return Ok(None) };
    let client = app.store.find_client(id).await?.filter(|client| !client.disabled);
    client.ok_or_else(|| PageError::new(ErrorKind::ClientUnknown)).map(Some)
}

/// A checked request in the browser that it is about.
pub struct Leaving {
    app: SharedApp,
    visitor: Visitor,
    headers: HeaderMap,
    /// Its own address.
    here: String,
    request: LogoutRequest,
    client: Option<Client>,
    /// Where the browser goes afterwards.
    location: Option<String>,
    session: Option<BrowserSession>,
    now: i64,
}

impl FromRequestParts<SharedApp> for Leaving {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, PageError> {
        let expired = || PageError::new(ErrorKind::FlowExpired);
        let Path(signed) = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(|_| expired())?;
        let now = app.clock.now();
        let claims = app.keys.verify(CHECKED, &signed).map_err(|_| expired())?;
        let checked: Checked = serde_json::from_value(claims.into()).map_err(|_| expired())?;
        if checked.exp <= now {
            return Err(expired());
        }
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let client = find_client(app, &checked.request).await?;
        Ok(Self {
            location: checked.request.location(client.as_ref()).map_err(unregistered)?,
            session: match visitor.signed_in().await? {
                Some(id) => app.store.find_browser_session(&id, now).await?,
                None => None,
            },
            app: app.clone(),
            visitor,
            headers: parts.headers.clone(),
            here: format!("{LOGOUT}/{signed}"),
            request: checked.request,
            client,
            now,
        })
    }
}

/// `GET /logout/{request}`: a hint of this very session needs no question, everything else does.
pub async fn show(leaving: Leaving) -> Result<Response, PageError> {
    match &leaving.session {
        Some(session) if leaving.means(session).await? => leaving.end(session, true).await,
        Some(session) => leaving.ask(session).await,
        None => leaving.signed_out(Vec::new(), false),
    }
}

/// `POST /logout/{request}`: the agent's own word.
pub async fn answer(leaving: Leaving, PageForm(form): PageForm) -> Result<Response, PageError> {
    refuse_foreign(&leaving.app, &leaving.headers, &leaving.visitor.network, leaving.now).await?;
    let Some(session) = &leaving.session else {
        return leaving.signed_out(Vec::new(), false);
    };
    let shown = form.get("shown").unwrap_or_default();
    match form.get("answer") {
        _ if !constant_time_eq(shown, &leaving.mark(session)) => Ok(see_other(&leaving.here)),
        Some("leave") => leaving.end(session, false).await,
        Some("stay") => leaving.page(&StillSignedInPage {
            layout: leaving.layout(),
            back: leaving.back(),
        }),
        _ => Ok(see_other(&leaving.here)),
    }
}

impl Leaving {
    /// Whether the hint was given in this session; a `sid` is one client's name of one session.
    async fn means(&self, session: &BrowserSession) -> Result<bool, PageError> {
        let (Some(client), Some(hinted)) = (&self.client, &self.request.sid) else {
            return Ok(false);
        };
        let sid = self.app.store.find_sid(&session.id, &client.id).await?;
        Ok(sid.as_ref() == Some(hinted))
    }

    async fn ask(&self, session: &BrowserSession) -> Result<Response, PageError> {
        let agent = self.app.store.find_agent(&session.agent_id).await?;
        let agent = agent.ok_or_else(|| PageError::from_inside(&"a session without an agent"))?;
        self.page(&LogoutPage {
            layout: self.layout(),
            service: self.client.as_ref().map(|client| client.name.clone()),
            action: self.here.clone(),
            shown: self.mark(session),
            name: agent.display_name.unwrap_or_else(|| agent.matrix_id.clone()),
            matrix_id: agent.matrix_id,
        })
    }

    /// Stands for the session shown. Nobody else can make it: the id of a session never leaves this program.
    fn mark(&self, session: &BrowserSession) -> String {
        fingerprint(&format!("logout\n{}\n{}", self.here, session.id))
    }

    async fn end(&self, session: &BrowserSession, hinted: bool) -> Result<Response, PageError> {
        let participants = end_session(&self.app, &session.id, self.now).await?;
        self.visitor.sign_out().await?;
        tracing::info!(
            client.id = self.client.as_ref().map(|client| client.id.as_str()),
            agent.id = session.agent_id,
            participants = participants.len(),
            "an agent signed out"
        );
        self.signed_out(participants, hinted)
    }

    /// On to the service at once, or by way of a page that tells others in the browser (Front-Channel Logout §3). Anybody
    /// can register a client and an address: without a hint of this session the way there is a link.
    fn signed_out(&self, participants: Vec<Participant>, hinted: bool) -> Result<Response, PageError> {
        let is_trusted = hinted || self.client.as_ref().is_some_and(|client| !client.self_registered);
        let onward = self.location.as_ref().filter(|_| is_trusted);
        let (mut frames, mut csp) = (Vec::new(), format!("{CSP}; frame-src"));
        for Participant { client, sid } in &participants {
            let Some(uri) = &client.logout.frontchannel_logout_uri else {
                continue;
            };
            // What was registered before hosts had to be plain gets no word in the policy.
            if let Some(url) = Url::parse(uri).ok().filter(|url| url.has_host() && has_plain_host(url)) {
                frames.push(frontchannel_url(uri, &self.app.config.issuer, sid));
                csp = format!("{csp} {}", url.origin().ascii_serialization());
            }
        }
        if let (Some(location), true) = (onward, frames.is_empty()) {
            return Ok(see_other(location));
        }
        let has_frames = !frames.is_empty();
        let mut response = self.page(&SignedOutPage {
            layout: self.layout(),
            frames,
            back: self.back(),
            goes_back: onward.is_some(),
        })?;
        let header = |value: String| HeaderValue::from_str(&value).map_err(|error| PageError::from_inside(&error));
        if has_frames {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, header(csp)?);
        }
        if let Some(location) = onward {
            let refresh = header(format!("{FRAMES_TIME};url={location}"))?;
            response
                .headers_mut()
                .insert(HeaderName::from_static("refresh"), refresh);
        }
        Ok(response)
    }

    /// A link back: where the request wanted to go, else the service's home page.
    fn back(&self) -> Option<String> {
        let home = || self.client.as_ref()?.presentation.client_uri.clone();
        self.location.clone().or_else(home)
    }

    fn layout(&self) -> Layout {
        self.visitor
            .layout(&self.app, &self.request.ui_locales, self.here.clone())
    }

    fn page(&self, page: &impl Template) -> Result<Response, PageError> {
        Ok(Html(page.render()?).into_response())
    }
}
