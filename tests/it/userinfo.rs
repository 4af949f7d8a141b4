//! UserInfo (Core §5.3, RFC 6750; protocol notes §4).

use http::Method;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::Value;
use tchap_connect::protocol::client::{Client, SigningAlg};

use crate::support::relying_party::part;
use crate::support::{Browser, EMAIL, Page, RelyingParty, TestApp};

async fn send(service: &RelyingParty, method: Method, headers: &[(&str, &str)], body: Option<&str>) -> Page {
    let mut request = service.http.request(method, &format!("{}/userinfo", service.issuer));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.to_owned());
    }
    service.http.send(request).await
}

#[tokio::test]
async fn the_token_comes_by_header_or_form_and_the_answer_is_the_same() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let tokens = service.tokens(&Browser::new(&app), &[]).await;
    let bearer = format!("Bearer {}", tokens.access_token);
    let lower = format!("bEARER {}", tokens.access_token);
    let form = format!("access_token={}", tokens.access_token);
    let expected = service.claims(&tokens).await;
    for (method, headers, body) in [
        (Method::GET, &[("authorization", &*bearer)][..], None),
        (Method::GET, &[("authorization", &*lower)], None),
        (Method::POST, &[("authorization", &*bearer)], None),
        (Method::POST, &[("authorization", &*bearer)], Some("")),
        (Method::POST, &[], Some(&*form)),
    ] {
        let answer = send(&service, method, headers, body).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, expected.clone()));
        assert_eq!(
            (answer.header("cache-control"), answer.header("content-type")),
            ("no-store", "application/json")
        );
    }
    assert_eq!(expected["email"], EMAIL);
    assert!(
        expected
            .as_object()
            .unwrap()
            .values()
            .all(|value| !value.is_null() && *value != "")
    );
}

#[tokio::test]
async fn without_a_token_the_challenge_is_bare() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    for (method, body) in [
        (Method::GET, None),
        (Method::POST, None),
        (Method::POST, Some("access_token=")),
    ] {
        let answer = send(&service, method, &[], body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("www-authenticate")),
            (401, "Bearer")
        );
    }
}

#[tokio::test]
async fn a_bad_token_is_invalid_token() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let tokens = service.tokens(&Browser::new(&app), &[]).await;
    let basic = service.basic();
    let no_space = format!("Bearer{}", tokens.access_token);
    for header in ["Bearer unknown", "Bearer ", "Bearer", &no_space, &basic, "DPoP x"] {
        let answer = send(&service, Method::GET, &[("authorization", header)], None).await;
        assert_eq!(answer.status, 401, "{header}");
        assert!(
            answer
                .header("www-authenticate")
                .starts_with("Bearer error=\"invalid_token\""),
            "{header}"
        );
    }
    app.advance(600);
    let late = service.userinfo(&tokens.access_token).await;
    assert_eq!(
        (late.status.as_u16(), &late.json()["error"]),
        (401, &"invalid_token".into()),
        "expired"
    );
}

#[tokio::test]
async fn a_token_in_the_query_is_refused() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let tokens = service.tokens(&Browser::new(&app), &[]).await;
    for method in [Method::GET, Method::POST] {
        let url = format!("{}/userinfo?access_token={}", app.base_url, tokens.access_token);
        let answer = service.http.send(service.http.request(method, &url)).await;
        assert_eq!(answer.status, 401);
    }
}

#[tokio::test]
async fn two_tokens_at_once_are_refused() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let tokens = service.tokens(&Browser::new(&app), &[]).await;
    let bearer = format!("Bearer {}", tokens.access_token);
    let form = format!("access_token={}", tokens.access_token);
    let twice = format!("{form}&{form}");
    for (headers, body) in [
        (&[("authorization", &*bearer)][..], &*form),
        (&[], &*twice),
        (&[("authorization", &*bearer), ("authorization", &*bearer)], ""),
    ] {
        let answer = send(&service, Method::POST, headers, Some(body)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (400, &"invalid_request".into())
        );
        assert!(
            answer
                .header("www-authenticate")
                .starts_with("Bearer error=\"invalid_request\""),
            "RFC 6750 §3: {:?}",
            answer.headers
        );
    }
}

#[tokio::test]
async fn framework_refusals_are_json() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let put = send(&service, Method::PUT, &[], None).await;
    assert_eq!(
        (put.status.as_u16(), &put.json()["error"]),
        (405, &"invalid_request".into())
    );
    let huge = format!("access_token={}", "x".repeat(70_000));
    let huge = send(&service, Method::POST, &[], Some(&huge)).await;
    assert_eq!(
        (huge.status.as_u16(), &huge.json()["error"]),
        (413, &"invalid_request".into())
    );
    let json = [("content-type", "application/json")];
    let json = send(&service, Method::POST, &json, None).await;
    assert_eq!(
        (json.status.as_u16(), &json.json()["error"]),
        (400, &"invalid_request".into())
    );
}

#[tokio::test]
async fn a_disabled_client_or_a_closed_agent_has_no_userinfo_any_more() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    let tokens = service.tokens(&Browser::new(&app), &[]).await;
    let mut disabled = service.client.clone();
    disabled.disabled = true;
    app.update(&disabled).await;
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
    app.update(&service.client).await;
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 200);
    let agent = app
        .app
        .store
        .find_open_agent(crate::support::NAME, crate::support::JEAN)
        .await
        .unwrap()
        .unwrap();
    app.app.store.close_agent(&agent.id, app.app.clock.now()).await.unwrap();
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
}

#[tokio::test]
async fn a_client_that_asked_for_it_gets_a_signed_answer() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let plain = app.relying_party("service").await;
    let expected = plain.claims(&plain.tokens(&browser, &[]).await).await;
    for alg in SigningAlg::ALL {
        let mut asking = Client {
            id_token_signed_response_alg: alg,
            ..plain.client.clone()
        };
        asking.algorithms.userinfo_signed_response_alg = Some(alg);
        let service = app.register(asking).await;
        let tokens = service.silently(&browser, &[]).await;
        let answer = service.userinfo(&tokens.access_token).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(
            (answer.header("cache-control"), answer.header("content-type")),
            ("no-store", "application/jwt")
        );
        let header = part(&answer.body, 0);
        assert_eq!((&header["alg"], &header["typ"]), (&alg.as_str().into(), &"JWT".into()));
        // As a relying party reads it: by the published key of the ID token's kid.
        let jwks: JwkSet = serde_json::from_value(browser.get("/jwks").await.json()).unwrap();
        let mut validation = Validation::new(alg.as_str().parse().unwrap());
        validation.set_required_spec_claims(&["iss", "aud"]);
        validation.set_issuer(&[&app.base_url]);
        validation.set_audience(&["service"]);
        let kid = part(&tokens.id_token, 0)["kid"].as_str().unwrap().to_owned();
        let key = DecodingKey::from_jwk(jwks.find(&kid).unwrap()).unwrap();
        let mut claims = jsonwebtoken::decode::<Value>(&answer.body, &key, &validation)
            .unwrap()
            .claims;
        let members = claims.as_object_mut().unwrap();
        members.remove("iss");
        members.remove("aud");
        assert_eq!(claims, expected, "no nonce, no exp: the claims and nothing else");

        let refused = service.userinfo("unknown").await;
        assert_eq!(
            (refused.status.as_u16(), refused.header("content-type")),
            (401, "application/json")
        );
    }
}
