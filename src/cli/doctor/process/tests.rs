use super::*;
use crate::cli::doctor::finding::Outcome::{Failed, Ok as Fine, Warning};

fn key(alg: &'static str, state: KeyState, active_from: i64) -> KeyInfo {
    KeyInfo {
        kid: format!("{alg}-{active_from}"),
        alg,
        state,
        created_at: active_from,
        active_from,
        retired_at: None,
    }
}

#[test]
fn every_algorithm_has_a_key_that_signs_and_the_next_is_not_late() {
    let day = 24 * 3600;
    let all = ["RS256", "ES256", "PS256", "EdDSA"].map(|alg| key(alg, KeyState::Active, 0));
    let mut with_next = all.to_vec();
    with_next.extend(["RS256", "ES256", "PS256", "EdDSA"].map(|alg| key(alg, KeyState::Next, 90 * day)));
    let period = Some(90 * day);
    for (keys, rotation, now, expected, word) in [
        (&all[..], period, day, Fine, "1970-04-01"),
        (&all[..], period, 91 * day, Fine, "1970-04-01"),
        (&all[..], period, 91 * day + 1, Warning, "does `serve` run?"),
        (&all[..], None, 999 * day, Fine, "by command"),
        (&with_next[..], period, 95 * day, Fine, "published"),
        (&all[..3], period, day, Failed, "EdDSA"),
        (&all[..0], period, day, Warning, "first start"),
    ] {
        let (outcome, message) = super::keys(keys, rotation, now);
        assert_eq!(outcome, expected, "{message}");
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

#[test]
fn a_proxy_that_spoils_cookies_pages_or_addresses_is_found_out() {
    let good = "__Host-tchap-connect-lang=fr; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly; Secure";
    for (is_https, cookie, expected) in [
        (true, Some(good.to_owned()), Fine),
        (true, Some(good.replace("; Secure", "")), Failed),
        (true, Some(good.replace("; HttpOnly", "")), Failed),
        (true, Some(good.replace("__Host-", "")), Failed),
        (true, Some(good.replace("Path=/;", "Path=/sso;")), Failed),
        (true, Some(format!("{good}; Domain=gouv.fr")), Failed),
        (true, Some("proxy=1; Secure".to_owned()), Failed),
        (true, None, Failed),
        (false, None, Fine),
    ] {
        let cookies: Vec<_> = cookie.into_iter().collect();
        assert_eq!(super::cookies(is_https, &cookies).0, expected, "{cookies:?}");
    }
    let document = |status, issuer: Option<&str>, hsts| {
        Ok(OwnDocument {
            status,
            issuer: issuer.map(str::to_owned),
            hsts,
        })
    };
    for (seen, expected) in [
        (document(200, Some("https://a.fr"), true), Fine),
        (document(200, Some("https://a.fr"), false), Warning),
        (document(200, Some("https://a.fr/"), true), Failed),
        (document(503, Some("https://a.fr"), true), Failed),
        (document(404, None, true), Failed),
        (Err(EgressError::Connect), Warning),
    ] {
        assert_eq!(issuer("https://a.fr", &seen).0, expected, "{seen:?}");
    }
    assert_eq!(
        issuer("http://[::1]", &document(200, Some("http://[::1]"), false)).0,
        Fine
    );
    for (status, expected) in [
        (Err(EgressError::Redirected), Fine),
        (Err(EgressError::Connect), Fine),
        (Ok(403), Fine),
        (Ok(200), Warning),
    ] {
        assert_eq!(plain_http(&status).0, expected, "{status:?}");
    }
    let (outcome, message) = proxies(&["10.0.0.5/32".parse().unwrap()]);
    assert!(outcome == Fine && message.contains("10.0.0.5/32 only"), "{message}");
    assert_eq!(proxies(&[]).0, Fine);
}

#[test]
fn the_rest_of_the_process() {
    assert_eq!(mode(Mode::Production).0, Fine);
    assert_eq!(mode(Mode::Development).0, Warning);
    assert_eq!(migrations(0, Mode::Production).0, Fine);
    assert_eq!(migrations(1, Mode::Production).0, Failed);
    assert_eq!(migrations(1, Mode::Development).0, Warning);
    let day = 24 * 3600;
    for (end, expected, word) in [
        (Some(15 * day), Fine, "until 1970-01-16"),
        (Some(14 * day), Warning, "in 14 days"),
        (Some(1), Warning, "in 0 days"),
        (Some(0), Failed, "nobody"),
        (None, Warning, "cannot be read"),
    ] {
        let (outcome, message) = certificate(end, 0);
        assert!(outcome == expected && message.contains(word), "{end:?} {message}");
    }
    let gib = 1024 * 1024 * 1024;
    for (free, database, expected) in [
        (gib, gib, Fine),
        (gib, gib + 1, Warning),
        (gib - 1, 0, Warning),
        (100 * 1024 * 1024 - 1, 0, Failed),
    ] {
        assert_eq!(disk(free, database).0, expected, "{free} {database}");
    }
    assert_eq!(fetch_rules(true, &[], 0).0, Fine);
    assert_eq!(fetch_rules(true, &[], 2).0, Fine);
    assert_eq!(fetch_rules(true, &["a.fr:443".to_owned()], 2).0, Warning);
    assert_eq!(fetch_rules(false, &[], 0).0, Failed);
}
