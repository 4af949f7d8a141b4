//! The modules of Config and Basic, asked of a provider that is certified for both: where one fails here, it asks wrongly.

use super::certified;
use super::modules::{core, discovery, request_objects, scopes, sessions};

#[tokio::test]
#[ignore = "needs make test"]
async fn discovery_endpoint_verification() {
    discovery::discovery_endpoint_verification(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn server() {
    core::server(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn response_type_missing() {
    core::response_type_missing(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn idtoken_signature() {
    core::idtoken_signature(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn idtoken_unsigned() {
    core::idtoken_unsigned(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn userinfo_get() {
    core::userinfo_get(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn userinfo_post_header() {
    core::userinfo_post_header(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn userinfo_post_body() {
    core::userinfo_post_body(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn ensure_request_without_nonce_succeeds_for_code_flow() {
    core::ensure_request_without_nonce_succeeds_for_code_flow(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn scope_profile() {
    scopes::scope_profile(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn scope_email() {
    scopes::scope_email(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn scope_address() {
    scopes::scope_address(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn scope_phone() {
    scopes::scope_phone(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn scope_all() {
    scopes::scope_all(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn alternate_happy_flow() {
    scopes::alternate_happy_flow(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn display_page() {
    sessions::display_page(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn display_popup() {
    sessions::display_popup(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn prompt_login() {
    sessions::prompt_login(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn prompt_none_not_logged_in() {
    sessions::prompt_none_not_logged_in(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn prompt_none_logged_in() {
    sessions::prompt_none_logged_in(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn max_age_1() {
    sessions::max_age_1(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn max_age_10000() {
    sessions::max_age_10000(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn ensure_request_with_unknown_parameter_succeeds() {
    core::ensure_request_with_unknown_parameter_succeeds(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn id_token_hint() {
    sessions::id_token_hint(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn login_hint() {
    sessions::login_hint(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn ui_locales() {
    sessions::ui_locales(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn claims_locales() {
    sessions::claims_locales(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn ensure_request_with_acr_values_succeeds() {
    sessions::ensure_request_with_acr_values_succeeds(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn codereuse() {
    core::codereuse(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn codereuse_30seconds() {
    core::codereuse_30seconds(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn ensure_registered_redirect_uri() {
    core::ensure_registered_redirect_uri(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn ensure_post_request_succeeds() {
    core::ensure_post_request_succeeds(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn server_client_secret_post() {
    core::server_client_secret_post(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    request_objects::request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    request_objects::unsigned_request_object_supported_correctly_or_rejected_as_unsupported(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn claims_essential() {
    scopes::claims_essential(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn ensure_request_object_with_redirect_uri() {
    request_objects::ensure_request_object_with_redirect_uri(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn refresh_token() {
    core::refresh_token(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn ensure_request_with_valid_pkce_succeeds() {
    core::ensure_request_with_valid_pkce_succeeds(&certified().await).await;
}
