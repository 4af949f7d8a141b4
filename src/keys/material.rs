//! One signing key: made and held by aws-lc-rs, parsed once (parsing an RSA key costs as much as a signature), and its
//! public half as a JWK (RFC 7517) whose `kid` is its thumbprint (RFC 7638).

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::KeysError;
use crate::protocol::client::SigningAlg;
use crate::secret::sha256;

/// A private key ready to sign, with the one algorithm that it is for.
pub(super) enum Signer {
    Rs256(Box<RsaKeyPair>),
    Ps256(Box<RsaKeyPair>),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Signer {
    /// Makes a key. RSA takes some tenths of a second: not on a thread that serves requests.
    pub(super) fn generate(alg: SigningAlg) -> Result<Self, KeysError> {
        let failed = |_| KeysError::Crypto;
        let rsa = || RsaKeyPair::generate(KeySize::Rsa2048).map(Box::new).map_err(failed);
        Ok(match alg {
            SigningAlg::RS256 => Self::Rs256(rsa()?),
            SigningAlg::PS256 => Self::Ps256(rsa()?),
            SigningAlg::ES256 => Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?),
            SigningAlg::EdDSA => Self::EdDsa(Ed25519KeyPair::generate().map_err(failed)?),
        })
    }

    /// Reads a PKCS#8 key.
    pub(super) fn from_pkcs8(alg: SigningAlg, der: &[u8]) -> Result<Self, KeysError> {
        let failed = |_| KeysError::Crypto;
        let rsa = || RsaKeyPair::from_pkcs8(der).map(Box::new).map_err(failed);
        Ok(match alg {
            SigningAlg::RS256 => Self::Rs256(rsa()?),
            SigningAlg::PS256 => Self::Ps256(rsa()?),
            SigningAlg::ES256 => {
                Self::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(failed)?)
            }
            SigningAlg::EdDSA => Self::EdDsa(Ed25519KeyPair::from_pkcs8(der).map_err(failed)?),
        })
    }

    /// The key as PKCS#8, to be sealed at once.
    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        let failed = |_| KeysError::Crypto;
        let der = match self {
            Self::Rs256(pair) | Self::Ps256(pair) => pair.as_der().map_err(failed)?.as_ref().to_vec(),
            Self::Es256(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Self::EdDsa(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    /// The algorithm it is for.
    pub(super) fn alg(&self) -> SigningAlg {
        match self {
            Self::Rs256(_) => SigningAlg::RS256,
            Self::Ps256(_) => SigningAlg::PS256,
            Self::Es256(_) => SigningAlg::ES256,
            Self::EdDsa(_) => SigningAlg::EdDSA,
        }
    }

    /// Signs; the signature in the form of RFC 7518 §3.3, §3.4, §3.5 or RFC 8037 §3.1.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeysError> {
        let failed = |_| KeysError::Crypto;
        let rsa = |pair: &RsaKeyPair, padding| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(padding, &SystemRandom::new(), message, &mut signature)
                .map_err(failed)?;
            Ok(signature)
        };
        match self {
            Self::Rs256(pair) => rsa(pair, &RSA_PKCS1_SHA256),
            Self::Ps256(pair) => rsa(pair, &RSA_PSS_SHA256),
            Self::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::EdDsa(pair) => Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec()),
        }
    }

    /// The `kid` and the public JWK.
    pub(super) fn public_jwk(&self) -> Result<(String, Value), KeysError> {
        let mut jwk = match self {
            Self::Rs256(pair) | Self::Ps256(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                let (n, e) = (URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e));
                json!({ "e": e, "kty": "RSA", "n": n })
            }
            Self::Es256(pair) => {
                // An uncompressed point: 4, then x and y of 32 bytes each.
                let point = pair.public_key().as_ref();
                let (x, y) = point
                    .get(1..)
                    .and_then(|xy| xy.split_at_checked(32))
                    .ok_or(KeysError::Crypto)?;
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                json!({ "crv": "P-256", "kty": "EC", "x": x, "y": y })
            }
            Self::EdDsa(pair) => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": URL_SAFE_NO_PAD.encode(pair.public_key()) })
            }
        };
        // RFC 7638 §3, RFC 8037 §2: so far these are the required members, and serde_json writes them in the order of
        // their names.
        let kid = URL_SAFE_NO_PAD.encode(sha256(jwk.to_string().as_bytes()));
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.alg().as_str());
        Ok((kid, jwk))
    }
}
