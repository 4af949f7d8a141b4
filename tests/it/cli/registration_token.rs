//! Initial access tokens as an operator makes them.

use super::Place;

#[test]
fn a_registration_token_is_shown_once_and_revoked() {
    let place = Place::new();
    place.run(&["migrate"]).well();
    let add = [
        "registration-token",
        "add",
        "--note",
        "Partner",
        "--uses",
        "3",
        "--days",
        "2",
        "--json",
    ];
    let made = place.run(&add).well().json();
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert_eq!(token.len(), 43);
    assert_eq!(
        made["expires_at"].as_i64().unwrap() - made["created_at"].as_i64().unwrap(),
        2 * 86_400
    );
    let listed = place.run(&["registration-token", "list", "--json"]).well();
    assert!(!listed.stdout().contains(token), "shown once");
    assert_eq!(listed.json()[0]["uses_left"], 3);
    let words = place.run(&["registration-token", "list"]).well().stdout();
    assert!(words.contains("Partner") && words.contains(id), "{words}");
    place.run(&["registration-token", "revoke", id]).well();
    assert!(
        place
            .run(&["registration-token", "revoke", id])
            .badly()
            .stderr()
            .contains("there is no token")
    );
    assert_eq!(
        place.run(&["registration-token", "list", "--json"]).well().json(),
        serde_json::json!([])
    );
    let made_and_revoked = ["created", "revoked"].map(|what| format!("registration_token.{what} {id}"));
    assert_eq!(place.recorded(), made_and_revoked);
    let said = place.run(&["registration-token", "add", "--note", "x"]).well();
    assert!(said.stderr().contains("registration.mode"), "{}", said.stderr());
}
