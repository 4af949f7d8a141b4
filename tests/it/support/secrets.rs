//! Threat 17: the logs of the whole run and every answer are searched for every secret that was used. Each
//! [`super::TestApp`] looks for its own when it ends.

use std::io;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread::ThreadId;

use tracing_subscriber::fmt::MakeWriter;

use super::Page;

static LINES: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

struct Collector;

impl io::Write for Collector {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line).into_owned();
        lock(&LINES).push((std::thread::current().id(), text));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Collector {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Collects every log line of the process from now on, at the level that an operator in search of a fault would set.
pub fn collect_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("debug,tchap_connect=trace,sqlx=info")
            .with_ansi(false)
            .with_writer(Collector);
        tracing::subscriber::set_global_default(subscriber.finish()).expect("no other subscriber");
    });
}

/// What this test has logged so far: a test runs on one thread, with the application inside it.
pub fn log_of_this_test() -> Vec<String> {
    let this = std::thread::current().id();
    let lines = lock(&LINES);
    lines
        .iter()
        .filter(|(id, _)| *id == this)
        .map(|(_, line)| line.clone())
        .collect()
}

/// Whether this test has logged a line with all of these.
pub fn logged(parts: &[&str]) -> bool {
    log_of_this_test()
        .iter()
        .any(|line| parts.iter().all(|part| line.contains(part)))
}

/// Where a secret may be seen in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nowhere: passwords, Matrix tokens, login tokens, client secrets, PKCE verifiers.
    Never,
    /// In the redirect that carries it: codes.
    Location,
    /// In the body of the token endpoint: access and refresh tokens.
    TokenResponse,
    /// In `Set-Cookie`: sessions.
    Cookie,
    /// In the body of the registration endpoints: client secrets and registration access tokens that they made.
    Registration,
    /// On the page where a second factor is enrolled: its secret.
    SecondFactor,
}

/// What went over the wire between one application and its browsers and clients.
#[derive(Debug)]
pub struct Traffic {
    base_url: String,
    answers: Mutex<Vec<Page>>,
    secrets: Mutex<Vec<(Kind, String)>>,
}

impl Traffic {
    pub fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.into(),
            answers: Mutex::default(),
            secrets: Mutex::default(),
        }
    }

    /// Remembers a secret; short ones would be found by chance.
    pub fn secret(&self, kind: Kind, secret: &str) {
        if secret.len() >= 8 {
            lock(&self.secrets).push((kind, secret.to_owned()));
        }
    }

    /// Remembers an answer of the application's, with the secrets that it hands out.
    pub fn answer(&self, page: &Page) {
        if !page.url.as_str().starts_with(&self.base_url) {
            return;
        }
        for (name, value) in page.cookies() {
            if name != "tchap-connect-lang" {
                self.secret(Kind::Cookie, &value);
            }
        }
        if page.headers.contains_key("location") {
            let location = page.location();
            let code = location.query_pairs().find(|(name, _)| name == "code");
            self.secret(
                Kind::Location,
                &code.map(|(_, code)| code.into_owned()).unwrap_or_default(),
            );
        }
        if page.url.path() == "/token" {
            for name in ["access_token", "refresh_token"] {
                let token = page.json()[name].as_str().unwrap_or_default().to_owned();
                self.secret(Kind::TokenResponse, &token);
            }
        }
        if page.has("factor-secret") {
            self.secret(Kind::SecondFactor, &page.text("factor-secret"));
        }
        if page.url.path().starts_with("/register") {
            for name in ["client_secret", "registration_access_token"] {
                self.secret(Kind::Registration, page.json()[name].as_str().unwrap_or_default());
            }
        }
        lock(&self.answers).push(page.clone());
    }

    /// Where secrets were seen that have no business there.
    pub fn leaks(&self, mut further: Vec<String>) -> Vec<String> {
        let mut secrets = lock(&self.secrets).clone();
        secrets.extend(
            further
                .drain(..)
                .filter(|secret| secret.len() >= 8)
                .map(|secret| (Kind::Never, secret)),
        );
        secrets.sort_by(|a, b| a.1.cmp(&b.1));
        secrets.dedup_by(|a, b| a.1 == b.1);
        let mut leaks = Vec::new();
        let lines = lock(&LINES);
        for (kind, secret) in &secrets {
            for (_, line) in lines.iter().filter(|(_, line)| line.contains(secret)) {
                leaks.push(format!("{kind:?} {secret} in the log: {line}"));
            }
            for page in lock(&self.answers).iter().filter(|page| page.shows(*kind, secret)) {
                leaks.push(format!(
                    "{kind:?} {secret} in the answer of {}: {}",
                    page.url.path(),
                    page.body
                ));
            }
        }
        leaks
    }
}

impl Page {
    fn shows(&self, kind: Kind, secret: &str) -> bool {
        let allowed = |name: &str| {
            (kind == Kind::Location && name == "location") || (kind == Kind::Cookie && name == "set-cookie")
        };
        let has_it_by_right = (kind == Kind::TokenResponse && self.url.path() == "/token")
            || (kind == Kind::SecondFactor && self.url.path().starts_with("/console/second-facteur"))
            || (kind == Kind::Registration && self.url.path().starts_with("/register"));
        let in_body = self.body.contains(secret) && !has_it_by_right;
        let in_headers = self
            .headers
            .iter()
            .any(|(name, value)| !allowed(name.as_str()) && String::from_utf8_lossy(value.as_bytes()).contains(secret));
        in_body || in_headers
    }
}
