use super::*;

fn homeserver(name: &str, email_domains: &[&str]) -> Homeserver {
    Homeserver {
        name: name.to_owned(),
        label: name.to_owned(),
        base_url: format!("https://matrix.{name}"),
        guests: false,
        ways: Way::DEFAULT_ORDER.to_vec(),
        email_domains: email_domains.iter().map(|domain| (*domain).to_owned()).collect(),
        directory: false,
        sso_always_asks: false,
        recreated_by_address: false,
        oauth: OAuthSettings::default(),
        watch: Default::default(),
    }
}

fn identifier(typed: &str) -> Identifier {
    Identifier::parse(typed).expect("a readable identifier")
}

#[test]
fn suffixes_match_on_label_boundaries() {
    for (domain, suffix, under) in [
        ("gouv.fr", "gouv.fr", true),
        ("beta.gouv.fr", "gouv.fr", true),
        ("a.b.gouv.fr", "gouv.fr", true),
        ("evilgouv.fr", "gouv.fr", false),
        ("gouv.fr.evil.com", "gouv.fr", false),
        ("fr", "gouv.fr", false),
        ("gouv.fr", "", false),
        ("gouv.fr", ".gouv.fr", false),
    ] {
        assert_eq!(domain_is_under(domain, suffix), under, "{domain} under {suffix}");
    }
}

#[test]
fn the_longest_rule_wins_whatever_the_order() {
    let list = [
        homeserver("agents", &["gouv.fr"]),
        homeserver("culture", &["culture.gouv.fr", "louvre.fr"]),
    ];
    let reversed: Vec<_> = list.iter().rev().cloned().collect();
    for homeservers in [&list[..], &reversed[..]] {
        for (domain, winner) in [
            ("drac.culture.gouv.fr", "culture"),
            ("beta.gouv.fr", "agents"),
            ("evilculture.gouv.fr", "agents"),
        ] {
            let names: Vec<_> = ruled_by(homeservers, domain)
                .iter()
                .map(|found| found.name.as_str())
                .collect();
            assert_eq!(names, [winner], "{domain}");
        }
        assert!(ruled_by(homeservers, "example.org").is_empty());
    }
}

#[test]
fn identifiers_are_routed_by_the_list() {
    let several = [homeserver("a.fr", &["gouv.fr"]), homeserver("b.fr", &[])];
    let ruled = [homeserver("a.fr", &["gouv.fr"])];
    let sole = [homeserver("a.fr", &[])];
    for (homeservers, typed, route) in [
        (
            &several[..],
            "@x:b.fr",
            LocalRoute::Found(&several[1], RouteTrust::TypedByAgent),
        ),
        (
            &several[..],
            "@x:B.FR",
            LocalRoute::Found(&several[1], RouteTrust::TypedByAgent),
        ),
        (&several[..], "@x:evil.fr", LocalRoute::NotListed),
        (
            &several[..],
            "x@beta.gouv.fr",
            LocalRoute::Found(&several[0], RouteTrust::OwnRule),
        ),
        (&several[..], "x@example.org", LocalRoute::AskDirectory),
        (&several[..], "x", LocalRoute::NeedsServer),
        (&ruled[..], "x@example.org", LocalRoute::AskDirectory),
        (&ruled[..], "x", LocalRoute::Found(&ruled[0], RouteTrust::OwnRule)),
        (
            &sole[..],
            "x@example.org",
            LocalRoute::Found(&sole[0], RouteTrust::OwnRule),
        ),
        (&sole[..], "@x:evil.fr", LocalRoute::NotListed),
        (&[], "x", LocalRoute::NeedsServer),
        (&[], "x@a.fr", LocalRoute::AskDirectory),
    ] {
        assert_eq!(route_locally(homeservers, &identifier(typed)), route, "{typed}");
    }
}

#[test]
fn only_one_directory_answer_may_not_ask_for_a_password() {
    for trust in [
        RouteTrust::OwnRule,
        RouteTrust::TypedByAgent,
        RouteTrust::DirectoryAgreed,
    ] {
        assert!(trust.allows_password(), "{trust:?}");
    }
    assert!(!RouteTrust::DirectoryOne.allows_password());
}

#[test]
fn an_address_is_believed_only_from_the_server_entitled_to_it() {
    let list = [
        homeserver("elysee", &["elysee.fr"]),
        homeserver("agents", &["gouv.fr"]),
        homeserver("guests", &[]),
    ];
    let sole = [homeserver("sole", &[])];
    let sole_ruled = [homeserver("sole", &["gouv.fr"])];
    for (homeservers, asserting, address, entitled) in [
        (&list[..], "elysee", "x@elysee.fr", Entitlement::Yes),
        // A rule outranks whatever the directory says.
        (&list[..], "guests", "x@elysee.fr", Entitlement::No),
        (&list[..], "agents", "x@evilelysee.fr", Entitlement::AskDirectory),
        (&list[..], "guests", "x@example.org", Entitlement::AskDirectory),
        (&list[..], "unlisted", "x@gouv.fr", Entitlement::No),
        (&list[..], "agents", "gouv.fr", Entitlement::No),
        (&sole[..], "sole", "x@example.org", Entitlement::Yes),
        (&sole[..], "other", "x@example.org", Entitlement::No),
        (&sole_ruled[..], "sole", "x@beta.gouv.fr", Entitlement::Yes),
        (&sole_ruled[..], "sole", "x@example.org", Entitlement::AskDirectory),
    ] {
        assert_eq!(
            entitlement(homeservers, asserting, address),
            entitled,
            "{asserting} asserts {address}"
        );
    }
}

#[test]
fn one_of_several_witnesses_settles_nothing() {
    for (witnesses, answers, verdict) in [
        (0, &[][..], Some(false)),
        (1, &[], None),
        (1, &[true], Some(true)),
        (1, &[false], Some(false)),
        (2, &[true], None),
        (2, &[false], None),
        (2, &[true, false], None),
        (2, &[true, true], Some(true)),
        (2, &[false, false], Some(false)),
        (9, &[true, false], None),
        (9, &[false, true, true], Some(true)),
        (9, &[true, false, false], Some(false)),
    ] {
        let mut testimony = Testimony::of(witnesses);
        answers.iter().for_each(|yes| testimony.hear(*yes));
        assert_eq!(testimony.verdict(), verdict, "{witnesses} {answers:?}");
    }
}

#[test]
fn two_servers_with_the_same_rule_are_both_entitled() {
    let list = [
        homeserver("old", &["culture.gouv.fr"]),
        homeserver("new", &["culture.gouv.fr"]),
        homeserver("x", &["gouv.fr"]),
    ];
    for (name, entitled) in [
        ("old", Entitlement::Yes),
        ("new", Entitlement::Yes),
        ("x", Entitlement::No),
    ] {
        assert_eq!(entitlement(&list, name, "a@culture.gouv.fr"), entitled, "{name}");
    }
}

#[test]
fn ways_have_one_spelling() {
    for way in Way::DEFAULT_ORDER {
        assert_eq!(way.as_str().parse(), Ok(way));
        assert_eq!(serde_json::to_string(&way).ok(), Some(format!("\"{way}\"")));
    }
    assert_eq!("SSO".parse::<Way>(), Err(UnknownWay));
}
