//! Files: logos and tables of administrations. What is taken of a table is the same when it is written and read again.

use tchap_connect::domain::administration::table;
use tchap_connect::domain::logo;

pub fn run(bytes: &[u8]) {
    if let Ok(logo) = logo::check(bytes.to_vec()) {
        assert!(["image/png", "image/jpeg", "image/webp"].contains(&logo.media_type));
    }
    let Ok(administrations) = table::read(bytes) else {
        return;
    };
    let written = table::write(&administrations).expect("text");
    let again = table::read(written.as_bytes()).expect("we wrote it");
    assert_eq!(again, administrations);
}
