//! The rows of the authorization table that are decided by the request alone.

use ErrorCode::{
    InvalidRequest, RegistrationNotSupported, RequestNotSupported, RequestUriNotSupported, UnsupportedResponseType,
};

use super::*;

const KNOWN: &[&str] = &["openid", "profile", "email", "siret"];
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client(extra: serde_json::Value) -> Client {
    let mut client = serde_json::json!({
        "id": "c", "name": "C", "redirect_uris": ["https://rp.example/cb"], "auth_methods": ["client_secret_basic"],
        "scopes": ["openid", "profile", "email", "phone"], "sector": "rp.example",
    });
    client
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    serde_json::from_value(client).unwrap()
}

fn check_for(client: &Client, query: &str) -> Result<AuthorizationRequest, OAuthError> {
    let params = Params::parse(format!("redirect_uri=https://rp.example/cb&{query}").as_bytes()).unwrap();
    let return_to = ReturnTo::verify(&params, client).unwrap();
    check(&params, client, return_to, KNOWN)
}

/// A valid request and `extra`, from a confidential client that asks for nothing special.
fn with(extra: &str) -> Result<AuthorizationRequest, OAuthError> {
    check_for(
        &client(serde_json::json!({})),
        &format!("response_type=code&scope=openid&{extra}"),
    )
}

#[test]
fn what_is_wrong_is_answered_with_its_own_code() {
    for (extra, code) in [
        ("prompt=none+login", InvalidRequest),
        ("prompt=consent+none", InvalidRequest),
        ("prompt=create", InvalidRequest),
        ("prompt=LOGIN", InvalidRequest),
        ("prompt=login%09consent", InvalidRequest),
        ("max_age=-1", InvalidRequest),
        ("max_age=%2B1", InvalidRequest),
        ("max_age=1.5", InvalidRequest),
        ("max_age=abc", InvalidRequest),
        ("max_age=%D9%A1", InvalidRequest),
        ("claims=%7B", InvalidRequest),
        ("claims=[]", InvalidRequest),
        ("code_challenge_method=S256", InvalidRequest),
        (&format!("code_challenge={CHALLENGE}"), InvalidRequest),
        (
            &format!("code_challenge={CHALLENGE}&code_challenge_method=plain"),
            InvalidRequest,
        ),
        ("code_challenge=short&code_challenge_method=S256", InvalidRequest),
        ("response_mode=form_post.jwt", InvalidRequest),
        ("response_mode=QUERY", InvalidRequest),
        ("request=x", RequestNotSupported),
        ("request_uri=https://rp.example/r", RequestUriNotSupported),
        ("request=x&request_uri=https://rp.example/r", InvalidRequest),
        ("registration=%7B%7D", RegistrationNotSupported),
        ("nonce=a&nonce=a", InvalidRequest),
        ("unknown=a&unknown=b", InvalidRequest),
        ("state=a&state=b", InvalidRequest),
        (&format!("state={}", "a".repeat(2049)), InvalidRequest),
        (&format!("nonce={}", "a".repeat(2049)), InvalidRequest),
    ] {
        assert_eq!(with(extra).unwrap_err().code, code, "{extra:.80}");
    }
}

#[test]
fn response_type_is_code() {
    let client = client(serde_json::json!({}));
    for (query, code) in [
        ("scope=openid", InvalidRequest),
        ("scope=openid&response_type=", InvalidRequest),
        ("scope=openid&response_type=token", UnsupportedResponseType),
        ("scope=openid&response_type=code+id_token", UnsupportedResponseType),
        ("scope=openid&response_type=Code", UnsupportedResponseType),
    ] {
        assert_eq!(check_for(&client, query).unwrap_err().code, code, "{query}");
    }
}

#[test]
fn what_is_unknown_or_optional_is_never_an_error() {
    for extra in [
        "unknown=1",
        "display=popup",
        "display=nonsense",
        "ui_locales=xx-nonsense+fr",
        "claims_locales=fr",
        "acr_values=eidas3+nonsense",
        "login_hint=%01%E2%80%AE",
        "id_token_hint=garbage",
        "sp_name=Service&sp_id=1&siret_hint=13002526500013",
        "resource=a&resource=b",
        "response_mode=query",
        "response_mode=fragment",
        "response_mode=form_post",
        "response_mode=",
        "prompt=",
        "max_age=",
        "request=",
        "claims=%7B%22verified_claims%22:1%7D",
    ] {
        assert!(with(extra).is_ok(), "{extra}");
    }
}

#[test]
fn scopes_beyond_registration_or_unknown_here_are_dropped() {
    let scope = |query: &str| {
        let request = check_for(&client(serde_json::json!({})), &format!("response_type=code&{query}"))?;
        Ok::<_, OAuthError>(request.scope.into_iter().collect::<Vec<_>>())
    };
    // `siret` is not registered for the client, `phone` not known here, the others neither.
    let wide = "scope=email+phone+siret+offline_access+nonsense++openid+email";
    assert_eq!(scope(wide).unwrap(), ["email", "openid"]);
    assert_eq!(scope("scope=openid").unwrap(), ["openid"]);
    for bad in [
        "",
        "scope=",
        "scope=email",
        "scope=OPENID",
        "scope=openid%09email",
        "scope=openid,email",
    ] {
        assert_eq!(scope(bad).unwrap_err().code, InvalidRequest, "{bad}");
    }
    let unregistered = client(serde_json::json!({"scopes": []}));
    let request = check_for(&unregistered, "response_type=code&scope=openid+email").unwrap();
    assert_eq!(request.scope, BTreeSet::from(["openid".to_owned()]));
}

#[test]
fn prompts_are_read_in_any_order_and_number() {
    assert_eq!(with("").unwrap().prompt, BTreeSet::new());
    for (extra, prompts) in [
        ("prompt=none", &[Prompt::None][..]),
        ("prompt=none+none", &[Prompt::None]),
        (
            "prompt=select_account+login++consent",
            &[Prompt::Login, Prompt::Consent, Prompt::SelectAccount],
        ),
    ] {
        assert_eq!(
            with(extra).unwrap().prompt,
            prompts.iter().copied().collect(),
            "{extra}"
        );
    }
}

#[test]
fn max_age_and_the_need_of_auth_time_come_from_the_request_or_the_client() {
    let default = client(serde_json::json!({"default_max_age": 60}));
    let always = client(serde_json::json!({"require_auth_time": true}));
    let plain = client(serde_json::json!({}));
    let claims = r#"claims={"id_token":{"auth_time":{"essential":true}}}"#;
    let voluntary = r#"claims={"id_token":{"auth_time":null}}"#;
    for (client, extra, max_age, requires_auth_time) in [
        (&plain, "", None, false),
        (&plain, "max_age=0", Some(0), false),
        (&plain, "max_age=10000", Some(10_000), false),
        (&plain, "max_age=99999999999999999999", Some(u32::MAX), false),
        (&default, "", Some(60), false),
        (&default, "max_age=5", Some(5), false),
        (&always, "", None, true),
        (&plain, claims, None, true),
        (&plain, voluntary, None, false),
    ] {
        let request = check_for(client, &format!("response_type=code&scope=openid&{extra}")).unwrap();
        assert_eq!(
            (request.max_age, request.requires_auth_time),
            (max_age, requires_auth_time),
            "{extra}"
        );
    }
}

#[test]
fn pkce_is_required_of_public_clients_and_where_the_client_says_so() {
    let public = client(serde_json::json!({"auth_methods": ["none"]}));
    let strict = client(serde_json::json!({"require_pkce": true}));
    let plain = client(serde_json::json!({}));
    let query = "response_type=code&scope=openid";
    let challenged = format!("{query}&code_challenge={CHALLENGE}&code_challenge_method=S256");
    for (client, required) in [(&public, true), (&strict, true), (&plain, false)] {
        assert_eq!(check_for(client, query).is_err(), required);
        let challenge = check_for(client, &challenged).unwrap().code_challenge;
        assert_eq!(challenge.as_deref(), Some(CHALLENGE));
    }
}

#[test]
fn values_are_kept_within_their_bounds() {
    // FAPI's suite sends up to 384 characters.
    let long = "a".repeat(384);
    let request = with(&format!("nonce={long}&state={long}&login_hint=jean%40beta.gouv.fr")).unwrap();
    assert_eq!(request.nonce.as_deref(), Some(long.as_str()));
    assert!(format!("{:?}", request.return_to.with_code("c", "https://us.fr")).contains(&long));
    assert_eq!(request.login_hint.as_deref(), Some("jean@beta.gouv.fr"));
    assert_eq!(
        with(&format!("login_hint={}", "a".repeat(256))).unwrap().login_hint,
        None
    );
    let locales = with(&format!("ui_locales=fr+en{}", "+de".repeat(50)))
        .unwrap()
        .ui_locales;
    assert_eq!(locales.len(), 10);
    assert_eq!(locales[..2], ["fr", "en"]);
}

#[test]
fn what_is_forgotten_changes_nothing() {
    let client = client(serde_json::json!({}));
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let query = format!(
        "client_id=rp&redirect_uri=https://rp.example/cb&response_type=code&response_mode=query&scope=openid+email&state=s\
         &nonce=n&code_challenge={challenge}&code_challenge_method=S256&prompt=login&max_age=9&login_hint=l\
         &id_token_hint=h&ui_locales=en+fr&claims=%7B%22userinfo%22:%7B%22name%22:null%7D%7D&acr_values=a&x=y"
    );
    let mut params = Params::parse(query.as_bytes()).unwrap();
    let checked = |params: &Params| check(params, &client, ReturnTo::verify(params, &client).unwrap(), KNOWN).unwrap();
    let before = checked(&params);
    forget_unread(&mut params);
    assert_eq!(checked(&params), before);
    assert_eq!(
        (params.get("client_id"), params.get("x"), params.get("acr_values")),
        (Some("rp"), None, None)
    );
    assert!(params.encode().len() < query.len());
}
