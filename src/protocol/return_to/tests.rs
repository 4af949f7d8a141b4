//! Redirect URI matching, as attacked elsewhere (threats: "redirect URI matching"), and what a response may carry.

use proptest::prelude::*;

use super::*;
use crate::protocol::error::ErrorCode;

fn client(redirect_uris: &[&str]) -> Client {
    serde_json::from_value(serde_json::json!({
        "id": "c", "name": "C", "redirect_uris": redirect_uris, "auth_methods": ["none"], "scopes": ["openid"],
        "sector": "s",
    }))
    .unwrap()
}

fn params(pairs: &[(&str, &str)]) -> Params {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    Params::parse(query.as_bytes()).unwrap()
}

fn accepts(registered: &str, requested: &str) -> bool {
    let verified = ReturnTo::verify(&params(&[("redirect_uri", requested)]), &client(&[registered]));
    verified.is_ok_and(|return_to| return_to.redirect_uri() == requested)
}

#[test]
fn only_the_registered_text_is_accepted() {
    let registered = "https://good.fr/cb";
    assert!(accepts(registered, registered));
    for requested in [
        "https://good.fr/cb/",
        "https://good.fr/cb?x=1",
        "https://good.fr/cb#x",
        "https://good.fr/cb#",
        "https://good.fr/cb/../cb",
        "https://good.fr/..;/cb",
        "https://good.fr/x/..;/cb",
        "https://good.fr/./cb",
        "https://good.fr//cb",
        "https://good.fr/%63b",
        "https://good.fr%2fcb",
        "https://good%2efr/cb",
        "https://good.fr./cb",
        "https://good.fr:443/cb",
        "https://good.fr:8443/cb",
        "https://GOOD.fr/cb",
        "HTTPS://good.fr/cb",
        "http://good.fr/cb",
        "https://good.fr@evil.fr/cb",
        "https://evil.fr@good.fr/cb",
        "https://@good.fr/cb",
        "https://good.fr:x@evil.fr/cb",
        "https://good.fr.evil.fr/cb",
        "https://evilgood.fr/cb",
        "https://goodxfr/cb",
        "https://good.fr\\@evil.fr/cb",
        "https:\\\\good.fr\\cb",
        "https:/good.fr/cb",
        "https:///good.fr/cb",
        "//good.fr/cb",
        "/cb",
        "cb",
        "https://good.fr/cb\t",
        "https://good.fr/c\tb",
        "https://good.fr/cb\n",
        "https://good.fr/cb\r\nLocation: https://evil.fr",
        " https://good.fr/cb",
        "https://good.fr/cb ",
        "https://good.fr/cb\u{1}",
        "https://gооd.fr/cb",
        "https://xn--god-1na.fr/cb",
        "https://good。fr/cb",
        "https://good.fr/CB",
        "javascript:alert(1)//https://good.fr/cb",
    ] {
        assert!(!accepts(registered, requested), "{requested:?}");
    }
}

#[test]
fn a_registered_query_is_part_of_the_text() {
    let registered = "https://good.fr/cb?a=1&b=2";
    assert!(accepts(registered, registered));
    for requested in [
        "https://good.fr/cb",
        "https://good.fr/cb?a=1",
        "https://good.fr/cb?b=2&a=1",
        "https://good.fr/cb?a=1&b=2&c=3",
    ] {
        assert!(!accepts(registered, requested), "{requested}");
    }
}

#[test]
fn a_loopback_address_may_have_any_port_and_nothing_else_may_differ() {
    for (registered, requested) in [
        ("http://127.0.0.1/cb", "http://127.0.0.1/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51234/cb"),
        ("http://127.0.0.1:3000/cb", "http://127.0.0.1:51234/cb"),
        ("http://127.0.0.1:3000/cb", "http://127.0.0.1/cb"),
        ("http://[::1]/cb?x=1", "http://[::1]:51234/cb?x=1"),
        ("http://localhost:3000/cb", "http://localhost:3000/cb"),
    ] {
        assert!(accepts(registered, requested), "{registered} {requested}");
    }
    for (registered, requested) in [
        ("http://127.0.0.1/cb", "http://[::1]:80/cb"),
        ("http://127.0.0.1/cb", "http://localhost:80/cb"),
        ("http://localhost/cb", "http://localhost:51234/cb"),
        ("http://localhost/cb", "http://127.0.0.1:51234/cb"),
        ("http://127.0.0.1/cb", "https://127.0.0.1:51234/cb"),
        ("https://127.0.0.1/cb", "https://127.0.0.1:51234/cb"),
        ("http://127.0.0.1/cb", "HTTP://127.0.0.1:51234/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.fr/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1@evil.fr/cb"),
        ("http://127.0.0.1/cb", "http://x@127.0.0.1:80/cb"),
        // Even if it had been registered, it is no loopback address.
        ("http://127.0.0.1@rp.fr/cb", "http://127.0.0.1:80@rp.fr/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1.evil.fr/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80.evil.fr/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80\\@evil.fr/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80#@evil.fr/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:-1/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:+1/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1:2/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb/"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb?x"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb#x"),
        ("http://127.0.0.1/cb", "http://127.0.0.2:1/cb"),
        ("http://127.0.0.1/cb", "http://127.1:1/cb"),
        ("http://127.0.0.1/cb", "http://2130706433:1/cb"),
        ("http://127.0.0.1/cb", "http://0x7f.0.0.1:1/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1\t:1/cb"),
        ("http://[::1]/cb", "http://[::1]evil.fr/cb"),
        ("http://[::1]/cb", "http://[::2]:1/cb"),
        ("http://[::1]/cb", "http://[0:0:0:0:0:0:0:1]:1/cb"),
        ("http://[::1]/cb", "http://[::ffff:127.0.0.1]:1/cb"),
    ] {
        assert!(!accepts(registered, requested), "{registered} {requested}");
    }
}

#[test]
fn a_missing_or_repeated_redirect_uri_is_unverified() {
    let client = client(&["https://good.fr/cb", "https://good.fr/other"]);
    for pairs in [
        &[][..],
        &[("redirect_uri", "")],
        &[
            ("redirect_uri", "https://good.fr/cb"),
            ("redirect_uri", "https://evil.fr/"),
        ],
        &[
            ("redirect_uri", "https://good.fr/cb"),
            ("redirect_uri", "https://good.fr/cb"),
        ],
    ] {
        assert_eq!(
            ReturnTo::verify(&params(pairs), &client),
            Err(UnverifiedRedirect),
            "{pairs:?}"
        );
    }
    assert!(ReturnTo::verify(&params(&[("redirect_uri", "https://good.fr/other")]), &client).is_ok());
}

fn redirect(response: AuthorizationResponse) -> String {
    match response {
        AuthorizationResponse::Redirect(url) => url,
        AuthorizationResponse::FormPost { .. } => panic!("{response:?}"),
    }
}

fn respond_in(mode: &str, redirect_uri: &str) -> AuthorizationResponse {
    let pairs = [("redirect_uri", redirect_uri), ("state", "s"), ("response_mode", mode)];
    let return_to = ReturnTo::verify(&params(&pairs), &client(&[redirect_uri])).unwrap();
    return_to.with_code("c0de", "https://us.fr")
}

#[test]
fn each_mode_puts_the_members_in_its_place() {
    assert_eq!(
        redirect(respond_in("fragment", "https://good.fr/cb?x=1")),
        "https://good.fr/cb?x=1#code=c0de&state=s&iss=https%3A%2F%2Fus.fr"
    );
    let members = [("code", "c0de"), ("state", "s"), ("iss", "https://us.fr")];
    assert_eq!(
        respond_in("form_post", "https://good.fr/cb?x=1"),
        AuthorizationResponse::FormPost {
            action: "https://good.fr/cb?x=1".to_owned(),
            members: members.map(|(name, value)| (name, value.to_owned())).to_vec(),
        }
    );
    // What is refused is refused where every client looks.
    let plain = "https://good.fr/cb?code=c0de&state=s&iss=https%3A%2F%2Fus.fr";
    assert_eq!(redirect(respond_in("cookie", "https://good.fr/cb")), plain);
    assert!(redirect(respond_in("form_post", "fr.gouv.app:/cb")).starts_with("fr.gouv.app:/cb?code"));
}

#[test]
fn a_response_adds_its_members_and_keeps_the_registered_query() {
    let respond = |redirect_uri: &str, state: &[&str]| {
        let mut pairs = vec![("redirect_uri", redirect_uri)];
        pairs.extend(state.iter().map(|state| ("state", *state)));
        let return_to = ReturnTo::verify(&params(&pairs), &client(&[redirect_uri])).unwrap();
        redirect(return_to.with_code("c0de", "https://us.fr"))
    };
    assert_eq!(
        respond("https://good.fr/cb", &["a b"]),
        "https://good.fr/cb?code=c0de&state=a+b&iss=https%3A%2F%2Fus.fr"
    );
    assert_eq!(
        respond("https://good.fr/cb?x=1", &[]),
        "https://good.fr/cb?x=1&code=c0de&iss=https%3A%2F%2Fus.fr"
    );
    assert_eq!(
        respond("fr.gouv.app:/cb", &[]),
        "fr.gouv.app:/cb?code=c0de&iss=https%3A%2F%2Fus.fr"
    );
    // A repeated state is none: which one would be the client's?
    assert!(!respond("https://good.fr/cb", &["a", "b"]).contains("state"));
}

#[test]
fn an_error_says_what_and_never_carries_a_code() {
    let pairs = [("redirect_uri", "https://good.fr/cb"), ("state", "s")];
    let return_to = ReturnTo::verify(&params(&pairs), &client(&["https://good.fr/cb"])).unwrap();
    let error = OAuthError::new(ErrorCode::AccessDenied, "the agent refused");
    assert_eq!(
        redirect(return_to.with_error(&error, "https://us.fr")),
        "https://good.fr/cb?error=access_denied&error_description=the+agent+refused&state=s&iss=https%3A%2F%2Fus.fr"
    );
    assert!(return_to.is_https());
}

proptest! {
    #[test]
    fn no_state_adds_a_member_or_leaves_the_query(state in "\\PC{1,40}|[&=#?\"'<>\r\n\t%+ ]{1,20}") {
        let pairs = [("redirect_uri", "https://good.fr/cb?x=1"), ("state", state.as_str())];
        let return_to = ReturnTo::verify(&params(&pairs), &client(&["https://good.fr/cb?x=1"])).unwrap();
        let url = redirect(return_to.with_code("c0de", "https://us.fr"));
        prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>#\\".contains(&byte)));
        let parsed = Url::parse(&url).unwrap();
        let members: Vec<(String, String)> = parsed.query_pairs().into_owned().collect();
        let expected = [("x", "1"), ("code", "c0de"), ("state", &state), ("iss", "https://us.fr")];
        prop_assert_eq!(members, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        prop_assert_eq!(parsed.host_str(), Some("good.fr"));
    }

    #[test]
    fn what_is_accepted_leads_where_the_registered_one_leads(tail in "[:0-9a-z@.#?/\\\\\\[\\]%\t-]{0,24}") {
        let requested = format!("http://127.0.0.1{tail}");
        if accepts("http://127.0.0.1/cb", &requested) {
            let parsed = Url::parse(&requested).unwrap();
            prop_assert_eq!((parsed.scheme(), parsed.host_str(), parsed.path()), ("http", Some("127.0.0.1"), "/cb"));
            prop_assert!(parsed.username().is_empty() && parsed.query().is_none() && parsed.fragment().is_none());
        }
    }
}

#[test]
fn https_loopback_http_and_dotted_private_schemes_can_be_registered() {
    for (uri, application) in [
        ("https://good.fr", ApplicationType::Web),
        ("https://good.fr/cb?x=1&y=2", ApplicationType::Web),
        ("https://good.fr/cb?coded=x&y=code", ApplicationType::Web),
        ("https://good.fr:8443/cb", ApplicationType::Web),
        ("https://xn--bcher-kva.fr/cb", ApplicationType::Web),
        ("http://localhost:3000/cb", ApplicationType::Web),
        ("http://127.0.0.1/cb", ApplicationType::Native),
        ("http://[::1]:3000/cb", ApplicationType::Native),
        ("fr.gouv.app:/cb", ApplicationType::Native),
        ("fr.gouv.app://cb/x", ApplicationType::Native),
    ] {
        assert_eq!(check_registrable(uri, application), Ok(()), "{uri}");
    }
}

#[test]
fn nothing_else_can_be_registered() {
    use RedirectUriError::{Http, Malformed, Response, Scheme};
    for (uri, error) in [
        ("", Malformed),
        ("/cb", Malformed),
        ("//good.fr/cb", Malformed),
        ("https://", Malformed),
        ("https:///good.fr/cb", Malformed),
        ("https:good.fr/cb", Malformed),
        ("https:\\\\good.fr\\cb", Malformed),
        ("https://good.fr/cb#", Malformed),
        ("https://good.fr/cb#x", Malformed),
        ("https://user@good.fr/cb", Malformed),
        ("https://:pw@good.fr/cb", Malformed),
        ("https://@good.fr/cb", Malformed),
        ("https://good.fr\\@evil.fr/cb", Malformed),
        ("https://good%2efr/cb", Malformed),
        ("https://good.fr./cb", Malformed),
        ("https://good.fr;sandbox/cb", Malformed),
        ("https://good.fr,evil.fr/cb", Malformed),
        ("https://*.good.fr/cb", Malformed),
        ("https://'self'/cb", Malformed),
        ("https://GOOD.fr/cb", Malformed),
        ("https://good.fr:443/cb", Malformed),
        ("https://bücher.fr/cb", Malformed),
        ("https://good.fr/a/../cb", Malformed),
        ("https://good.fr/a/%2e%2e/cb", Malformed),
        ("https://good.fr/c b", Malformed),
        ("https://good.fr/c\tb", Malformed),
        ("https://good.fr/cb\n", Malformed),
        ("https://good.fr/é", Malformed),
        ("https://good.fr/cb?code=x", Response),
        ("https://good.fr/cb?x=1&state", Response),
        ("https://good.fr/cb?iss=https://evil.fr", Response),
        ("https://good.fr/cb?error=x", Response),
        ("https://good.fr/cb?error_description=x", Response),
        ("https://good.fr/cb?%63ode=x", Response),
        ("fr.gouv.app:/cb?code=x", Response),
        ("http://good.fr/cb", Http),
        ("http://localhost.evil.fr/cb", Http),
        ("http://127.0.0.2/cb", Http),
        ("http://2130706433/cb", Malformed),
        ("http://localhost./cb", Malformed),
        ("javascript:alert(1)", Scheme),
        ("data:text/html,x", Scheme),
        ("file:///etc/passwd", Scheme),
        ("myapp:/cb", Scheme),
    ] {
        assert_eq!(check_registrable(uri, ApplicationType::Native), Err(error), "{uri:?}");
    }
    assert_eq!(check_registrable("fr.gouv.app:/cb", ApplicationType::Web), Err(Scheme));
}
