//! Plan `oidcc-3rdparty-init-login-certification-test-plan`.

use super::modules::registration;
use super::ours;

#[tokio::test]
#[ignore = "not built yet"]
async fn third_party_init_login() {
    registration::third_party_init_login(&ours().await).await;
}

#[tokio::test]
#[ignore = "not built yet"]
async fn third_party_init_login_nohttps() {
    registration::third_party_init_login_nohttps(&ours().await).await;
}
