//! Plan `oidcc-rp-initiated-logout-certification-test-plan`.

use super::modules::logout;
use super::ours;

#[tokio::test]
async fn rp_initiated_logout_discovery_endpoint_verification() {
    logout::discovery_endpoint_verification(&ours().await).await;
}

#[tokio::test]
async fn rp_initiated_logout() {
    logout::rp_initiated_logout(&ours().await).await;
}

#[tokio::test]
async fn rp_initiated_logout_bad_post_logout_redirect_uri() {
    logout::bad_post_logout_redirect_uri(&ours().await).await;
}

#[tokio::test]
async fn rp_initiated_logout_modified_id_token_hint() {
    logout::modified_id_token_hint(&ours().await).await;
}

#[tokio::test]
async fn rp_initiated_logout_no_id_token_hint() {
    logout::no_id_token_hint(&ours().await).await;
}

#[tokio::test]
async fn rp_initiated_logout_no_params() {
    logout::no_params(&ours().await).await;
}

#[tokio::test]
async fn rp_initiated_logout_no_post_logout_redirect_uri() {
    logout::no_post_logout_redirect_uri(&ours().await).await;
}

#[tokio::test]
async fn rp_initiated_logout_no_state() {
    logout::no_state(&ours().await).await;
}

#[tokio::test]
async fn rp_initiated_logout_only_state() {
    logout::only_state(&ours().await).await;
}

#[tokio::test]
async fn rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    logout::query_added_to_post_logout_redirect_uri(&ours().await).await;
}

#[tokio::test]
async fn rp_initiated_logout_bad_id_token_hint() {
    logout::bad_id_token_hint(&ours().await).await;
}
