//! Plan `oidcc-frontchannel-rp-initiated-logout-certification-test-plan`.

use super::modules::channels;
use super::ours;

#[tokio::test]
async fn frontchannel_logout_discovery_endpoint_verification() {
    channels::frontchannel_discovery(&ours().await).await;
}

#[tokio::test]
async fn frontchannel_rp_initiated_logout() {
    channels::frontchannel_rp_initiated_logout(&ours().await).await;
}
