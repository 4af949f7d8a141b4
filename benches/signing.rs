//! How long one signature takes, and one ID token from its claims to the compact JWS:
//! `cargo bench --bench signing`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Map, json};
use tchap_connect::keys::Keys;
use tchap_connect::protocol::client::SigningAlg;
use tchap_connect::protocol::id_token::{IdTokenClaims, at_hash};
use tchap_connect::secret::{Redacted, SealingKey};
use tchap_connect::store::Store;

const NOW: i64 = 1_800_000_000;
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

/// Freshly made keys; the database they came from is gone.
fn keys() -> Keys {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let file = std::env::temp_dir().join(format!("tchap-connect-bench-{}.db", std::process::id()));
    let keys = runtime.block_on(async {
        let store = Store::open(&format!("sqlite:{}", file.display()))
            .await
            .expect("a database");
        store.migrate().await.expect("tables");
        let sealing = SealingKey::parse(&Redacted::new("ab".repeat(32))).expect("a sealing key");
        let keys = Keys::load_or_generate(&store, sealing, NOW).await.expect("keys");
        store.close().await;
        keys
    });
    std::fs::remove_file(file).expect("the database's file");
    keys
}

fn claims(alg: SigningAlg, amr: &[String]) -> IdTokenClaims<'_> {
    IdTokenClaims {
        iss: "https://connect.example.gouv.fr",
        sub: "2f0c8d7a51e94b1c8a6d3e9f70b2c4d6",
        aud: "service",
        iat: NOW,
        exp: NOW + 600,
        auth_time: Some(NOW - 30),
        nonce: Some("n-0S6_WzA2MjAAAAAAAAAAAAAAA"),
        acr: "eidas1",
        amr,
        at_hash: at_hash(alg, ACCESS_TOKEN),
        sid: "08a5019c17e1977d8f65b12a8cdc73bc",
        extra: Map::from_iter([("email".to_owned(), json!("jean.dupont@beta.gouv.fr"))]),
    }
}

fn signing(criterion: &mut Criterion) {
    let keys = keys();
    let amr = ["pwd".to_owned()];
    let mut group = criterion.benchmark_group("signing");
    group.throughput(Throughput::Elements(1));
    for alg in SigningAlg::ALL {
        group.bench_function(format!("signature {}", alg.as_str()), |bench| {
            bench.iter(|| keys.sign("JWT", alg, &json!({}), NOW).expect("a token"));
        });
        group.bench_function(format!("ID token {}", alg.as_str()), |bench| {
            bench.iter(|| {
                keys.sign("JWT", alg, &claims(alg, black_box(&amr)), NOW)
                    .expect("a token")
            });
        });
        let token = keys.sign("JWT", alg, &claims(alg, &amr), NOW).expect("a token");
        group.bench_function(format!("verify a hint {}", alg.as_str()), |bench| {
            bench.iter(|| keys.verify("JWT", black_box(&token)).expect("our own token"));
        });
    }
    group.finish();
}

criterion_group!(benches, signing);
criterion_main!(benches);
