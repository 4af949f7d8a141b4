use super::*;

fn says(servers: &[&str], homeserver: &str, new: Option<&str>) -> DirectoryFinding {
    DirectoryFinding {
        homeserver: homeserver.into(),
        new_homeserver: new.map(str::to_owned),
        answered_by: servers.iter().map(|server| (*server).to_owned()).collect(),
    }
}

#[test]
fn most_answers_win_then_the_new_home_then_the_earliest() {
    for (findings, home) in [
        (vec![says(&["1"], "a", None), says(&["2"], "b", None)], "a"),
        (vec![says(&["1"], "a", None), says(&["2", "3"], "b", None)], "b"),
        (vec![says(&["1"], "a", Some("b"))], "a"),
        (vec![says(&["1"], "a", Some("b")), says(&["2"], "b", None)], "b"),
        (vec![says(&["1"], "b", None), says(&["2"], "a", Some("b"))], "b"),
        // One server's word moves nobody against two.
        (vec![says(&["1", "3"], "a", Some("b")), says(&["2"], "b", None)], "a"),
        (vec![says(&["1"], "a", Some("b")), says(&["2"], "c", None)], "a"),
        // Two servers that each announce a move to the other's: the earliest.
        (vec![says(&["1"], "a", Some("b")), says(&["2"], "b", Some("a"))], "a"),
    ] {
        let chosen = best(findings.clone()).map(|finding| finding.homeserver);
        assert_eq!(chosen.as_deref(), Some(home), "{findings:?}");
    }
    assert_eq!(best(Vec::new()), None);
}

#[test]
fn answers_are_kept_for_minutes_per_server_and_not_without_bound() {
    let answers = Answers::default();
    answers.keep("1", "x@a.fr", "a", 1000);
    assert_eq!(answers.find("1", "x@a.fr", 1299).as_deref(), Some("a"));
    for (server, address, now) in [
        ("2", "x@a.fr", 1000),
        ("1", "y@a.fr", 1000),
        ("1", "x@a.fr", 1300),
        ("1", "x@a.fr", 0),
    ] {
        assert_eq!(answers.find(server, address, now), None, "{server} {address} {now}");
    }
    for agent in 0..=MAX_ANSWERS {
        answers.keep("1", &format!("agent{agent}@a.fr"), "a", 2000);
    }
    assert!(answers.0.lock().expect("a lock").len() <= MAX_ANSWERS);
}
