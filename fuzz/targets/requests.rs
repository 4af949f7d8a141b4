//! Queries and forms, as `/authorize`, `/token` and `/logout` read them: never a panic, and no way to an address that the client
//! did not register.

use std::sync::LazyLock;

use serde_json::json;
use tchap_connect::domain::claims::SCOPES;
use tchap_connect::protocol::authorize;
use tchap_connect::protocol::client::Client;
use tchap_connect::protocol::client_auth;
use tchap_connect::protocol::error::{ErrorCode, OAuthError};
use tchap_connect::protocol::logout::LogoutRequest;
use tchap_connect::protocol::params::Params;
use tchap_connect::protocol::registration::Request;
use tchap_connect::protocol::request_object;
use tchap_connect::protocol::response_mode::AuthorizationResponse;
use tchap_connect::protocol::return_to::ReturnTo;
use tchap_connect::protocol::token_request::TokenRequest;
use url::Url;

const ISSUER: &str = "https://connect.example";
const WEB: &str = "https://a.example/cb?x=1";
const LOOPBACK: &str = "http://127.0.0.1/cb";

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let native = json!({
        "client_name": "A", "redirect_uris": [WEB, LOOPBACK], "application_type": "native",
        "token_endpoint_auth_method": "none", "post_logout_redirect_uris": ["https://a.example/out"],
        "scope": "openid email",
    });
    let body = serde_json::to_vec(&native).expect("JSON");
    let request = Request::parse(&body).expect("it is well formed");
    request.client("client", SCOPES).expect("it can be registered")
});

pub fn run(encoded: &[u8]) {
    let Ok(params) = Params::parse(encoded) else { return };
    // What was read is what is written.
    let again = Params::parse(params.encode().as_bytes()).expect("it was encoded here");
    assert_eq!(again.encode(), params.encode());
    let _ = TokenRequest::parse(&params);
    let _ = client_auth::read(params.get("authorization"), &params);
    let _ = request_object::source(&params, &CLIENT);
    if let Ok(logout) = LogoutRequest::read(&params, None, ISSUER)
        && let Ok(Some(location)) = logout.location(Some(&CLIENT))
    {
        assert!(location.starts_with("https://a.example/out"), "{location}");
    }
    let Ok(return_to) = ReturnTo::verify(&params, &CLIENT) else {
        return;
    };
    let error = OAuthError::new(ErrorCode::AccessDenied, "no");
    for answer in [
        return_to.with_code("code", ISSUER),
        return_to.with_error(&error, ISSUER),
    ] {
        let (AuthorizationResponse::Redirect(url) | AuthorizationResponse::FormPost { action: url, .. }) = answer;
        let url = Url::parse(&url).expect("an address");
        let known = url.origin() == Url::parse(WEB).expect("an address").origin()
            || (url.scheme() == "http" && url.host_str() == Some("127.0.0.1") && url.path() == "/cb");
        assert!(known, "{url}");
    }
    let _ = authorize::check(&params, &CLIENT, return_to, SCOPES);
}
