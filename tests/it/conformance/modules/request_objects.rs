//! Request objects (Core §6).

use serde_json::{Map, Value, json};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::conformance::party::{Answer, Party, Request};
use crate::conformance::provider::{CALLBACK, Provider};

/// A request object without a signature (RFC 7519 §6.1).
pub fn unsigned(claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.", encode(&json!({"alg": "none"})), encode(claims))
}

/// A request as the claims of an object, with `iss` and `aud` (Core §6.1).
pub fn claims(party: &Party<'_>, request: &Request) -> Value {
    let parameters = request
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    let own = [("iss", party.id()), ("aud", party.op.text("issuer"))];
    let own = own.map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(parameters.chain(own).collect::<Map<_, _>>())
}

/// What stays outside: what OAuth 2.0 itself demands, and the object in `name`.
pub fn outside(request: &Request, name: &str, value: &str) -> Request {
    let demanded = ["response_type", "client_id", "scope", "redirect_uri"];
    let kept = request
        .iter()
        .filter(|(name, _)| demanded.contains(&name.as_str()))
        .cloned();
    kept.chain([(name.to_owned(), value.to_owned())]).collect()
}

/// Sends the browser with an outer request, and reads the answer to the inner one.
pub async fn ask(party: &Party<'_>, inner: Request, outer: &Request) -> Answer {
    let visit = party.op.visit(&party.op.browser(), &party.url(outer)).await;
    party.read(inner, visit)
}

/// The answer to an unsigned object: a code where `none` is listed, else one of the errors of Core §3.1.2.6, at the
/// redirect URI in the request's own response mode or the default one.
async fn supported_or_rejected(op: &Provider, object_in: &str, redirect_uri: &str) {
    let party = op.register(json!({})).await;
    let inner = party.request(&[]);
    let object = unsigned(&claims(&party, &inner));
    let mut outer = outside(&inner, object_in, &object);
    for (_, value) in outer.iter_mut().filter(|(name, _)| name == "redirect_uri") {
        redirect_uri.clone_into(value);
    }
    if op.lists("request_object_signing_alg_values_supported", "none") {
        let answer = ask(&party, inner, &outer).await;
        party.redeem(&answer).await;
        return;
    }
    let page = op.browser().open(&party.url(&outer)).await;
    if !page.status.is_redirection() {
        assert!(page.status.is_client_error(), "{page:?}");
        return;
    }
    let errors = [
        "request_not_supported",
        "request_uri_not_supported",
        "invalid_request_object",
        "invalid_request_uri",
    ];
    let error = page
        .location()
        .query_pairs()
        .find(|(name, _)| name == "error")
        .expect("an error")
        .1
        .into_owned();
    assert!(errors.contains(&error.as_str()), "{error}");
}

/// Core §6.1: an unsigned object by value is looked into, or refused; never ignored.
pub async fn unsigned_request_object_supported_correctly_or_rejected_as_unsupported(op: &Provider) {
    supported_or_rejected(op, "request", CALLBACK).await;
}

/// Core §6.1: the redirect URI in the object counts, not the one beside it, which is bad.
pub async fn ensure_request_object_with_redirect_uri(op: &Provider) {
    supported_or_rejected(op, "request", &format!("{CALLBACK}/invalid")).await;
}

/// Core §6.2: an unsigned object by reference, where `none` is listed (the suite skips it where it is not); else refused.
pub async fn request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(op: &Provider) {
    if op.metadata["request_uri_parameter_supported"] != false {
        assert!(!op.lists("request_object_signing_alg_values_supported", "none"));
        let party = op
            .register(json!({"request_uris": [op.site.url("/request.jwt")]}))
            .await;
        let inner = party.request(&[]);
        let object = unsigned(&claims(&party, &inner));
        let reference = op.site.serve("/request.jwt", "application/jwt", object.as_bytes());
        let outer = outside(&inner, "request_uri", &reference);
        assert_eq!(
            ask(&party, outer.clone(), &outer).await.error(),
            "invalid_request_object"
        );
        return;
    }
    let party = op.register(json!({})).await;
    let inner = party.request(&[]);
    let reference = "https://localhost.emobix.co.uk:8443/test/a/restated/request.jwt";
    let outer = outside(&inner, "request_uri", reference);
    let answer = ask(&party, outer.clone(), &outer).await;
    let errors = ["request_uri_not_supported", "invalid_request_uri"];
    assert!(errors.contains(&answer.error()), "{}", answer.error());
}
