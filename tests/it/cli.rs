//! The command line as an operator meets it: the real binary over a database of its own in a directory of its own.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tchap_connect::secret;

mod admission;
mod apply;
mod audit;
mod doctor;
mod profiles;
mod registration_token;

/// A directory of one test, removed at its end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("tchap-connect-cli-{}", secret::random_id().unwrap()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, args: &[&str], vars: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tchap-connect"));
        command
            .args(args)
            .current_dir(&self.0)
            .env_clear()
            .envs(vars.iter().copied());
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        Done(self.command(args, &[]).output().unwrap())
    }

    /// Every administrative act, the oldest first: what was done to what; all from the command line.
    fn recorded(&self) -> Vec<String> {
        let export = self
            .run(&["audit", "export", "--class", "administrative"])
            .well()
            .stdout();
        let mut acts: Vec<_> = export
            .lines()
            .map(|line| {
                let act: Value = serde_json::from_str(line).unwrap();
                assert_eq!(act["actor"]["kind"], "command_line", "{act}");
                let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{act}")).to_owned();
                format!("{} {}", text(&act["action"]), text(&act["object"]["id"]))
            })
            .filter(|act| !act.starts_with("audit."))
            .collect();
        acts.reverse();
        acts
    }

    fn run_with(&self, args: &[&str], vars: &[(&str, &str)]) -> Done {
        Done(self.command(args, vars).output().unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A command that has ended.
struct Done(Output);

impl Done {
    fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    #[track_caller]
    fn well(self) -> Self {
        assert!(self.0.status.success(), "{}{}", self.stdout(), self.stderr());
        self
    }

    #[track_caller]
    fn badly(self) -> Self {
        assert_eq!(self.0.status.code(), Some(1), "{}{}", self.stdout(), self.stderr());
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout()).unwrap_or_else(|_| panic!("not JSON: {}{}", self.stdout(), self.stderr()))
    }
}

#[test]
fn a_clients_secret_is_shown_once_and_rotates() {
    let place = Place::new();
    place.run(&["migrate"]).well();
    let add = [
        "client",
        "add",
        "--name",
        "Mon service",
        "--redirect-uri",
        "http://127.0.0.1:8090/cb",
        "--json",
    ];
    let made = place.run(&add).well().json();
    let (id, secret) = (
        made["client_id"].as_str().unwrap(),
        made["client_secret"].as_str().unwrap(),
    );
    assert_eq!(secret.len(), 43);
    assert_eq!(
        made["discovery"],
        "http://127.0.0.1:8080/.well-known/openid-configuration"
    );
    assert_eq!(made["scopes"], json!(["openid"]));

    let shown = place.run(&["client", "show", id]).well();
    assert!(!shown.stdout().contains(secret) && shown.stdout().contains("WORKS UNTIL"));
    let bytes = fs::read(place.0.join("tchap-connect.db")).unwrap();
    assert!(
        !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
        "stored as a fingerprint only"
    );

    let rotated = place.run(&["client", "rotate-secret", id, "--json"]).well().json();
    assert_ne!(rotated["client_secret"], made["client_secret"]);
    let secrets = |place: &Place| place.run(&["client", "show", id, "--json"]).well().json()["secrets"].clone();
    let living = secrets(&place);
    let ends: Vec<_> = living
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["expires_at"].is_null())
        .collect();
    assert_eq!(
        ends.iter().filter(|open| **open).count(),
        1,
        "the former one has an end: {living}"
    );
    place.run(&["client", "rotate-secret", id, "--keep", "0"]).well();
    assert_eq!(
        secrets(&place).as_array().unwrap().len(),
        1,
        "with --keep 0 nothing former lives on"
    );

    let public = [
        "client",
        "add",
        "--name",
        "App",
        "--redirect-uri",
        "fr.example.app:/cb",
        "--public",
        "--native",
    ];
    let public = place
        .run(&[&public[..], &["--client-id", "app", "--json"]].concat())
        .well()
        .json();
    assert!(public.get("client_secret").is_none());
    place.run(&["client", "rotate-secret", "app"]).badly();
    place.run(&["client", "show", "nobody"]).badly();
    place.run(&[&add[..], &["--client-id", "app"]].concat()).badly();
    let wrong = [
        "client",
        "add",
        "--name",
        " ",
        "--redirect-uri",
        "http://a.fr/",
        "--scope",
        "email,phone",
    ];
    let wrong = place.run(&wrong).badly().stderr();
    for field in ["name: ", "redirect_uris[0]: ", "scopes[1]: "] {
        assert!(wrong.contains(field), "{wrong}");
    }
    place.run(&["client", "disable", "app"]).well();
    let list = place.run(&["client", "list"]).well().stdout();
    assert!(list.contains("disabled") && list.contains("confidential"), "{list}");
    let of = |action: &str, id: &str| format!("client.{action} {id}");
    assert_eq!(
        place.recorded(),
        [
            of("created", id),
            of("secret_added", id),
            of("secret_added", id),
            of("secret_added", id),
            of("created", "app"),
            of("disabled", "app"),
        ]
    );
}

#[test]
fn keys_rotate_at_leave_or_at_once() {
    let place = Place::new();
    place.run(&["migrate"]).well();
    let states = |args: &[&str]| {
        let list = place.run(args).well().json();
        let mut states: Vec<_> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["state"].as_str().unwrap().to_owned())
            .collect();
        states.sort();
        states
    };
    assert_eq!(states(&["keys", "list", "--json"]), ["active"; 4]);
    assert_eq!(
        states(&["keys", "rotate", "--json"]),
        [["active"; 4], ["next"; 4]].concat()
    );
    let signing = place.run(&["keys", "list", "--json"]).well().json()[0]["kid"].clone();
    let withdraw = ["keys", "withdraw", "--json", "--", signing.as_str().unwrap()];
    let refused = place.run(&withdraw).badly().stderr();
    assert!(refused.contains("keys rotate --now"), "{refused}");
    assert_eq!(
        states(&["keys", "rotate", "--now", "--json"]),
        [["active"; 4], ["retired"; 4], ["retired"; 4]].concat()
    );
    assert_eq!(states(&withdraw).len(), 11);
    let mode = fs::metadata(place.0.join("tchap-connect.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    place.write("tchap-connect.key", &"00".repeat(32));
    let refused = place.run(&["keys", "list"]).badly().stderr();
    assert!(refused.contains("not the sealing key of this database"), "{refused}");
}

#[test]
fn check_config_reports_everything_and_shows_no_secret() {
    let place = Place::new();
    place.write(
        "tchap-connect.toml",
        "listen = \"nowhere\"\n[database]\nurl = \"postgres://u:hush-hush@h/d\"\n",
    );
    let wrong = [
        ("TCHAP_CONNECT_SEALING_KEY", "hush-hush"),
        ("TCHAP_CONNECT_ISUER", "https://a.fr"),
    ];
    let refused = place.run_with(&["check-config"], &wrong).badly();
    for part in [
        "listen (tchap-connect.toml)",
        "issuer (missing)",
        "trusted_proxies (missing)",
        "5 problems",
    ] {
        assert!(
            (refused.stdout() + &refused.stderr()).contains(part),
            "{part}: {}",
            refused.stdout()
        );
    }
    assert!(
        refused.stdout().contains("did you mean TCHAP_CONNECT_ISSUER?"),
        "{}",
        refused.stdout()
    );
    let listed = place.run_with(&["check-config", "--json"], &wrong).badly().json();
    assert_eq!(listed["problems"].as_array().unwrap().len(), 5);

    let key = "0a".repeat(32);
    let right = [
        ("TCHAP_CONNECT_LISTEN", "127.0.0.1:9000"),
        ("TCHAP_CONNECT_SEALING_KEY", key.as_str()),
        ("TCHAP_CONNECT_ISSUER", "https://a.fr"),
        ("TCHAP_CONNECT_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    for args in [&["check-config"][..], &["check-config", "--json"]] {
        let shown = place.run_with(args, &right).well().stdout();
        assert!(shown.contains("postgres://u:redacted@h/d"), "{shown}");
        assert!(!shown.contains("hush") && !shown.contains(&key), "{shown}");
    }
    assert_eq!(place.run(&["no-such-command"]).0.status.code(), Some(2));
}

#[tokio::test]
async fn what_became_of_logout_tokens_is_shown() {
    let place = Place::new();
    place.run(&["migrate"]).well();
    let uri = "https://service.example/logout";
    place
        .run(&[
            "client",
            "add",
            "--client-id",
            "app",
            "--name",
            "App",
            "--redirect-uri",
            "https://service.example/cb",
            "--backchannel-logout-uri",
            uri,
            "--subject-type",
            "public",
        ])
        .well();
    let none = place.run(&["client", "logouts", "app"]).well();
    assert!(
        none.stderr().contains("no session of its agents has ended"),
        "{}",
        none.stderr()
    );
    place.run(&["client", "logouts", "nobody"]).badly();

    let url = format!("sqlite:{}", place.0.join("tchap-connect.db").display());
    let store = tchap_connect::store::Store::open(&url).await.unwrap();
    let now = 1_800_000_000;
    let agent = tchap_connect::domain::agent::Agent {
        id: "agent".into(),
        homeserver: "a.test".into(),
        matrix_id: "@a:a.test".into(),
        display_name: None,
        email: None,
        last_believed: None,
        at_issuer: None,
        locale: None,
        created_at: now,
        updated_at: now,
        closed_at: None,
        paused: None,
        checked_at: None,
    };
    store.insert_agent(&agent).await.unwrap();
    for (number, error) in [
        (0, None),
        (1, Some("the service answered 500")),
        (2, Some("no connection\u{1b}[2J")),
    ] {
        let id = format!("session{number}");
        let session = json!({"id": id, "agent_id": "agent", "way": "password", "auth_time": null, "created_at": now,
            "expires_at": now + 60});
        store
            .insert_browser_session(&serde_json::from_value(session).unwrap())
            .await
            .unwrap();
        crate::store::join(&store, &id, "app").await;
        store.end_browser_session(&id, now + number).await.unwrap();
        let mut taken = store
            .consume_due_logouts(now + number, now + 60, 1)
            .await
            .unwrap()
            .remove(0);
        taken.last_error = error.map(str::to_owned);
        taken.delivered_at = error.is_none().then_some(now);
        taken.next_attempt_at = (number == 1).then_some(now + 20);
        store.update_logout_delivery(&taken).await.unwrap();
    }
    store.close().await;
    let shown = place.run(&["client", "logouts", "app"]).well().stdout();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 4, "{shown}");
    assert!(
        lines[1].contains("session2-app") && lines[1].contains("given up") && !lines[1].contains('\u{1b}'),
        "{shown}"
    );
    assert!(
        lines[2].contains("again 2027-01-15T08:00:20Z") && lines[2].contains("answered 500"),
        "{shown}"
    );
    assert!(
        lines[3].contains("session0-app") && lines[3].contains("delivered 2027-01-15T08:00:00Z"),
        "{shown}"
    );
    let json = place.run(&["client", "logouts", "app", "--json"]).well().json();
    assert_eq!(
        (&json[1]["attempts"], &json[1]["last_error"], &json[1]["delivered_at"]),
        (&json!(1), &json!("the service answered 500"), &Value::Null)
    );
}

#[test]
fn production_never_changes_tables_unasked_and_no_command_makes_an_empty_database() {
    let place = Place::new();
    let missing = place.run(&["client", "list"]).badly().stderr();
    assert!(missing.contains("there is no database"), "{missing}");
    assert_eq!(fs::read_dir(&place.0).unwrap().count(), 0);

    let key = "0a".repeat(32);
    let production = [
        ("TCHAP_CONNECT_ISSUER", "https://a.fr"),
        ("TCHAP_CONNECT_TRUSTED_PROXIES", "127.0.0.1"),
        ("TCHAP_CONNECT_SEALING_KEY", key.as_str()),
        ("TCHAP_CONNECT_DATABASE_URL", "sqlite:a.db"),
    ];
    let refused = place
        .run_with(&["serve", "--homeserver", "a.fr"], &production)
        .badly()
        .stderr();
    assert!(refused.contains("tchap-connect migrate"), "{refused}");
    place.run_with(&["migrate"], &production).well();
    let again = place.run_with(&["migrate", "--json"], &production).well().json();
    assert_eq!(again, json!({ "applied": 0 }));
    let file = place.write("apply.toml", apply::APPLY);
    let refused = place
        .run_with(&["apply", file.to_str().unwrap()], &production)
        .badly()
        .stdout();
    assert!(refused.contains("clients[0].secret: is for development"), "{refused}");
}

/// A server that was started, killed if the test ends before it does.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts `serve` on a port of the system's choice and reads its log until it listens; answers the address.
fn serve<S: AsRef<OsStr>>(place: &Path, args: &[S]) -> (Server, BufReader<std::process::ChildStderr>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tchap-connect"));
    command.arg("serve").args(args).current_dir(place).env_clear();
    command.envs([
        ("TCHAP_CONNECT_LISTEN", "127.0.0.1:0"),
        ("TCHAP_CONNECT_ISSUER", "http://127.0.0.1:8080"),
        ("TCHAP_CONNECT_LOG_FORMAT", "json"),
    ]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let server = Server(child);
    loop {
        let mut line = String::new();
        assert_ne!(
            log.read_line(&mut line).unwrap(),
            0,
            "the server ended before it listened"
        );
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("with JSON logs, only JSON: {line}"));
        if event["message"] == "Listening" {
            return (server, log, event);
        }
    }
}

#[test]
fn with_nothing_but_a_homeserver_it_serves_and_stops_in_good_order() {
    let place = Place::new();
    place.run(&["serve"]).badly();
    let (mut server, mut log, event) = serve(&place.0, &["--homeserver", "hs.test=http://127.0.0.1:8008"]);
    assert_eq!(event["homeservers"], 1);
    let mut stream = TcpStream::connect(event["listen"].as_str().unwrap()).unwrap();
    stream
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let pid = server.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("\"Stopped\""), "{rest}");
    // The homeserver is remembered: the next start needs no argument.
    let (_server, _log, event) = serve::<&str>(&place.0, &[]);
    assert_eq!(event["homeservers"], 1);
}
