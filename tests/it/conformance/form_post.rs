//! Plan `oidcc-formpost-basic-certification-test-plan`: every module of Basic with `response_mode=form_post`.

use super::modules::{core, request_objects, scopes, sessions};
use super::ours_by_form_post;

#[tokio::test]
async fn server() {
    core::server(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn response_type_missing() {
    core::response_type_missing(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn idtoken_signature() {
    core::idtoken_signature(&ours_by_form_post().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn idtoken_unsigned() {
    core::idtoken_unsigned(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn userinfo_get() {
    core::userinfo_get(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn userinfo_post_header() {
    core::userinfo_post_header(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn userinfo_post_body() {
    core::userinfo_post_body(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn ensure_request_without_nonce_succeeds_for_code_flow() {
    core::ensure_request_without_nonce_succeeds_for_code_flow(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn scope_profile() {
    scopes::scope_profile(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn scope_email() {
    scopes::scope_email(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn scope_address() {
    scopes::scope_address(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn scope_phone() {
    scopes::scope_phone(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn scope_all() {
    scopes::scope_all(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn alternate_happy_flow() {
    scopes::alternate_happy_flow(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn display_page() {
    sessions::display_page(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn display_popup() {
    sessions::display_popup(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn prompt_login() {
    sessions::prompt_login(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn prompt_none_not_logged_in() {
    sessions::prompt_none_not_logged_in(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn prompt_none_logged_in() {
    sessions::prompt_none_logged_in(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn max_age_1() {
    sessions::max_age_1(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn max_age_10000() {
    sessions::max_age_10000(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn ensure_request_with_unknown_parameter_succeeds() {
    core::ensure_request_with_unknown_parameter_succeeds(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn id_token_hint() {
    sessions::id_token_hint(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn login_hint() {
    sessions::login_hint(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn ui_locales() {
    sessions::ui_locales(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn claims_locales() {
    sessions::claims_locales(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn ensure_request_with_acr_values_succeeds() {
    sessions::ensure_request_with_acr_values_succeeds(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn codereuse() {
    core::codereuse(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn codereuse_30seconds() {
    core::codereuse_30seconds(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn ensure_registered_redirect_uri() {
    core::ensure_registered_redirect_uri(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn ensure_post_request_succeeds() {
    core::ensure_post_request_succeeds(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn server_client_secret_post() {
    core::server_client_secret_post(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    request_objects::request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(&ours_by_form_post().await)
        .await;
}

#[tokio::test]
async fn unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    request_objects::unsigned_request_object_supported_correctly_or_rejected_as_unsupported(&ours_by_form_post().await)
        .await;
}

#[tokio::test]
async fn claims_essential() {
    scopes::claims_essential(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn ensure_request_object_with_redirect_uri() {
    request_objects::ensure_request_object_with_redirect_uri(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn refresh_token() {
    core::refresh_token(&ours_by_form_post().await).await;
}

#[tokio::test]
async fn ensure_request_with_valid_pkce_succeeds() {
    core::ensure_request_with_valid_pkce_succeeds(&ours_by_form_post().await).await;
}
