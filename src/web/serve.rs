//! Serves the application over HTTP/1.1 (RFC 9112): one task per connection, each with limits on its patience. Not by
//! `axum::serve`, which has none.

use std::pin::pin;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use super::routes;
use crate::app::SharedApp;
use crate::config::Config;

/// How long a client may keep a connection busy.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the connection, or the last answer, to the end of the next request's header.
    pub header: Duration,
    /// From there to the answer, with the request's body and the homeserver's answers in between.
    pub request: Duration,
}

impl Limits {
    /// Longer than the slowest honest request: a login with its two waits for a homeserver that answers at the last
    /// moment, then the directory and the sign-out, which have limits of their own.
    pub fn of(config: &Config) -> Self {
        Self {
            header: Duration::from_secs(30),
            request: Duration::from_secs(2 * config.upstream.timeout_seconds + 40),
        }
    }
}

/// Serves until `stop` is ready, then takes no more connections and lets open requests end.
pub async fn serve(mut listener: TcpListener, app: SharedApp, limits: Limits, stop: impl Future<Output = ()>) {
    let router = routes::router(app, limits.request);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header);
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let service = router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = open.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "a connection was cut short");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}
