//! Plan `oidcc-dynamic-certification-test-plan`, with `private_key_jwt` as there. It is run, not claimed: the profile that
//! wants implicit responses is not built (protocol: only `response_type=code`).

use super::modules::{core, discovery, keys, registration, request_objects};
use super::ours_by_key;

#[tokio::test]
#[ignore = "not built yet"]
async fn idtoken_rs256() {
    keys::idtoken_rs256(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn idtoken_unsigned() {
    core::idtoken_unsigned(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn userinfo_rs256() {
    keys::userinfo_rs256(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn ensure_redirect_uri_in_authorization_request() {
    registration::ensure_redirect_uri_in_authorization_request(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn redirect_uri_query_ok() {
    registration::redirect_uri_query_ok(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn redirect_uri_query_mismatch() {
    registration::redirect_uri_query_mismatch(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn redirect_uri_query_added() {
    registration::redirect_uri_query_added(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn redirect_uri_regfrag() {
    registration::redirect_uri_regfrag(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn discovery_endpoint_verification() {
    discovery::discovery_endpoint_verification(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn server() {
    core::server(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn registration_logo_uri() {
    registration::registration_logo_uri(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn registration_policy_uri() {
    registration::registration_policy_uri(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn registration_tos_uri() {
    registration::registration_tos_uri(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn registration_jwks_uri() {
    keys::registration_jwks_uri(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn registration_sector_uri() {
    registration::registration_sector_uri(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn registration_sector_bad() {
    registration::registration_sector_bad(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn server_rotate_keys() {
    keys::server_rotate_keys(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn refresh_token_rp_key_rotation() {
    keys::refresh_token_rp_key_rotation(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn request_uri_unsigned() {
    keys::request_uri_unsigned(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn request_uri_signed_rs256() {
    keys::request_uri_signed_rs256(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn ensure_request_object_with_redirect_uri() {
    request_objects::ensure_request_object_with_redirect_uri(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn refresh_token() {
    core::refresh_token(&ours_by_key().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn ensure_client_assertion_with_iss_aud_succeeds() {
    keys::ensure_client_assertion_with_iss_aud_succeeds(&ours_by_key().await).await;
}
