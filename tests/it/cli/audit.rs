//! The audit log from the command line.

use serde_json::Value;

use super::Place;

fn act(place: &Place) {
    let export = place.run(&["audit", "export"]).well().stdout();
    assert!(export.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}

#[test]
fn the_chain_is_checked_and_exported() {
    let place = Place::new();
    place.run(&["migrate"]).well();
    let empty = place.run(&["audit", "verify"]).well();
    assert!(
        empty
            .stdout()
            .contains("0 administrative acts on 0 days: the chain is whole.")
    );
    // That somebody took a copy is an act itself.
    act(&place);
    act(&place);
    let export = place
        .run(&["audit", "export", "--class", "administrative"])
        .well()
        .stdout();
    let lines: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["action"], "audit.exported");
    assert_eq!(lines[0]["actor"]["kind"], "command_line");
    assert_eq!(lines[0]["detail"]["class"], "administrative");
    assert_eq!(lines[0]["chain"]["number"], 3);
    let none = place.run(&["audit", "export", "--from", "2100-01-01"]).well().stdout();
    assert_eq!(none, "");
    let checked = place.run(&["audit", "verify", "--json"]).well().json();
    assert_eq!((&checked["whole"], &checked["acts"]), (&true.into(), &4.into()));
    let newest = &checked["last_of_each_day"][0];
    let newest = format!(
        "{}={}",
        newest["place"].as_str().unwrap(),
        newest["hash"].as_str().unwrap()
    );
    place.run(&["audit", "verify", "--known", &newest]).well();
    let other = newest.replace("/4=", "/3=");
    let failed = place.run(&["audit", "verify", "--json", "--known", &other]).badly();
    assert_eq!(failed.json()["whole"], false);
    assert!(
        failed.json()["findings"][0]
            .as_str()
            .unwrap()
            .contains("known from elsewhere")
    );
    for wrong in ["x", "2026-11-24=a", "2026-13-01/1=a", "/="] {
        assert_eq!(
            place.run(&["audit", "verify", "--known", wrong]).0.status.code(),
            Some(2)
        );
    }
}
