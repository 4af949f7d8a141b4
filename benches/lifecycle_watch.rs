//! A simulated run of the lifecycle watch: many agents of one homeserver, accounts closed there at random moments, a clock
//! moved by hand from second to second. `cargo bench --bench lifecycle_watch` (docs/performance.md); environment:
//! `WATCH_AGENTS` (50000), `WATCH_SECONDS` (1200), `WATCH_DATABASE` (an empty database; SQLite in a file without one).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tchap_connect::app::App;
use tchap_connect::clock::Clock;
use tchap_connect::config::Config;
use tchap_connect::domain::homeserver::{Homeserver, Watch, WatchWay};
use tchap_connect::jobs::lifecycle_watch::take_turns;
use tchap_connect::store::Store;

const NAME: &str = "agent.dinum.tchap.test";
const START: i64 = 1_800_000_000;
/// Accounts closed in all.
const CLOSURES: i64 = 1000;

/// The homeserver: who is closed there, and the simulated seconds at which it was asked.
struct Server {
    clock: Clock,
    closed: Mutex<HashSet<String>>,
    asked: Mutex<Vec<(i64, usize)>>,
}

async fn account_status(State(server): State<Arc<Server>>, Json(body): Json<Value>) -> Json<Value> {
    let ids = body["user_ids"].as_array().cloned().unwrap_or_default();
    server
        .asked
        .lock()
        .expect("a lock")
        .push((server.clock.now(), ids.len()));
    let closed = server.closed.lock().expect("a lock");
    let status = |id: &Value| {
        let id = id.as_str().unwrap_or_default().to_owned();
        let status = json!({"exists": true, "deactivated": closed.contains(&id), "org.matrix.expired": false});
        (id, status)
    };
    let statuses: serde_json::Map<_, _> = ids.iter().map(status).collect();
    Json(json!({"account_statuses": statuses, "failures": []}))
}

fn variable(name: &str, default: i64) -> i64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Agents with a browser session each, last confirmed during the last period, evenly.
async fn fill(url: &str, agents: i64) {
    let numbers = format!("with recursive n(i) as (select 0 union all select i + 1 from n where i < {agents} - 1)");
    let until = START + 86_400 * 20;
    let statements = [
        format!(
            "{numbers} insert into agents (id, homeserver, matrix_id, created_at, updated_at, checked_at, next_check_at)
             select 'agent-' || i, '{NAME}', '@agent-' || i || ':{NAME}', {START}, {START}, {START} - i % 240,
             {START} + 240 - i % 240 from n"
        ),
        format!(
            "{numbers} insert into browser_sessions (id, agent_id, way, created_at, expires_at)
             select 'session-' || i, 'agent-' || i, 'password', {START}, {until} from n"
        ),
    ];
    for statement in statements {
        let statement = AssertSqlSafe(statement);
        match url.starts_with("sqlite:") {
            true => {
                let mut db = SqliteConnection::connect(url).await.expect("the database");
                sqlx::raw_sql(statement).execute(&mut db).await.expect("agents");
            }
            false => {
                let mut db = PgConnection::connect(url).await.expect("the database");
                sqlx::raw_sql(statement).execute(&mut db).await.expect("agents");
            }
        }
    }
}

/// The application over a filled database, its clock, and the homeserver that it watches.
async fn stage(url: &str, folder: &std::path::Path, agents: i64) -> (Arc<App>, Clock, Arc<Server>) {
    std::fs::write(folder.join(NAME), "syt_watch").expect("a token");
    let settings = [
        ("DATABASE_URL", url.to_owned()),
        ("SEALING_KEY", "0a".repeat(32)),
        ("WATCH_TOKENS_DIR", folder.display().to_string()),
    ];
    let variables = settings.map(|(name, value)| (format!("TCHAP_CONNECT_{name}"), value));
    let config = Config::parse(None, variables).expect("a configuration");
    let store = Store::open(url).await.expect("a database");
    store.migrate().await.expect("tables");
    let clock = Clock::fixed(START);
    let server = Arc::new(Server {
        clock: clock.clone(),
        closed: Mutex::default(),
        asked: Mutex::default(),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    let path = "/_matrix/client/unstable/org.matrix.msc3720/account_status";
    let router = Router::new()
        .route(path, post(account_status))
        .with_state(server.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
    let mut homeserver: Homeserver =
        serde_json::from_value(json!({"name": NAME, "label": "DINUM", "base_url": base_url})).expect("a homeserver");
    homeserver.watch = Watch {
        way: Some(WatchWay::AccountStatus),
        ..Watch::default()
    };
    store.upsert_homeserver(&homeserver, 0).await.expect("a homeserver");
    let app = App::build(config, store, clock.clone()).await.expect("an application");
    fill(url, agents).await;
    (Arc::new(app), clock, server)
}

async fn simulate(url: &str, folder: &std::path::Path) {
    let (agents, seconds) = (variable("WATCH_AGENTS", 50_000), variable("WATCH_SECONDS", 1200));
    let (app, clock, server) = stage(url, folder, agents).await;
    let (mut open, mut delays) = (HashMap::new(), Vec::new());
    let (mut longest, mut spent) = (Duration::ZERO, Duration::ZERO);
    for second in 0..seconds {
        // Spread by a multiplier that is prime to the number of agents: other agents each time, in no order.
        for n in (0..CLOSURES).filter(|n| n * (seconds - 300).max(1) / CLOSURES == second) {
            let agent = n * 7919 % agents;
            server
                .closed
                .lock()
                .expect("a lock")
                .insert(format!("@agent-{agent}:{NAME}"));
            open.insert(format!("agent-{agent}"), clock.now());
        }
        let begun = Instant::now();
        take_turns(&app).await.expect("a turn");
        let took = begun.elapsed();
        (longest, spent) = (longest.max(took), spent + took);
        let mut gone = Vec::new();
        for (agent, since) in &open {
            let found = app
                .store
                .find_agent(agent)
                .await
                .expect("the database")
                .expect("an agent");
            if let Some(at) = found.closed_at {
                delays.push(at - since);
                gone.push(agent.clone());
            }
        }
        open.retain(|agent, _| !gone.contains(agent));
        clock.advance(1);
    }
    report(&server, agents, seconds, &mut delays, open.len());
    let oldest = app.store.watch_delays(clock.now()).await.expect("the database");
    println!("oldest answer at the end: {oldest:?} seconds");
    println!(
        "our side of a turn: {:?} on average, {longest:?} at most",
        spent / u32::try_from(seconds).unwrap_or(1)
    );
}

fn report(server: &Server, agents: i64, seconds: i64, delays: &mut [i64], unseen: usize) {
    let asked = server.asked.lock().expect("a lock");
    let mut by_second = BTreeMap::<i64, usize>::new();
    asked
        .iter()
        .for_each(|(second, _)| *by_second.entry(*second).or_default() += 1);
    let most = by_second.values().max().copied().unwrap_or(0);
    let accounts: usize = asked.iter().map(|(_, count)| count).sum();
    delays.sort_unstable();
    let at = |part: usize| delays.get((delays.len() * part / 100).min(delays.len().saturating_sub(1)));
    println!("{agents} live agents, {seconds} simulated seconds");
    println!(
        "{} requests, at most {most} in one second; {accounts} accounts asked about",
        asked.len()
    );
    println!(
        "{} accounts closed, {unseen} not seen; from closure to revocation, seconds: median {:?}, p99 {:?}, longest {:?}",
        delays.len(),
        at(50),
        at(99),
        delays.last()
    );
}

fn main() {
    // `cargo test --all-targets` runs this too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = std::env::temp_dir().join(format!("tchap-connect-watch-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let url =
        std::env::var("WATCH_DATABASE").unwrap_or_else(|_| format!("sqlite:{}", folder.join("watch.db").display()));
    runtime.block_on(simulate(&url, &folder));
    std::fs::remove_dir_all(folder).expect("the folder");
}
