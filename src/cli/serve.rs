//! `serve`: opens everything, says what was assumed and where it listens, and stops in good order on SIGTERM or SIGINT.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::context::{self, Context, Database};
use super::homeservers::{self, HomeserverArg};
use super::{Global, output};
use crate::app::{App, SharedApp};
use crate::config::LogFormat;
use crate::{jobs, web};

/// How long open requests may take to end once the process is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Make sure that this homeserver is on the list: NAME, or NAME=URL of its client API; may be repeated.
    #[arg(long = "homeserver", value_name = "NAME[=URL]")]
    homeservers: Vec<HomeserverArg>,
}

pub async fn run(global: &Global, args: ServeArgs) -> anyhow::Result<()> {
    let context = Context::open(global, Database::MayBeMade).await?;
    let said = homeservers::ensure(&context.store, &args.homeservers, context.clock.now()).await?;
    let listen = context.config.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen} (the key `listen`)"))?;
    let Context { config, store, clock } = context;
    let app = Arc::new(App::build(config, store.clone(), clock.clone()).await?);
    announce(&app, listener.local_addr()?, &said).await?;
    let (stop, stopped) = watch::channel(false);
    let mut background = vec![
        tokio::spawn(jobs::cleanup::run(
            store.clone(),
            clock.clone(),
            app.config.retention,
            stopped.clone(),
        )),
        tokio::spawn(jobs::keys::run(
            app.keys.clone(),
            store.clone(),
            clock.clone(),
            app.config.key_rotation,
            stopped.clone(),
        )),
        tokio::spawn(jobs::logout_delivery::run(app.clone(), stopped.clone())),
        tokio::spawn(jobs::lifecycle_watch::run(app.clone(), stopped.clone())),
        tokio::spawn(jobs::homeserver_health::run(app.clone(), stopped.clone())),
        tokio::spawn(jobs::statistics::run(app.clone(), stopped.clone())),
    ];
    if let Some(tls) = app.tls.clone() {
        background.push(tokio::spawn(jobs::tls::run(tls, stopped.clone())));
    }
    let served = serve_until_told(listener, app.clone(), &stop, stopped).await;
    stop.send_replace(true);
    for job in background {
        drop(tokio::time::timeout(DRAIN, job).await);
    }
    // Those of the requests that were still open.
    if let Err(error) = app.statistics.write(&store).await {
        tracing::warn!(%error, "The last counts of sign-ins could not be written and are lost");
    }
    store.close().await;
    tracing::info!("Stopped");
    served
}

/// Serves until SIGTERM or SIGINT, then lets open requests end within [`DRAIN`].
async fn serve_until_told(
    listener: TcpListener,
    app: SharedApp,
    stop: &watch::Sender<bool>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let limits = web::Limits::of(&app.config);
    let mut server = tokio::spawn(web::serve(listener, app, limits, async move {
        drop(stopped.wait_for(|stopped| *stopped).await);
    }));
    tokio::select! {
        ended = &mut server => return ended.context("the HTTP server ended"),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("Stopping: no new connections, open requests have 10 seconds");
    stop.send_replace(true);
    match tokio::time::timeout(DRAIN, &mut server).await {
        Ok(ended) => ended.context("the HTTP server ended"),
        Err(_) => {
            server.abort();
            tracing::warn!("Requests were still open after 10 seconds and were cut off");
            Ok(())
        }
    }
}

/// Says on the terminal (not where logs are JSON) and in the log what is running.
async fn announce(app: &App, address: SocketAddr, homeservers: &[String]) -> anyhow::Result<()> {
    let App { config, store, .. } = app;
    let clients = store.list_clients().await?.len();
    let known = store.list_homeservers().await?.len();
    if config.log.format == LogFormat::Text {
        context::say_assumptions(config);
        for sentence in homeservers {
            output::say(&format!("  {sentence}"));
        }
        let scheme = if app.tls.is_some() { "https" } else { "http" };
        output::say(&format!(
            "\nTchap Connect {} listens on {scheme}://{address}",
            env!("CARGO_PKG_VERSION")
        ));
        let rows = [
            ("issuer", config.issuer.clone()),
            ("discovery", config.discovery_url()),
            ("homeservers", known.to_string()),
            ("clients", clients.to_string()),
        ];
        output::say(&output::pairs(&rows));
        if clients == 0 {
            output::say(
                "No service can use it yet. Add one, in another terminal:\n  tchap-connect client add --name \"My site\" \
                 --redirect-uri http://127.0.0.1:8090/callback --scope profile,email\n",
            );
        }
    } else {
        let assumed = config.assumptions.iter().chain(homeservers);
        assumed.for_each(|sentence| tracing::info!("At start: {sentence}"));
    }
    tracing::info!(
        issuer = config.issuer,
        listen = %address,
        version = env!("CARGO_PKG_VERSION"),
        mode = ?config.mode,
        homeservers = known,
        clients,
        "Listening"
    );
    Ok(())
}
