//! The modules of RP-initiated logout, asked of a certified provider.

use super::certified;
use super::modules::logout;

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout_discovery_endpoint_verification() {
    logout::discovery_endpoint_verification(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout() {
    logout::rp_initiated_logout(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout_bad_post_logout_redirect_uri() {
    logout::bad_post_logout_redirect_uri(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout_modified_id_token_hint() {
    logout::modified_id_token_hint(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout_no_id_token_hint() {
    logout::no_id_token_hint(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout_no_params() {
    logout::no_params(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout_no_post_logout_redirect_uri() {
    logout::no_post_logout_redirect_uri(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout_no_state() {
    logout::no_state(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout_only_state() {
    logout::only_state(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    logout::query_added_to_post_logout_redirect_uri(&certified().await).await;
}

#[tokio::test]
#[ignore = "needs make test"]
async fn rp_initiated_logout_bad_id_token_hint() {
    logout::bad_id_token_hint(&certified().await).await;
}
