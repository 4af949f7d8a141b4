//! What agents type, and Matrix ids that homeservers answer: read once and again it is the same, and of one server.

use tchap_connect::domain::identifier::{Identifier, MatrixId, email_domain, normalise_email};
use tchap_connect::protocol::text::is_hostile;

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(id) = MatrixId::parse(text) {
        assert_eq!(id.as_str(), text);
        assert_eq!(format!("@{}:{}", id.local_part(), id.server_name()), text);
        assert!(!text.contains(is_hostile));
    }
    if let Some(address) = normalise_email(text) {
        assert_eq!(normalise_email(&address).as_ref(), Some(&address));
        assert!(
            email_domain(&address).is_some_and(|domain| !domain.is_empty()),
            "{address}"
        );
    }
    let typed = match Identifier::parse(text) {
        None => return,
        Some(Identifier::Email(address)) => address,
        Some(Identifier::MatrixId(id)) => id.as_str().to_owned(),
        Some(Identifier::LocalPart(local)) => local,
    };
    assert!(!typed.contains(is_hostile), "{typed:?}");
    assert_eq!(Identifier::parse(&typed), Identifier::parse(text));
}
