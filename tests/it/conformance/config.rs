//! Plan `oidcc-config-certification-test-plan`.

use super::modules::discovery;
use super::ours;

#[tokio::test]
async fn discovery_endpoint_verification() {
    discovery::discovery_endpoint_verification(&ours().await).await;
}
