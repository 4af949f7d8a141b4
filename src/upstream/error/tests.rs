use http::HeaderName;
use serde_json::json;

use super::*;

fn answer(status: u16, headers: &[(&str, &str)], body: impl ToString) -> Response<Vec<u8>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name.parse::<HeaderName>().expect("a header name"), *value);
    }
    response.body(body.to_string().into_bytes()).expect("a response")
}

fn coded(step: Step, status: u16, code: &str) -> UpstreamError {
    let whole = refusal(step, &answer(status, &[], json!({ "errcode": code, "error": "sorry" })));
    let without_text = refusal(step, &answer(status, &[], json!({ "errcode": code })));
    assert_eq!(whole, without_text, "{code} must mean the same without its human text");
    whole
}

#[test]
fn account_states_are_recognised_at_every_step() {
    for step in [
        Step::LoginTypes,
        Step::PasswordByEmail,
        Step::PasswordByMatrixId,
        Step::LoginToken,
        Step::Authenticated,
    ] {
        assert_eq!(
            coded(step, 403, "ORG_MATRIX_EXPIRED_ACCOUNT"),
            UpstreamError::Expired { account: None }
        );
        assert_eq!(
            coded(step, 403, "M_USER_DEACTIVATED"),
            UpstreamError::Deactivated { account: None }
        );
        assert_eq!(
            coded(step, 401, "M_USER_LOCKED"),
            UpstreamError::Locked { account: None }
        );
        assert_eq!(coded(step, 403, "M_USER_SUSPENDED"), UpstreamError::Suspended);
        assert_eq!(
            coded(step, 429, "M_LIMIT_EXCEEDED"),
            UpstreamError::Throttled {
                retry_after_seconds: None
            }
        );
        assert!(matches!(coded(step, 500, "M_UNKNOWN"), UpstreamError::Unreachable(_)));
        assert!(matches!(
            coded(step, 403, "M_RESOURCE_LIMIT_EXCEEDED"),
            UpstreamError::Unreachable(_)
        ));
        assert!(matches!(coded(step, 418, "M_TEAPOT"), UpstreamError::Nonsense(_)));
    }
}

#[test]
fn codes_mean_what_the_step_makes_of_them() {
    use UpstreamError::*;
    for (step, status, code, meaning) in [
        (Step::PasswordByMatrixId, 403, "M_FORBIDDEN", WrongCredentials),
        (Step::PasswordByEmail, 403, "M_FORBIDDEN", WrongCredentials),
        (Step::PasswordByEmail, 404, "M_THREEPID_NOT_FOUND", WrongCredentials),
        (Step::PasswordByMatrixId, 400, "M_INVALID_USERNAME", WrongCredentials),
        (Step::PasswordByEmail, 400, "M_UNKNOWN", EmailRefused),
        (Step::PasswordByEmail, 400, "M_UNRECOGNIZED", EmailRefused),
        (Step::PasswordByEmail, 400, "M_INVALID_PARAM", EmailRefused),
        (Step::PasswordByEmail, 404, "M_UNRECOGNIZED", NoSuchWay),
        (Step::PasswordByMatrixId, 400, "M_UNKNOWN", NoSuchWay),
        (Step::PasswordByMatrixId, 400, "M_UNRECOGNIZED", NoSuchWay),
        (Step::LoginToken, 403, "M_FORBIDDEN", LoginTokenRefused),
        (Step::LoginToken, 401, "M_UNKNOWN_TOKEN", LoginTokenRefused),
        (Step::LoginToken, 400, "M_UNKNOWN", NoSuchWay),
        (Step::LoginTypes, 404, "M_UNRECOGNIZED", NoSuchWay),
    ] {
        assert_eq!(coded(step, status, code), meaning, "{step:?} {status} {code}");
    }
    for code in ["M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_FORBIDDEN", "M_UNRECOGNIZED"] {
        assert!(matches!(coded(Step::Authenticated, 401, code), Nonsense(_)), "{code}");
    }
}

#[test]
fn errors_that_are_not_matrix_errors() {
    for body in ["", "<html>Bad Gateway</html>", "[]", "{\"errcode\":7}"] {
        assert!(matches!(
            refusal(Step::Authenticated, &answer(502, &[], body)),
            UpstreamError::Unreachable(_)
        ));
        assert!(matches!(
            refusal(Step::PasswordByMatrixId, &answer(403, &[], body)),
            UpstreamError::Nonsense(_)
        ));
        assert!(matches!(
            refusal(Step::LoginTypes, &answer(404, &[], body)),
            UpstreamError::Nonsense(_)
        ));
        assert_eq!(
            refusal(Step::PasswordByEmail, &answer(400, &[], body)),
            UpstreamError::EmailRefused
        );
    }
}

#[test]
fn the_wait_comes_in_several_forms() {
    let date = "Tue, 03 Nov 2026 10:00:00 GMT";
    let until = "Tue, 03 Nov 2026 10:05:33 GMT";
    let limit = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "slow down" });
    let limit_ms = |ms: i64| json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "slow down", "retry_after_ms": ms });
    for (headers, body, wait) in [
        (&[("retry-after", "333")][..], limit.to_string(), Some(333)),
        (&[("retry-after", "333")], limit_ms(1000).to_string(), Some(333)),
        (&[("retry-after", "12")], "<html>".into(), Some(12)),
        (&[("retry-after", until), ("date", date)], limit.to_string(), Some(333)),
        (&[("retry-after", date), ("date", until)], limit.to_string(), Some(0)),
        (&[("retry-after", until)], limit.to_string(), None),
        (&[("retry-after", "soon")], limit.to_string(), None),
        (&[("retry-after", "-1")], limit_ms(1500).to_string(), Some(2)),
        (
            &[("retry-after", "999999999999")],
            limit.to_string(),
            Some(LONGEST_WAIT),
        ),
        (&[], limit_ms(2000).to_string(), Some(2)),
        (&[], limit_ms(1).to_string(), Some(1)),
        (&[], limit_ms(-5).to_string(), None),
        (&[], limit.to_string(), None),
        (&[], String::new(), None),
    ] {
        let error = refusal(Step::PasswordByMatrixId, &answer(429, headers, &body));
        assert_eq!(
            error,
            UpstreamError::Throttled {
                retry_after_seconds: wait
            },
            "{headers:?} {body}"
        );
    }
}

#[test]
fn an_account_is_named_once() {
    let named = |id: &str| NamedAccount::MatrixId(id.to_owned());
    let closed = UpstreamError::Deactivated { account: None }.about(named("@a:h"));
    assert_eq!(
        closed,
        UpstreamError::Deactivated {
            account: Some(named("@a:h"))
        }
    );
    let at_issuer = NamedAccount::AtIssuer(IssuerSubject {
        issuer: "https://auth".to_owned(),
        subject: "1".to_owned(),
    });
    assert_eq!(closed.clone().about(at_issuer.clone()), closed);
    assert_eq!(closed.named_account(), Some((&named("@a:h"), AccountState::Closed)));
    let locked = UpstreamError::Locked { account: None };
    assert_eq!(
        locked.named_account(),
        None,
        "typed by somebody, not named by the homeserver"
    );
    assert_eq!(
        locked.about(at_issuer.clone()).named_account(),
        Some((&at_issuer, AccountState::Paused(Pause::Locked)))
    );
}
