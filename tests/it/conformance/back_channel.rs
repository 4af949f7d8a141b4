//! Plan `oidcc-backchannel-rp-initiated-logout-certification-test-plan`.

use super::modules::channels;
use super::ours;

#[tokio::test]
async fn backchannel_logout_discovery_endpoint_verification() {
    channels::backchannel_discovery(&ours().await).await;
}

#[tokio::test]
async fn backchannel_rp_initiated_logout() {
    channels::backchannel_rp_initiated_logout(&ours().await).await;
}
