//! JWTs before anybody believes them: never a panic, never an algorithm that is not ours.

use tchap_connect::protocol::claims_request::ClaimsRequest;
use tchap_connect::protocol::jws;

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(header) = jws::header(text) {
        let alg = serde_json::to_value(header.alg).expect("a word");
        assert!(
            ["RS256", "ES256", "PS256", "EdDSA"].iter().any(|known| alg == *known),
            "{alg}"
        );
    }
    let _ = jws::unverified_claims(text);
    if let Ok(claims) = ClaimsRequest::parse(Some(text)) {
        let _ = (claims.admits("subject"), claims.essential_acr());
    }
}
