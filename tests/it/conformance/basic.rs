//! Plan `oidcc-basic-certification-test-plan`.

use super::modules::{core, request_objects, scopes, sessions};
use super::ours;

#[tokio::test]
async fn server() {
    core::server(&ours().await).await;
}

#[tokio::test]
async fn response_type_missing() {
    core::response_type_missing(&ours().await).await;
}

#[tokio::test]
async fn idtoken_signature() {
    core::idtoken_signature(&ours().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn idtoken_unsigned() {
    core::idtoken_unsigned(&ours().await).await;
}

#[tokio::test]
async fn userinfo_get() {
    core::userinfo_get(&ours().await).await;
}

#[tokio::test]
async fn userinfo_post_header() {
    core::userinfo_post_header(&ours().await).await;
}

#[tokio::test]
async fn userinfo_post_body() {
    core::userinfo_post_body(&ours().await).await;
}

#[tokio::test]
async fn ensure_request_without_nonce_succeeds_for_code_flow() {
    core::ensure_request_without_nonce_succeeds_for_code_flow(&ours().await).await;
}

#[tokio::test]
async fn scope_profile() {
    scopes::scope_profile(&ours().await).await;
}

#[tokio::test]
async fn scope_email() {
    scopes::scope_email(&ours().await).await;
}

#[tokio::test]
async fn scope_address() {
    scopes::scope_address(&ours().await).await;
}

#[tokio::test]
async fn scope_phone() {
    scopes::scope_phone(&ours().await).await;
}

#[tokio::test]
async fn scope_all() {
    scopes::scope_all(&ours().await).await;
}

#[tokio::test]
async fn alternate_happy_flow() {
    scopes::alternate_happy_flow(&ours().await).await;
}

#[tokio::test]
async fn display_page() {
    sessions::display_page(&ours().await).await;
}

#[tokio::test]
async fn display_popup() {
    sessions::display_popup(&ours().await).await;
}

#[tokio::test]
async fn prompt_login() {
    sessions::prompt_login(&ours().await).await;
}

#[tokio::test]
async fn prompt_none_not_logged_in() {
    sessions::prompt_none_not_logged_in(&ours().await).await;
}

#[tokio::test]
async fn prompt_none_logged_in() {
    sessions::prompt_none_logged_in(&ours().await).await;
}

#[tokio::test]
async fn max_age_1() {
    sessions::max_age_1(&ours().await).await;
}

#[tokio::test]
async fn max_age_10000() {
    sessions::max_age_10000(&ours().await).await;
}

#[tokio::test]
async fn ensure_request_with_unknown_parameter_succeeds() {
    core::ensure_request_with_unknown_parameter_succeeds(&ours().await).await;
}

#[tokio::test]
async fn id_token_hint() {
    sessions::id_token_hint(&ours().await).await;
}

#[tokio::test]
async fn login_hint() {
    sessions::login_hint(&ours().await).await;
}

#[tokio::test]
async fn ui_locales() {
    sessions::ui_locales(&ours().await).await;
}

#[tokio::test]
async fn claims_locales() {
    sessions::claims_locales(&ours().await).await;
}

#[tokio::test]
async fn ensure_request_with_acr_values_succeeds() {
    sessions::ensure_request_with_acr_values_succeeds(&ours().await).await;
}

#[tokio::test]
async fn codereuse() {
    core::codereuse(&ours().await).await;
}

#[tokio::test]
async fn codereuse_30seconds() {
    core::codereuse_30seconds(&ours().await).await;
}

#[tokio::test]
async fn ensure_registered_redirect_uri() {
    core::ensure_registered_redirect_uri(&ours().await).await;
}

#[tokio::test]
async fn ensure_post_request_succeeds() {
    core::ensure_post_request_succeeds(&ours().await).await;
}

#[tokio::test]
async fn server_client_secret_post() {
    core::server_client_secret_post(&ours().await).await;
}

#[tokio::test]
async fn request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    request_objects::request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(&ours().await).await;
}

#[tokio::test]
async fn unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    request_objects::unsigned_request_object_supported_correctly_or_rejected_as_unsupported(&ours().await).await;
}

#[tokio::test]
async fn claims_essential() {
    scopes::claims_essential(&ours().await).await;
}

#[tokio::test]
async fn ensure_request_object_with_redirect_uri() {
    request_objects::ensure_request_object_with_redirect_uri(&ours().await).await;
}

#[tokio::test]
async fn refresh_token() {
    core::refresh_token(&ours().await).await;
}

#[tokio::test]
async fn ensure_request_with_valid_pkce_succeeds() {
    core::ensure_request_with_valid_pkce_succeeds(&ours().await).await;
}
