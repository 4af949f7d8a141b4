//! One signing key: made and held by aws-lc-rs, parsed once (parsing an RSA key costs as much as a signature), and its
//! public half as a JWK (RFC 7517) whose `kid` is its thumbprint (RFC 7638).

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::KeysError;
use crate::protocol::client::SigningAlg;
use crate::secret::sha256;

/// A private key ready to sign.
pub(super) enum Signer {
    Rs256(Box<RsaKeyPair>),
    Es256(EcdsaKeyPair),
}

impl Signer {
    /// Makes a key. RSA takes some tenths of a second: at first start and on rotation only.
    pub(super) fn generate(alg: SigningAlg) -> Result<Self, KeysError> {
        let failed = |_| KeysError::Crypto;
        Ok(match alg {
            SigningAlg::RS256 => Self::Rs256(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?)),
            SigningAlg::ES256 => Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?),
        })
    }

    /// Reads a PKCS#8 key.
    pub(super) fn from_pkcs8(alg: SigningAlg, der: &[u8]) -> Result<Self, KeysError> {
        let failed = |_| KeysError::Crypto;
        Ok(match alg {
            SigningAlg::RS256 => Self::Rs256(Box::new(RsaKeyPair::from_pkcs8(der).map_err(failed)?)),
            SigningAlg::ES256 => {
                Self::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(failed)?)
            }
        })
    }

    /// The key as PKCS#8, to be sealed at once.
    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        let failed = |_| KeysError::Crypto;
        let der = match self {
            Self::Rs256(pair) => pair.as_der().map_err(failed)?.as_ref().to_vec(),
            Self::Es256(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    /// Signs; the signature in the form of RFC 7518 §3.3 or §3.4.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeysError> {
        let failed = |_| KeysError::Crypto;
        match self {
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Self::Es256(pair) => Ok(pair
                .sign(&SystemRandom::new(), message)
                .map_err(failed)?
                .as_ref()
                .to_vec()),
        }
    }

    /// The `kid` and the public JWK.
    pub(super) fn public_jwk(&self) -> Result<(String, Value), KeysError> {
        let (alg, mut jwk) = match self {
            Self::Rs256(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                let (n, e) = (URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e));
                (SigningAlg::RS256, json!({ "e": e, "kty": "RSA", "n": n }))
            }
            Self::Es256(pair) => {
                // An uncompressed point: 4, then x and y of 32 bytes each.
                let point = pair.public_key().as_ref();
                let (x, y) = point
                    .get(1..)
                    .and_then(|xy| xy.split_at_checked(32))
                    .ok_or(KeysError::Crypto)?;
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                (
                    SigningAlg::ES256,
                    json!({ "crv": "P-256", "kty": "EC", "x": x, "y": y }),
                )
            }
        };
        // RFC 7638 §3: so far these are the required members, and serde_json writes them in the order of their names.
        let kid = URL_SAFE_NO_PAD.encode(sha256(jwk.to_string().as_bytes()));
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(alg.as_str());
        Ok((kid, jwk))
    }
}
