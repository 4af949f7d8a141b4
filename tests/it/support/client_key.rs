//! Keys of clients' own, and the JWTs that they sign with them.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tchap_connect::protocol::client::{Client, ClientAuthMethod, ClientKeys, SigningAlg};
use tchap_connect::protocol::client_assertion::TYPE;
use tchap_connect::secret::random_id;

use super::secrets::Kind;
use super::{Page, RelyingParty, TestApp, WITHOUT, client};

/// A private key of a client's.
pub struct ClientKey {
    pub kid: String,
    alg: SigningAlg,
    key: EncodingKey,
}

impl ClientKey {
    /// A key for ES256.
    pub fn new(kid: &str) -> Self {
        Self::of(SigningAlg::ES256, kid)
    }

    pub fn of(alg: SigningAlg, kid: &str) -> Self {
        let key = match alg {
            SigningAlg::ES256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
                EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref())
            }
            SigningAlg::EdDSA => {
                let pair = Ed25519KeyPair::generate().unwrap();
                EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref())
            }
            SigningAlg::RS256 | SigningAlg::PS256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
                let pem = format!(
                    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                    STANDARD.encode(der.as_ref())
                );
                EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
            }
        };
        let kid = kid.to_owned();
        Self { kid, alg, key }
    }

    fn algorithm(&self) -> Algorithm {
        self.alg.as_str().parse().unwrap()
    }

    /// The public half.
    pub fn jwk(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, self.algorithm()).unwrap()).unwrap();
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(claims, |_| {})
    }

    /// With another header.
    pub fn sign_with(&self, claims: &Value, change: impl FnOnce(&mut Header)) -> String {
        let mut header = Header::new(self.algorithm());
        header.kid = Some(self.kid.clone());
        change(&mut header);
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

/// A JWK Set.
pub fn jwks(keys: &[&ClientKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

/// A client of this name that signs with this key.
pub fn signing_client(id: &str, key: &ClientKey) -> Client {
    Client {
        auth_methods: [ClientAuthMethod::PrivateKeyJwt].into(),
        keys: ClientKeys {
            jwks: Some(jwks(&[key])),
            jwks_uri: None,
        },
        ..client(id)
    }
}

/// The claims of a good assertion.
pub fn assertion_claims(app: &TestApp, client_id: &str) -> Value {
    let now = app.app.clock.now();
    json!({
        "iss": client_id,
        "sub": client_id,
        "aud": app.app.config.issuer,
        "exp": now + 60,
        "iat": now,
        "jti": random_id().unwrap(),
    })
}

/// A JWT without a signature.
pub fn unsigned(claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.", encode(&json!({"alg": "none", "typ": "JWT"})), encode(claims))
}

impl RelyingParty {
    /// A token request for a code with this assertion in the place of a secret, `client_id` left out.
    pub async fn token_by_assertion(&self, app: &TestApp, code: &str, assertion: &str, more: &[(&str, &str)]) -> Page {
        app.traffic.secret(Kind::Never, assertion);
        let usual = [
            ("client_id", WITHOUT),
            ("client_assertion_type", TYPE),
            ("client_assertion", assertion),
        ];
        let unchanged = usual
            .into_iter()
            .filter(|(name, _)| !more.iter().any(|(changed, _)| changed == name));
        let changes: Vec<_> = unchanged.chain(more.iter().copied()).collect();
        self.token_with(&self.form(code, &changes), &[]).await
    }
}
