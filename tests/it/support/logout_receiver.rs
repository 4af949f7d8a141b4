//! A relying party's back-channel logout address: it keeps what it is told, and answers as the test wants.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::TestApp;
use super::relying_party::{part, payload};
use super::secrets::{Kind, Traffic};

/// One answer; 204 when there is no other.
#[derive(Debug, Clone, Copy)]
pub enum Reply {
    Status(u16),
    /// To another address of this receiver.
    Redirect,
    /// None until [`LogoutReceiver::release`].
    Hold,
}

#[derive(Debug)]
struct Shared {
    traffic: OnceLock<Arc<Traffic>>,
    tokens: watch::Sender<Vec<String>>,
    replies: Mutex<VecDeque<Reply>>,
    released: watch::Sender<bool>,
}

#[derive(Debug)]
pub struct LogoutReceiver {
    pub url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// An application that may fetch from so many receivers on this machine.
pub async fn with_receivers<const N: usize>() -> (TestApp, [LogoutReceiver; N]) {
    with_receivers_and(&[]).await
}

/// The same with these settings besides.
pub async fn with_receivers_and<const N: usize>(settings: &[(&str, &str)]) -> (TestApp, [LogoutReceiver; N]) {
    let mut receivers = Vec::new();
    for _ in 0..N {
        receivers.push(LogoutReceiver::start().await);
    }
    let places: Vec<_> = receivers.iter().map(LogoutReceiver::place).collect();
    let places = places.join(",");
    let allow = [("FETCH_ALLOW", places.as_str())];
    let app = TestApp::with(&[&allow, settings].concat()).await;
    for receiver in &receivers {
        receiver.shared.traffic.set(app.traffic.clone()).unwrap();
    }
    (app, receivers.try_into().unwrap())
}

impl LogoutReceiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/logout", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            traffic: OnceLock::new(),
            tokens: watch::Sender::default(),
            replies: Mutex::default(),
            released: watch::Sender::default(),
        });
        let router = Router::new()
            .route("/logout", post(told))
            .route("/elsewhere", post(told).get(told))
            .with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, task }
    }

    /// Host and port.
    fn place(&self) -> String {
        self.url
            .trim_start_matches("http://")
            .trim_end_matches("/logout")
            .to_owned()
    }

    /// What it answers next.
    pub fn will(&self, replies: &[Reply]) {
        self.shared.replies.lock().unwrap().extend(replies);
    }

    /// Lets those go that it holds.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// The tokens received.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.tokens.borrow().clone()
    }

    /// Waits until so many tokens came.
    pub async fn received(&self, count: usize) {
        let mut tokens = self.shared.tokens.subscribe();
        tokens.wait_for(|tokens| tokens.len() >= count).await.unwrap();
    }

    /// Header and payload of the only token received.
    pub fn only(&self) -> (Value, Value) {
        let tokens = self.tokens();
        assert_eq!(tokens.len(), 1);
        (part(&tokens[0], 0), payload(&tokens[0]))
    }
}

impl Drop for LogoutReceiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn told(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let members: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let [(name, token)] = &members[..] else {
        panic!("not one member: {members:?}");
    };
    assert_eq!(name, "logout_token");
    if let Some(traffic) = shared.traffic.get() {
        traffic.secret(Kind::Never, token);
    }
    shared.tokens.send_modify(|tokens| tokens.push(token.clone()));
    let reply = shared.replies.lock().unwrap().pop_front();
    match reply.unwrap_or(Reply::Status(204)) {
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::Redirect => (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response(),
        Reply::Hold => {
            let mut released = shared.released.subscribe();
            let _ = released.wait_for(|released| *released).await;
            StatusCode::OK.into_response()
        }
    }
}
