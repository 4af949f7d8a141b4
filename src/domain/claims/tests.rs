//! The table of claims: which scope gives what, what is omitted when, and that nothing widens a grant.

use proptest::prelude::*;

use super::*;
use crate::domain::agent::AgentEmail;

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn demands(json: &str) -> ClaimsRequest {
    ClaimsRequest::parse(Some(json)).unwrap()
}

fn of_scope(scope: &[&str]) -> BTreeSet<String> {
    requested(&set(scope), &ClaimsRequest::default(), &set(SCOPES))
}

fn agent() -> Agent {
    Agent {
        id: "agent-id".to_owned(),
        homeserver: "agent.dinum.test".to_owned(),
        matrix_id: "@jean.dupont-beta.gouv.fr:agent.dinum.test".to_owned(),
        display_name: Some("Jean Dupont [DINUM]".to_owned()),
        email: Some(AgentEmail {
            address: "jean.dupont@beta.gouv.fr".to_owned(),
            added_at: 1,
        }),
        last_believed: None,
        at_issuer: None,
        locale: Some("fr".to_owned()),
        created_at: 1,
        updated_at: 1_700_000_000,
        closed_at: None,
        paused: None,
        checked_at: None,
    }
}

fn homeserver(guests: bool) -> Homeserver {
    serde_json::from_value(json!({
        "name": "agent.dinum.test", "label": "DINUM", "base_url": "https://h", "ways": ["sso"], "guests": guests,
    }))
    .unwrap()
}

fn dinum() -> Administration {
    Administration {
        domain: "beta.gouv.fr".to_owned(),
        name: "Direction interministérielle du numérique".to_owned(),
        siren: Some("130025265".to_owned()),
        siret: Some("13002526500013".to_owned()),
        branch: Some(Branch::Etat),
        organizational_unit: Some("Opérateur".to_owned()),
    }
}

fn grant(claims: &[&str], request: &str) -> AgentGrant {
    AgentGrant {
        agent_id: "agent-id".to_owned(),
        session_id: "s".to_owned(),
        subject: "subject".to_owned(),
        claims: set(claims),
        demanded_in_userinfo: demands(request).userinfo.into_keys().collect(),
        demanded_in_id_token: demands(request).id_token.into_keys().collect(),
        nonce: None,
        auth_time: None,
        acr: "eidas1".to_owned(),
        amr: Vec::new(),
        sid: "sid".to_owned(),
    }
}

#[test]
fn each_scope_gives_its_claims() {
    for (scope, claims) in [
        ("openid", &["sub"][..]),
        (
            "profile",
            &[
                "sub",
                "name",
                "given_name",
                "family_name",
                "usual_name",
                "updated_at",
                "locale",
            ],
        ),
        ("email", &["sub", "email", "email_verified"]),
        ("given_name", &["sub", "given_name"]),
        ("usual_name", &["sub", "usual_name", "family_name"]),
        ("uid", &["sub", "uid"]),
        ("siren", &["sub", "siren"]),
        ("siret", &["sub", "siret"]),
        ("organizational_unit", &["sub", "organizational_unit"]),
        (
            "organization_label",
            &["sub", "organization_label", "administration_name"],
        ),
        ("belonging_population", &["sub", "belonging_population"]),
        ("roles", &["sub", "roles"]),
        (
            "administration",
            &[
                "sub",
                "administration_domain",
                "administration_name",
                "organization_label",
                "siren",
                "siret",
                "organizational_unit",
            ],
        ),
        (
            "tchap",
            &[
                "sub",
                "tchap_user_id",
                "tchap_homeserver",
                "tchap_guest",
                "administration_domain",
            ],
        ),
        ("phone", &["sub"]),
        ("offline_access", &["sub"]),
    ] {
        assert_eq!(of_scope(&[scope]), set(claims), "{scope}");
    }
}

#[test]
fn discovery_and_the_table_name_the_same_scopes_and_claims() {
    let givers: BTreeSet<&str> = CLAIMS.iter().flat_map(|(_, scopes)| scopes.iter().copied()).collect();
    let without_claims = BTreeSet::from([OFFLINE_ACCESS]);
    assert_eq!(&givers | &without_claims, SCOPES.iter().copied().collect());
    let supported: Vec<&str> = supported().collect();
    assert_eq!(supported.len(), supported.iter().collect::<BTreeSet<_>>().len());
    assert_eq!(
        requested(&set(SCOPES), &ClaimsRequest::default(), &set(SCOPES)).len(),
        CLAIMS.len()
    );
}

#[test]
fn preferred_username_goes_only_to_those_who_see_the_address_or_the_matrix_id() {
    let has = |scope: &[&str]| of_scope(scope).contains("preferred_username");
    assert!(!has(&["profile"]) && !has(&["profile", "administration"]) && !has(&["email", "tchap"]));
    assert!(has(&["profile", "email"]) && has(&["profile", "tchap"]));
    let registered = set(&["openid", "profile", "email"]);
    let asked = |json| requested(&set(&["openid"]), &demands(json), &registered).contains("preferred_username");
    assert!(!asked(r#"{"userinfo":{"preferred_username":null}}"#));
    assert!(asked(r#"{"userinfo":{"preferred_username":null,"email":null}}"#));
}

#[test]
fn the_claims_parameter_selects_only_among_the_claims_of_registered_scopes() {
    let request = demands(
        r#"{"userinfo":{"email":{"essential":true},"siret":null,"phone_number":null,"acr":null},
            "id_token":{"given_name":null,"tchap_user_id":null}}"#,
    );
    let registered = set(&["openid", "email", "given_name"]);
    assert_eq!(
        requested(&set(&["openid"]), &request, &registered),
        set(&["sub", "email", "given_name"])
    );
    assert_eq!(requested(&set(&["openid"]), &request, &set(&[])), set(&["sub"]));
}

#[test]
fn an_agent_with_everything_has_every_claim() {
    let values = values(&agent(), &homeserver(false), Some(&dinum()), "subject");
    let expected = json!({
        "sub": "subject", "uid": "subject", "updated_at": 1_700_000_000, "locale": "fr",
        "name": "Jean Dupont", "given_name": "Jean", "family_name": "Dupont", "usual_name": "Dupont",
        "preferred_username": "jean.dupont-beta.gouv.fr",
        "email": "jean.dupont@beta.gouv.fr", "email_verified": true,
        "tchap_user_id": "@jean.dupont-beta.gouv.fr:agent.dinum.test", "tchap_homeserver": "agent.dinum.test",
        "tchap_guest": false, "administration_domain": "beta.gouv.fr",
        "administration_name": "Direction interministérielle du numérique",
        "organization_label": "Direction interministérielle du numérique",
        "siren": "130025265", "siret": "13002526500013", "organizational_unit": "Opérateur",
        "belonging_population": "agent", "roles": ["agent_public", "agent_public_etat"],
    });
    assert_eq!(json!(values), expected);
    assert_eq!(values.len(), CLAIMS.len());
}

#[test]
fn what_has_no_data_is_omitted() {
    let bare = Agent {
        display_name: None,
        email: None,
        locale: None,
        ..agent()
    };
    let row = dinum();
    let names = |agent, guests, row| {
        let values = values(agent, &homeserver(guests), row, "subject");
        values.into_keys().collect::<BTreeSet<_>>()
    };
    let always = BTreeSet::from([
        "sub",
        "uid",
        "updated_at",
        "preferred_username",
        "tchap_user_id",
        "tchap_homeserver",
        "tchap_guest",
    ]);
    assert_eq!(names(&bare, false, None), always);
    // An administration comes by the entitled address only.
    assert_eq!(names(&bare, false, Some(&row)), always);
    let of_guest = &names(&bare, true, None) - &always;
    assert_eq!(of_guest, BTreeSet::from(["belonging_population"]));
    // Without a row: the bare domain, and a name from the bracket at most.
    let agent = agent();
    let of_unknown = &names(&agent, false, None) - &always;
    for absent in ["siren", "siret", "organizational_unit", "belonging_population", "roles"] {
        assert!(!of_unknown.contains(absent), "{absent}");
    }
    let values = values(&agent, &homeserver(false), None, "subject");
    assert_eq!(values["administration_name"], "DINUM");
    assert_eq!(values["organization_label"], "DINUM");
    assert_eq!(values["administration_domain"], "beta.gouv.fr");
}

#[test]
fn an_administration_row_counts_for_its_domain_and_below() {
    for (address, counts) in [
        ("a@beta.gouv.fr", true),
        ("a@sub.beta.gouv.fr", true),
        ("a@evilbeta.gouv.fr", false),
        ("a@gouv.fr", false),
        ("a@beta.gouv.fr.example", false),
    ] {
        let mut agent = agent();
        agent.email.as_mut().unwrap().address = address.to_owned();
        let values = values(&agent, &homeserver(false), Some(&dinum()), "subject");
        assert_eq!(values.contains_key("siret"), counts, "{address}");
    }
}

#[test]
fn branches_are_roles_and_guests_are_no_agents() {
    for (branch, role) in [
        (Branch::Etat, "agent_public_etat"),
        (Branch::Territoriale, "agent_public_territorial"),
        (Branch::Hospitaliere, "agent_public_hospitalier"),
    ] {
        let row = Administration {
            branch: Some(branch),
            ..dinum()
        };
        let values = values(&agent(), &homeserver(false), Some(&row), "subject");
        assert_eq!(values["roles"], json!(["agent_public", role]));
    }
    let row = Administration {
        branch: None,
        ..dinum()
    };
    assert!(!values(&agent(), &homeserver(false), Some(&row), "subject").contains_key("roles"));
    let guest = values(&agent(), &homeserver(true), Some(&dinum()), "subject");
    assert_eq!(guest["belonging_population"], "partenaire");
    assert_eq!(guest["tchap_guest"], true);
    assert!(!guest.contains_key("roles"));
}

#[test]
fn claims_of_scopes_go_to_userinfo_and_demanded_ones_where_they_were_demanded() {
    let values = values(&agent(), &homeserver(false), Some(&dinum()), "subject");
    let grant = grant(
        &["sub", "email", "email_verified", "name", "siret"],
        r#"{"userinfo":{"name":{"value":"Somebody Else"}},"id_token":{"siret":null,"email":null,"siren":null,"sub":null}}"#,
    );
    // A demanded value is a preference (Core §5.5.1): the real one comes back.
    assert_eq!(
        json!(userinfo(&set(&["openid", "email"]), &grant, &values)),
        json!({"sub": "subject", "email": "jean.dupont@beta.gouv.fr", "email_verified": true, "name": "Jean Dupont"})
    );
    assert_eq!(
        json!(id_token_extra(&grant, &values)),
        json!({"siret": "13002526500013", "email": "jean.dupont@beta.gouv.fr"})
    );
}

#[test]
fn the_level_and_the_method_are_never_more_than_known() {
    assert_eq!(acr(&homeserver(false)), "eidas1");
    assert_eq!(acr(&homeserver(true)), "eidas0");
    for homeserver in [homeserver(false), homeserver(true)] {
        assert!(ACR_VALUES.contains(&acr(&homeserver)));
    }
    assert_eq!(amr(Way::Password), ["pwd"]);
    assert!(amr(Way::Sso).is_empty());
}

fn some_scopes() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::sample::subsequence(SCOPES.to_vec(), 0..=SCOPES.len()).prop_map(|scopes| set(&scopes))
}

fn some_claims() -> impl Strategy<Value = BTreeSet<String>> {
    let names: Vec<&str> = supported().chain(["phone_number"]).collect();
    proptest::sample::subsequence(names.clone(), 0..=names.len()).prop_map(|claims| set(&claims))
}

proptest! {
    #[test]
    fn nothing_widens_what_was_registered_and_granted(
        scope in some_scopes(),
        registered in some_scopes(),
        granted in some_claims(),
        wanted in some_claims(),
    ) {
        let members: Map<String, Value> = wanted.iter().map(|claim| (claim.clone(), Value::Null)).collect();
        let request = json!({"userinfo": members, "id_token": members}).to_string();
        let scope: BTreeSet<String> = scope.intersection(&registered).cloned().collect();
        let asked = requested(&scope, &demands(&request), &registered);
        let widest = requested(&registered, &ClaimsRequest::default(), &registered);
        prop_assert!(asked.is_subset(&widest));

        let values = values(&agent(), &homeserver(false), Some(&dinum()), "subject");
        let grant = AgentGrant { claims: granted.clone(), ..grant(&[], &request) };
        let at_userinfo = userinfo(&scope, &grant, &values);
        prop_assert_eq!(&at_userinfo["sub"], "subject");
        let in_id_token = id_token_extra(&grant, &values);
        prop_assert!(!in_id_token.contains_key("sub"));
        for (claim, value) in at_userinfo.into_iter().chain(in_id_token) {
            prop_assert!(claim == "sub" || granted.contains(&claim));
            prop_assert!(!value.is_null() && value != "");
        }
    }
}
