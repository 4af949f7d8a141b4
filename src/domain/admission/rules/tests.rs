use serde_json::{Value, json};

use super::*;
use crate::domain::agent::AgentEmail;

fn homeserver(guests: bool) -> Homeserver {
    serde_json::from_value(json!({
        "name": "agent.dinum.tchap.test", "label": "DINUM", "base_url": "https://h", "guests": guests,
    }))
    .unwrap()
}

fn agent(email: Option<&str>) -> Agent {
    Agent {
        id: "a".to_owned(),
        homeserver: "agent.dinum.tchap.test".to_owned(),
        matrix_id: "@jean:agent.dinum.tchap.test".to_owned(),
        display_name: Some("Jean [DINUM]".to_owned()),
        email: email.map(|address| AgentEmail {
            address: address.to_owned(),
            added_at: 0,
        }),
        last_believed: Some(AgentEmail {
            address: "jean@beta.gouv.fr".to_owned(),
            added_at: 0,
        }),
        at_issuer: None,
        locale: None,
        created_at: 0,
        updated_at: 0,
        closed_at: None,
        paused: None,
        checked_at: None,
    }
}

fn dinum() -> Administration {
    serde_json::from_value(json!({
        "domain": "beta.gouv.fr", "name": "DINUM", "siren": "130025265", "branch": "etat",
    }))
    .unwrap()
}

fn verdict(rules: &Value, email: Option<&str>, guest: bool, row: Option<&Administration>) -> Result<(), Refusal> {
    let rules: AdmissionRules = serde_json::from_value(rules.clone()).unwrap();
    check(&rules, &agent(email), &homeserver(guest), row)
}

const NO_ADMINISTRATION: Result<(), Refusal> = Err(Refusal::Administration);
const NO_POPULATION: Result<(), Refusal> = Err(Refusal::Population);

#[test]
fn one_criterion_is_enough_and_none_is_no_limit() {
    let jean = Some("jean@beta.gouv.fr");
    for (administrations, expected) in [
        (json!({}), Ok(())),
        (json!({"siren": ["130025265"]}), Ok(())),
        (json!({"siren": ["356000000"]}), NO_ADMINISTRATION),
        (json!({"email_domains": ["gouv.fr"]}), Ok(())),
        (json!({"email_domains": ["beta.gouv.fr"]}), Ok(())),
        (json!({"email_domains": ["eta.gouv.fr"]}), NO_ADMINISTRATION),
        (json!({"email_domains": ["x.beta.gouv.fr"]}), NO_ADMINISTRATION),
        (json!({"homeservers": ["agent.dinum.tchap.test"]}), Ok(())),
        (json!({"homeservers": ["dinum.tchap.test"]}), NO_ADMINISTRATION),
        (json!({"homeservers": ["AGENT.dinum.tchap.test"]}), NO_ADMINISTRATION),
        (json!({"branches": ["etat"]}), Ok(())),
        (json!({"branches": ["territoriale", "hospitaliere"]}), NO_ADMINISTRATION),
        (json!({"siren": ["356000000"], "branches": ["etat"]}), Ok(())),
        (
            json!({"siren": ["356000000"], "email_domains": ["elysee.fr"]}),
            NO_ADMINISTRATION,
        ),
    ] {
        let rules = json!({ "administrations": administrations });
        assert_eq!(
            verdict(&rules, jean, false, Some(&dinum())),
            expected,
            "{administrations}"
        );
    }
}

#[test]
fn an_address_that_only_looks_alike_or_is_not_believed_opens_nothing() {
    let by_domain = json!({"administrations": {"email_domains": ["gouv.fr"]}});
    for email in [
        None,
        Some("a@evilgouv.fr"),
        Some("a@gouv.fr.evil.example"),
        Some("a@gouv.fr."),
        Some("gouv.fr@evil.example"),
        Some("a@GOUV.FR"),
        Some("gouv.fr"),
    ] {
        assert_eq!(verdict(&by_domain, email, false, None), NO_ADMINISTRATION, "{email:?}");
        // A row that is not of this agent, found by whatever mistake, gives them nothing.
        for rules in [
            json!({"administrations": {"siren": ["130025265"]}}),
            json!({"administrations": {"branches": ["etat"]}}),
        ] {
            assert_eq!(
                verdict(&rules, email, false, Some(&dinum())),
                NO_ADMINISTRATION,
                "{email:?}"
            );
        }
        let agents = json!({"populations": ["agent"]});
        assert_eq!(
            verdict(&agents, email, false, Some(&dinum())),
            NO_POPULATION,
            "{email:?}"
        );
    }
    assert_eq!(verdict(&by_domain, Some("a@x.gouv.fr"), false, None), Ok(()));
}

#[test]
fn guests_are_admitted_by_their_domain_or_server_and_are_agents_of_nothing() {
    let guest = Some("jean@beta.gouv.fr");
    for (rules, expected) in [
        (json!({}), Ok(())),
        (json!({"administrations": {"siren": ["130025265"]}}), NO_ADMINISTRATION),
        (json!({"administrations": {"branches": ["etat"]}}), NO_ADMINISTRATION),
        (json!({"administrations": {"email_domains": ["beta.gouv.fr"]}}), Ok(())),
        (
            json!({"administrations": {"homeservers": ["agent.dinum.tchap.test"]}}),
            Ok(()),
        ),
        (json!({"populations": ["agent"]}), NO_POPULATION),
        (json!({"populations": ["partenaire"]}), Ok(())),
        (json!({"populations": ["agent", "partenaire"]}), Ok(())),
    ] {
        assert_eq!(verdict(&rules, guest, true, Some(&dinum())), expected, "{rules}");
    }
}

#[test]
fn a_population_is_a_further_condition() {
    let jean = Some("jean@beta.gouv.fr");
    let both = json!({"administrations": {"siren": ["130025265"]}, "populations": ["partenaire"]});
    assert_eq!(verdict(&both, jean, false, Some(&dinum())), NO_POPULATION);
    let both = json!({"administrations": {"siren": ["356000000"]}, "populations": ["agent"]});
    assert_eq!(verdict(&both, jean, false, Some(&dinum())), NO_ADMINISTRATION);
    assert_eq!(
        verdict(&json!({"populations": ["agent"]}), jean, false, Some(&dinum())),
        Ok(())
    );
    assert_eq!(
        verdict(&json!({"populations": ["agent"]}), jean, false, None),
        NO_POPULATION
    );
}
