//! Serves the application over HTTP/1.1 (RFC 9112), in TLS where that ends here: one task per connection, each with limits on its patience. Not by
//! `axum::serve`, which has none.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::routes;
use crate::app::SharedApp;
use crate::config::Config;
use crate::tls::Tls;

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
    let tls = app.tls.clone();
    let router = routes::router(app, limits.request);
    let open = GracefulShutdown::new();
    let (serving, _) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let connection = Connection {
            router: router.clone(),
            peer,
            limits,
            watcher: open.watcher(),
        };
        match tls.clone() {
            None => drop(tokio::spawn(connection.answer(stream))),
            Some(tls) => drop(tokio::spawn(connection.secure(stream, tls, serving.subscribe()))),
        }
    }
    drop((listener, serving));
    open.shutdown().await;
}

/// A client's connection, before anything was said.
struct Connection {
    router: Router,
    peer: SocketAddr,
    limits: Limits,
    /// While it lives, the server waits for it to end.
    watcher: Watcher,
}

impl Connection {
    /// First the handshake, which may take as long as a request's header. It is given up when the server stops.
    async fn secure(self, stream: TcpStream, tls: Arc<Tls>, mut serving: watch::Receiver<()>) {
        let handshake = tokio::time::timeout(self.limits.header, tls.accept(stream));
        let done = tokio::select! {
            done = handshake => done,
            _ = serving.changed() => return,
        };
        match done {
            Ok(Ok(stream)) => self.answer(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn answer(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let peer = self.peer;
        let service = self.router.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(%error, "a connection was cut short");
        }
    }
}
