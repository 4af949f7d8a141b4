//! Registrations, key sets and sector documents: whatever is taken can be told, and registered once more as the same client.

use serde_json::Value;
use tchap_connect::domain::claims::SCOPES;
use tchap_connect::protocol::jwk::PublicKeys;
use tchap_connect::protocol::registration::{Request, check_sector, registered};

pub fn run(body: &[u8]) {
    let _ = PublicKeys::from_slice(body);
    if let Ok(set) = serde_json::from_slice::<Value>(body) {
        let _ = PublicKeys::registrable(&set);
    }
    let Ok(request) = Request::parse(body) else { return };
    let Ok(client) = request.client("client", SCOPES) else {
        return;
    };
    let _ = check_sector(body, &client);
    let told = serde_json::to_vec(&registered(&client)).expect("it is JSON");
    let again = Request::parse(&told).expect("we told it");
    let again = again.client("client", SCOPES).expect("it was taken before");
    assert_eq!(registered(&again), registered(&client));
}
