//! Fetches of what clients name, over TLS: a certificate of an authority that the operator added, and one of nobody's.

use std::time::Duration;

use tchap_connect::egress::{FetchError, FetchLimits, FetchOptions, Fetcher};

use crate::support::TestApp;
use crate::support::tls::{Certificate, authority};

#[tokio::test]
async fn a_listed_server_is_reached_with_the_operators_authority_and_only_with_it() {
    let files = Certificate::new();
    let server = TestApp::with(&files.settings()).await;
    let port = server.base_url.rsplit(':').next().unwrap().parse().unwrap();
    let limits = FetchLimits {
        max_bytes: 64 * 1024,
        timeout: Duration::from_secs(5),
    };
    let fetcher = |extra_ca| {
        let allow = vec![("127.0.0.1".to_owned(), port), ("localhost".to_owned(), port)];
        Fetcher::new(FetchOptions { allow, extra_ca }).unwrap()
    };
    let trusting = fetcher(Some(authority().pem.clone().into_bytes()));
    for host in ["127.0.0.1", "localhost"] {
        let answer = trusting.get(&format!("https://{host}:{port}/jwks"), limits).await;
        assert_eq!(answer.map(|answer| answer.status.as_u16()).ok(), Some(200), "{host}");
    }
    let wary = fetcher(None).get(&format!("{}/jwks", server.base_url), limits).await;
    assert!(matches!(wary, Err(FetchError::Failed(_))), "{wary:?}");
}
