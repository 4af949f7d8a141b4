//! Signing keys on both engines: first start, restarts, and what is never accepted.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA384, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{JwkSet, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};
use tchap_connect::keys::{Keys, KeysError};
use tchap_connect::protocol::client::SigningAlg;
use tchap_connect::secret::{Redacted, SealingKey};
use tchap_connect::store::Store;

use crate::engines::{Engine, on_each_engine};

const NOW: i64 = 1_800_000_000;

pub fn sealing(byte: &str) -> SealingKey {
    SealingKey::parse(&Redacted::new(byte.repeat(32))).unwrap()
}

pub async fn start(store: &Store, now: i64) -> Keys {
    Keys::load_or_generate(store, sealing("0a"), now).await.unwrap()
}

pub fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

#[tokio::test]
async fn tokens_verify_with_the_published_keys() {
    on_each_engine(async |Engine { store, .. }| {
        let keys = start(store, NOW).await;
        let jwks = keys.jwks(NOW);
        let published: JwkSet = serde_json::from_value(jwks.clone()).unwrap();
        let theirs = SigningAlg::ALL.map(|alg| alg.as_str().parse::<Algorithm>().unwrap());
        assert_eq!(published.keys.len(), theirs.len());
        for (alg, theirs) in SigningAlg::ALL.into_iter().zip(theirs) {
            let token = keys.sign("JWT", alg, &json!({ "sub": "é", "exp": 1 }), NOW).unwrap();
            let header = jsonwebtoken::decode_header(&token).unwrap();
            assert_eq!((header.alg, header.typ.as_deref()), (theirs, Some("JWT")));
            let jwk = published.find(&header.kid.unwrap()).unwrap();
            let mut validation = Validation::new(theirs);
            validation.validate_exp = false;
            let key = DecodingKey::from_jwk(jwk).unwrap();
            let decoded = jsonwebtoken::decode::<Map<String, Value>>(&token, &key, &validation).unwrap();
            assert_eq!(decoded.claims["sub"], "é");
            assert_eq!(
                keys.verify("JWT", &token).unwrap(),
                decoded.claims,
                "an expired token is still ours"
            );
        }
        for (jwk, raw) in published.keys.iter().zip(jwks["keys"].as_array().unwrap()) {
            assert_eq!(jwk.common.key_id, Some(jwk.thumbprint(ThumbprintHash::SHA256).unwrap()));
            assert_eq!(raw["use"], "sig");
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(raw.get(private).is_none(), "{private} is published");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_of_a_former_release_gets_the_keys_it_lacks() {
    on_each_engine(async |engine| {
        let store = &engine.store;
        let before = start(store, NOW).await.jwks(NOW);
        engine
            .execute("delete from signing_keys where alg in ('PS256', 'EdDSA')")
            .await;
        let after = start(store, NOW + 1000).await;
        let (before, after) = (before["keys"].as_array().unwrap(), after.jwks(NOW + 1000));
        let after = after["keys"].as_array().unwrap();
        assert_eq!(after[..2], before[..2], "those that it has stay");
        let algs: Vec<_> = after.iter().map(|key| &key["alg"]).collect();
        assert_eq!(algs, ["RS256", "ES256", "PS256", "EdDSA"]);
    })
    .await;
}

#[tokio::test]
async fn a_restart_keeps_the_keys_and_a_wrong_sealing_key_stops_it() {
    on_each_engine(async |Engine { store, .. }| {
        let first = start(store, NOW).await;
        let token = first.sign("JWT", SigningAlg::ES256, &json!({}), NOW).unwrap();
        let again = start(store, NOW + 1000).await;
        assert_eq!(again.jwks(NOW + 1000), first.jwks(NOW));
        assert!(again.verify("JWT", &token).is_ok());

        let rows = store.list_signing_keys().await.unwrap();
        let error = Keys::load_or_generate(store, sealing("0b"), NOW).await.unwrap_err();
        assert!(matches!(error, KeysError::WrongSealingKey { .. }), "{error}");
        assert!(error.to_string().contains(sealing("0a").fingerprint()));
        assert_eq!(store.list_signing_keys().await.unwrap(), rows, "nothing was made anew");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_starting_together_end_with_the_same_keys() {
    on_each_engine(async |Engine { store, .. }| {
        let (one, two, three) = tokio::join!(start(store, NOW), start(store, NOW), start(store, NOW + 2));
        assert_eq!(one.jwks(NOW), two.jwks(NOW));
        assert_eq!(one.jwks(NOW), three.jwks(NOW));
        // The clock of the first may be behind that of whoever made the keys: it signs all the same.
        let token = one.sign("JWT", SigningAlg::RS256, &json!({}), NOW - 5).unwrap();
        assert!(three.verify("JWT", &token).is_ok());
    })
    .await;
}

#[tokio::test]
async fn sealed_keys_are_tied_to_their_rows() {
    on_each_engine(async |engine| {
        let keys = start(&engine.store, NOW).await;
        engine
            .execute(
                "update signing_keys set sealed_private =
                 (select other.sealed_private from signing_keys other where other.alg = 'RS256')",
            )
            .await;
        assert!(matches!(keys.reload(&engine.store).await, Err(KeysError::Secret(_))));
        assert!(
            keys.sign("JWT", SigningAlg::RS256, &json!({}), NOW).is_ok(),
            "the former keys stay in use"
        );
    })
    .await;
}

/// A token's claims under another header, with this signature.
fn with_header(token: &str, header: Value, signature: &str) -> String {
    let claims = token.split('.').nth(1).unwrap();
    format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

/// A token signed by our own RSA key with RS384.
async fn rs384_by_our_key(store: &Store, token: &str) -> String {
    let kid = kid(token);
    let rows = store.list_signing_keys().await.unwrap();
    let sealed = &rows.iter().find(|row| row.id == kid).unwrap().sealed_private;
    let der = sealing("0a").open(&format!("signing_keys/{kid}"), sealed).unwrap();
    let unsigned = with_header(token, json!({ "alg": "RS384", "kid": kid }), "");
    let message = unsigned.trim_end_matches('.').as_bytes();
    let mut signature = vec![0; 256];
    let key = RsaKeyPair::from_pkcs8(&der).unwrap();
    key.sign(&RSA_PKCS1_SHA384, &SystemRandom::new(), message, &mut signature)
        .unwrap();
    unsigned + &URL_SAFE_NO_PAD.encode(signature)
}

/// A token signed with jsonwebtoken, under a `kid` of ours.
fn forged(alg: Algorithm, kid: &str, key: &EncodingKey) -> String {
    let mut header = Header::new(alg);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, &json!({ "sub": "a" }), key).unwrap()
}

#[tokio::test]
async fn tokens_that_are_not_ours_are_refused() {
    on_each_engine(async |Engine { store, .. }| {
        let keys = start(store, NOW).await;
        let token = keys
            .sign("JWT", SigningAlg::RS256, &json!({ "sub": "a" }), NOW)
            .unwrap();
        let es256 = keys
            .sign("JWT", SigningAlg::ES256, &json!({ "sub": "a" }), NOW)
            .unwrap();
        let (rsa, ec) = (kid(&token), kid(&es256));
        let (head, signature) = token.rsplit_once('.').unwrap();
        let jwk = &keys.jwks(NOW)["keys"][0];
        let hmac = |secret: &str| forged(Algorithm::HS256, &rsa, &EncodingKey::from_secret(secret.as_bytes()));
        let foreign = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let foreign = EncodingKey::from_ec_der(foreign.to_pkcs8v1().unwrap().as_ref());

        let refused = [
            ("none", with_header(&token, json!({ "alg": "none", "kid": rsa }), "")),
            (
                "none, signed",
                with_header(&token, json!({ "alg": "none", "kid": rsa }), signature),
            ),
            (
                "ES256 under the RSA key's kid",
                with_header(&token, json!({ "alg": "ES256", "kid": rsa }), signature),
            ),
            (
                "our key, an algorithm not its own",
                rs384_by_our_key(store, &token).await,
            ),
            ("no kid", with_header(&token, json!({ "alg": "RS256" }), signature)),
            (
                "another key's kid",
                with_header(&token, json!({ "alg": "RS256", "kid": ec }), signature),
            ),
            ("HMAC under the modulus", hmac(jwk["n"].as_str().unwrap())),
            ("HMAC under the JWK", hmac(&jwk.to_string())),
            ("a foreign key", forged(Algorithm::ES256, &ec, &foreign)),
            (
                "PS256 under the RS256 key's kid",
                with_header(&token, json!({ "alg": "PS256", "kid": rsa, "typ": "JWT" }), signature),
            ),
            ("cut", token[..token.len() - 1].to_owned()),
            ("extended", format!("{token}A")),
            (
                "a header more",
                with_header(&token, json!({ "alg": "RS256", "kid": rsa, "x": 1 }), signature),
            ),
            ("a fourth part", format!("{token}.")),
            ("no signature", format!("{head}.")),
            ("empty", String::new()),
        ];
        for (name, token) in refused {
            assert!(matches!(keys.verify("JWT", &token), Err(KeysError::Token)), "{name}");
        }
        assert!(keys.verify("JWT", &token).is_ok() && keys.verify("JWT", &es256).is_ok());
    })
    .await;
}
