use super::*;
use std::os::unix::fs::PermissionsExt as _;

const KEY: &str = "TCHAP_CONNECT_SEALING_KEY";

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn hex_key() -> String {
    "00".repeat(32)
}

/// A production file without problems, given a key in the environment.
const PRODUCTION: &str = r#"
    issuer = "https://connect.example.gouv.fr"
    trusted_proxies = ["10.0.0.5"]
    database.url = "postgres://tchap:hush-hush@db/tchap"
"#;

fn problems(file: &str, vars: &[(&str, &str)]) -> Vec<(String, String, String)> {
    let result = Config::parse(Some(("t.toml", file)), env(vars));
    let problems = result.expect_err("this configuration has problems").0;
    problems
        .into_iter()
        .map(|problem| (problem.key, problem.source, problem.message))
        .collect()
}

#[test]
fn production_needs_an_issuer_a_database_a_key_and_its_proxies() {
    let found = problems("", &[]);
    let keys: Vec<_> = found
        .iter()
        .map(|(key, source, _)| (key.as_str(), source.as_str()))
        .collect();
    let missing = ["issuer", "trusted_proxies", "database.url", "sealing_key_file"];
    assert_eq!(keys, missing.map(|key| (key, "missing")));

    let config = Config::parse(Some(("t.toml", PRODUCTION)), env(&[(KEY, &hex_key())])).unwrap();
    assert_eq!(config.mode, Mode::Production);
    assert!(config.assumptions.is_empty());
    assert_eq!(config.lifetimes.code, 60);
    assert_eq!(config.lifetimes.consent, 31_536_000);
    assert!(config.is_https());
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let file = r#"
        isuer = "https://a.fr"
        issuer = "http://a.fr"
        listen = 8080
        trusted_proxies = ["everybody", "0.0.0.0/0"]
        sealing_key = "0000"
        [database]
        url = "mysql://a"
        max_connections = 0
        [lifetimes]
        code = 601
        flow = "soon"
        [log]
        format = "xml"
        filter = "tchap=[["
        [links]
        legal = "/legal"
        [theme]
        dsfr_dir = "/nonexistent"
        [upstream]
        ca_file = "/nonexistent"
    "#;
    let vars = [
        ("TCHAP_CONNECT_LIFETIMES_SESSION", "12h"),
        ("TCHAP_CONNECT_LIFETIME_CODE", "60"),
        ("OTHER_PROGRAM", "whatever"),
    ];
    let found = problems(file, &vars);
    let places: Vec<_> = found
        .iter()
        .map(|(key, source, _)| (key.as_str(), source.as_str()))
        .collect();
    let file = "t.toml";
    let expected = [
        ("listen", file),
        ("issuer", file),
        ("trusted_proxies", file),
        ("database.url", file),
        ("database.max_connections", file),
        ("sealing_key", file),
        ("sealing_key", file),
        ("lifetimes.code", file),
        ("lifetimes.flow", file),
        ("lifetimes.session", "TCHAP_CONNECT_LIFETIMES_SESSION"),
        ("upstream.ca_file", file),
        ("theme.dsfr_dir", file),
        ("links.legal", file),
        ("log.format", file),
        ("log.filter", file),
        ("isuer", file),
        ("TCHAP_CONNECT_LIFETIME_CODE", "environment"),
    ];
    assert_eq!(places, expected);
    assert_eq!(found[15].2, "unknown key; did you mean issuer?");
    assert_eq!(
        found[16].2,
        "unknown variable; did you mean TCHAP_CONNECT_LIFETIMES_CODE?"
    );
}

#[test]
fn an_attempt_fits_into_a_flow_and_a_flow_into_a_session() {
    let keys = |lifetimes: &str| -> Vec<String> {
        let file = format!("{PRODUCTION}\n[lifetimes]\n{lifetimes}");
        let found = problems(&file, &[(KEY, &hex_key())]);
        found.into_iter().map(|(key, ..)| key).collect()
    };
    assert_eq!(keys("flow = 900\nlogin_attempt = 901"), ["lifetimes.login_attempt"]);
    assert_eq!(keys("flow = 900\nsession = 899"), ["lifetimes.session"]);
    assert_eq!(
        keys("unconfirmed = 7200\n[watch]\nperiod = 3601"),
        ["lifetimes.unconfirmed"]
    );
    assert_eq!(keys("session = 1799"), ["lifetimes.session"]);
    let fitting = format!("{PRODUCTION}\n[lifetimes]\nlogin_attempt = 900\nflow = 900\nsession = 900");
    assert!(Config::parse(Some(("t.toml", &fitting)), env(&[(KEY, &hex_key())])).is_ok());
}

#[test]
fn an_issuer_is_a_bare_origin() {
    let table = [
        ("https://a.fr", Mode::Production, None),
        ("https://a.fr:8443", Mode::Production, None),
        ("http://127.0.0.1:8080", Mode::Development, None),
        ("http://[::1]:8080", Mode::Development, None),
        ("http://localhost", Mode::Development, None),
        ("https://a.fr/", Mode::Production, Some("write \"https://a.fr\"")),
        ("https://A.fr", Mode::Production, Some("write \"https://a.fr\"")),
        ("https://a.fr:443", Mode::Production, Some("write \"https://a.fr\"")),
        (
            "https://a.fr/oidc?x#y",
            Mode::Production,
            Some("write \"https://a.fr\""),
        ),
        ("https://me@a.fr", Mode::Production, Some("write \"https://a.fr\"")),
        (
            "http://127.0.0.1:8080",
            Mode::Production,
            Some("production needs https"),
        ),
        ("http://a.fr", Mode::Development, Some("use https")),
        ("a.fr", Mode::Production, Some("expected an origin")),
        ("ftp://a.fr", Mode::Production, Some("expected an origin")),
    ];
    for (text, mode, expected) in table {
        match (checks::issuer(text, mode), expected) {
            (Ok(issuer), None) => assert_eq!(issuer, text),
            (Err(message), Some(part)) => assert!(message.contains(part), "{text}: {message}"),
            (result, expected) => panic!("{text} {mode:?}: {result:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn the_environment_wins_and_an_empty_variable_is_absent() {
    let vars = [
        (KEY, &*hex_key()),
        ("TCHAP_CONNECT_ISSUER", "https://b.fr"),
        ("TCHAP_CONNECT_LISTEN", ""),
        ("TCHAP_CONNECT_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8"),
        ("TCHAP_CONNECT_LIFETIMES_CODE", "30"),
    ];
    let file = format!("{PRODUCTION}\nlifetimes.code = 60\nlisten = \"127.0.0.1:9000\"");
    let config = Config::parse(Some(("t.toml", &file)), env(&vars)).unwrap();
    assert_eq!(config.issuer, "https://b.fr");
    assert_eq!(config.listen.port(), 9000);
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.lifetimes.code, 30);
    let source = |key| {
        let setting = config.settings.iter().find(|setting| setting.key == key);
        setting.map(|setting| setting.source.as_str())
    };
    assert_eq!(source("issuer"), Some("TCHAP_CONNECT_ISSUER"));
    assert_eq!(source("listen"), Some("t.toml"));
    assert_eq!(source("lifetimes.flow"), Some("default"));
}

#[test]
fn nothing_at_all_is_development_and_everything_assumed_is_said() {
    let config = Config::parse(None, env(&[])).unwrap();
    assert_eq!(config.mode, Mode::Development);
    assert_eq!(config.issuer, "http://127.0.0.1:8080");
    assert_eq!(config.database.url.expose(), "sqlite:tchap-connect.db");
    assert_eq!(config.assumptions.len(), 3);
    for part in ["http://127.0.0.1:8080", "tchap-connect.db", "tchap-connect.key"] {
        assert!(config.assumptions.iter().any(|text| text.contains(part)), "{part}");
    }
    // Any sign of a deployment is production.
    assert!(Config::parse(None, env(&[("TCHAP_CONNECT_ISSUER", "https://a.fr")])).is_err());
    assert!(Config::parse(Some(("t.toml", "issuer = \"http://127.0.0.1:8080\"")), env(&[])).is_err());
    // An http issuer is none, and the key lies beside the database.
    let vars = [
        ("TCHAP_CONNECT_ISSUER", "http://127.0.0.1:9000"),
        ("TCHAP_CONNECT_DATABASE_URL", "sqlite:data/x.db"),
    ];
    let config = Config::parse(None, env(&vars)).unwrap();
    assert_eq!(config.mode, Mode::Development);
    assert_eq!(config.setting("sealing_key_file").unwrap().value, "data/x.key");
    // What others can reach is not assumed to be called 127.0.0.1.
    let reachable = env(&[("TCHAP_CONNECT_LISTEN", "0.0.0.0:8080")]);
    assert_eq!(Config::parse(None, reachable).unwrap_err().0[0].key, "issuer");
}

#[test]
fn no_secret_is_ever_printed() {
    let key = "5ec4e7".repeat(10) + "abcd";
    let config = Config::parse(Some(("t.toml", PRODUCTION)), env(&[(KEY, &key)])).unwrap();
    let printed = format!("{config:?}");
    assert!(!printed.contains("hush-hush") && !printed.contains(&key), "{printed}");
    assert!(printed.contains("postgres://tchap:redacted@db/tchap"), "{printed}");

    let broken = "database.url = \"postgres://u:hush-hush@h/d";
    let wrong = [
        (broken, key.as_str()),
        ("database.url = \"mysql://u:hush-hush@h\"", "5ec4e7"),
    ];
    for (file, key) in wrong {
        let text = format!("{:?}", problems(file, &[(KEY, key)]));
        assert!(!text.contains("hush-hush") && !text.contains("5ec4e7"), "{text}");
    }
}

#[test]
fn a_key_file_is_a_key_and_not_for_everybody() {
    let directory = std::env::temp_dir().join(format!("tchap-connect-{}", crate::secret::random_id().unwrap()));
    std::fs::create_dir(&directory).unwrap();
    let path = directory.join("sealing.key");
    let given = [("TCHAP_CONNECT_SEALING_KEY_FILE", path.to_str().unwrap())];
    let message = |vars: &[(&str, &str)]| problems(PRODUCTION, vars)[0].2.clone();

    assert!(message(&given).contains("cannot be used"));
    std::fs::write(&path, "short").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(message(&given).contains("32 bytes"));
    std::fs::write(&path, hex_key() + "\n").unwrap();
    let config = Config::parse(Some(("t.toml", PRODUCTION)), env(&given)).unwrap();
    assert!(config.read_sealing_key().is_ok());
    assert!(message(&[given[0], (KEY, &hex_key())]).contains("keep one of the two"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(message(&given).contains("chmod 600"));
    assert!(config.read_sealing_key().is_err());
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn development_makes_its_key_once_and_production_never() {
    let directory = std::env::temp_dir().join(format!("tchap-connect-{}", crate::secret::random_id().unwrap()));
    std::fs::create_dir(&directory).unwrap();
    let path = directory.join("new.key");
    let vars = env(&[("TCHAP_CONNECT_SEALING_KEY_FILE", path.to_str().unwrap())]);
    assert!(Config::parse(Some(("t.toml", PRODUCTION)), vars.clone()).is_err());
    let config = Config::parse(None, vars).unwrap();
    let first = config.read_sealing_key().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(config.read_sealing_key().unwrap().fingerprint(), first.fingerprint());
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn listed_servers_are_written_as_in_an_address() {
    let allow = |text: &str| {
        let vars = [("TCHAP_CONNECT_FETCH_ALLOW", text)];
        Config::parse(None, env(&vars)).map(|config| config.fetch.allow)
    };
    let listed = allow("127.0.0.1:8443, [::1]:1,client.internal:443").unwrap();
    let expected = [("127.0.0.1", 8443), ("[::1]", 1), ("client.internal", 443)];
    assert_eq!(listed, expected.map(|(host, port)| (host.to_owned(), port)));
    for bad in [
        "127.0.0.1",
        "client.internal",
        "https://client.internal:443",
        "client.internal:443/",
        "0x7f.1:443",
        "127.1:80",
        "Client.internal:443",
        "a@client.internal:443",
        "client.internal:0443",
        "client.internal:99999",
        "*:443",
        ":443",
    ] {
        assert!(allow(bad).is_err(), "{bad}");
    }
}

/// The example with the comment marks of its settings taken away.
fn uncommented_example() -> String {
    let is_setting = |rest: &str| {
        let key = rest.split(" = ").next().unwrap_or_default();
        rest.contains(" = ") && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let example = include_str!("../../config.example.toml");
    let lines = example.lines().map(|line| match line.strip_prefix("# ") {
        // Two database URLs are shown; only one can be in effect.
        Some(rest) if rest.starts_with("url = \"postgres") => "",
        Some(rest) if is_setting(rest) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_parses_as_it_is_and_with_every_setting_uncommented() {
    let example = include_str!("../../config.example.toml");
    let vars = env(&[
        ("TCHAP_CONNECT_ISSUER", "https://a.fr"),
        ("TCHAP_CONNECT_TRUSTED_PROXIES", "127.0.0.1"),
        ("TCHAP_CONNECT_DATABASE_URL", "sqlite:a.db"),
        (KEY, &hex_key()),
    ]);
    let config = Config::parse(Some(("example", example)), vars).unwrap();

    // Files that this machine does not have are the only thing that may be wrong with the uncommented example.
    let text = uncommented_example();
    let found = problems(&text, &[]);
    let keys: Vec<_> = found.iter().map(|(key, ..)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "sealing_key_file",
            "tls.cert_file",
            "tls.key_file",
            "upstream.ca_file",
            "watch.tokens_dir",
            "fetch.ca_file",
            "metrics.token_file",
            "theme.dsfr_dir"
        ],
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .all(|(.., message)| message.contains("nonexistent") || message.contains('/'))
    );

    // And it shows every key there is, with its variable, and the true default.
    for name in reader_keys() {
        assert!(example.contains(&reader::variable(name)), "{name}");
        let table: toml::Table = text.parse().unwrap();
        let shown = name
            .split('.')
            .try_fold(toml::Value::Table(table), |value, part| value.get(part).cloned());
        assert!(
            shown.is_some() || name == "sealing_key",
            "{name} is not in config.example.toml"
        );
        let default = config
            .settings
            .iter()
            .find(|setting| setting.key == name && setting.source == "default");
        if let (Some(default), Some(toml::Value::Integer(shown))) = (default, shown) {
            assert_eq!(default.value, shown.to_string(), "{name}");
        }
    }
}

/// Every key the program reads, found by asking for it.
fn reader_keys() -> Vec<&'static str> {
    let vars = env(&[
        ("TCHAP_CONNECT_ISSUER", "https://a.fr"),
        ("TCHAP_CONNECT_TRUSTED_PROXIES", "127.0.0.1"),
        ("TCHAP_CONNECT_DATABASE_URL", "sqlite:a.db"),
        (KEY, &hex_key()),
    ]);
    let settings = Config::parse(None, vars).unwrap().settings;
    let absent = [
        "sealing_key_file",
        "tls.cert_file",
        "tls.key_file",
        "upstream.ca_file",
        "fetch.ca_file",
        "theme.dsfr_dir",
        "links.accessibility",
        "links.legal",
        "links.privacy",
    ];
    settings.into_iter().map(|setting| setting.key).chain(absent).collect()
}
