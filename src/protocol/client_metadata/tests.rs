use super::*;

const SCOPES: &[&str] = &["openid", "profile", "email"];

fn metadata() -> ClientMetadata {
    ClientMetadata {
        client_id: "service".into(),
        name: "Mon service".into(),
        redirect_uris: vec!["https://service.example.fr/callback".into()],
        scopes: vec!["email".into()],
        ..ClientMetadata::default()
    }
}

fn fields(metadata: ClientMetadata) -> Vec<String> {
    let problems = metadata.validate(SCOPES).expect_err("this metadata has problems");
    problems.into_iter().map(|problem| problem.field).collect()
}

#[test]
fn defaults_are_those_of_registration() {
    let client = metadata().validate(SCOPES).unwrap();
    assert_eq!(client.sector, "service.example.fr");
    assert_eq!(client.id_token_signed_response_alg, SigningAlg::RS256);
    assert_eq!(client.subject_type, SubjectType::Pairwise);
    assert_eq!(client.scopes, ["openid", "email"].map(str::to_owned).into());
    assert_eq!(client.auth_methods.len(), 2);
    assert!(!client.is_public());
}

#[test]
fn every_problem_is_found_at_once() {
    let found = fields(ClientMetadata {
        client_id: "a b".into(),
        name: "evil\u{202e}name".into(),
        redirect_uris: vec![
            "http://a.fr/".into(),
            "https://a.fr/#x".into(),
            "fr.app:/cb".into(),
            "https://a.fr/".into(),
            "https://a.fr/".into(),
        ],
        scopes: vec!["email".into(), "phone".into()],
        consent: ConsentPolicy::None,
        sector: Some("A.fr".into()),
        ..ClientMetadata::default()
    });
    let expected = [
        "client_id",
        "name",
        "redirect_uris[0]",
        "redirect_uris[1]",
        "redirect_uris[2]",
        "redirect_uris[4]",
        "scopes[1]",
        "consent",
        "sector",
    ];
    assert_eq!(found, expected);
    let empty = fields(ClientMetadata::default());
    assert_eq!(empty, ["client_id", "name", "redirect_uris"]);
}

#[test]
fn several_hosts_need_a_sector_only_for_pairwise_subjects() {
    let mut two = metadata();
    two.redirect_uris.push("https://other.example.fr/callback".into());
    assert_eq!(fields(two.clone()), ["sector"]);
    two.sector = Some("service.example.fr".into());
    assert_eq!(two.clone().validate(SCOPES).unwrap().sector, "service.example.fr");
    two.sector = None;
    two.subject_type = SubjectType::Public;
    assert!(two.validate(SCOPES).is_ok());
}

#[test]
fn clients_on_loopback_share_no_sector() {
    let mut native = metadata();
    native.application_type = ApplicationType::Native;
    native.redirect_uris = vec!["http://127.0.0.1/cb".into(), "fr.example.app:/cb".into()];
    assert_eq!(native.clone().validate(SCOPES).unwrap().sector, "service");
    native.redirect_uris.push("https://app.example.fr/cb".into());
    assert_eq!(native.clone().validate(SCOPES).unwrap().sector, "service");
    native.sector = Some("app.example.fr".into());
    assert_eq!(
        native.validate(SCOPES).unwrap().sector,
        "app.example.fr",
        "named by an operator"
    );
}

#[test]
fn only_a_domain_name_is_a_sector_by_itself() {
    for (host, sector) in [
        ("app.example.fr", "app.example.fr"),
        ("app.example.fr:8443", "app.example.fr"),
        ("demarches", "service"),
        ("203.0.113.7", "service"),
        ("[2001:db8::1]", "service"),
    ] {
        let mut one = metadata();
        one.redirect_uris = vec![format!("https://{host}/cb"), format!("https://{host}/other")];
        assert_eq!(one.validate(SCOPES).unwrap().sector, sector, "{host}");
    }
}

#[test]
fn no_consent_is_only_for_confidential_https_clients() {
    let trusted = ClientMetadata {
        consent: ConsentPolicy::None,
        ..metadata()
    };
    assert!(trusted.clone().validate(SCOPES).is_ok());
    let mut public = trusted.clone();
    public.token_endpoint_auth_method = Some(ClientAuthMethod::None);
    assert_eq!(fields(public), ["consent"]);
    let mut loopback = trusted;
    loopback.redirect_uris.push("http://localhost:3000/cb".into());
    assert_eq!(fields(loopback), ["consent"]);
}

#[test]
fn a_domain_name_is_lower_case_and_full() {
    for good in ["beta.gouv.fr", "a-b.fr", "xn--caf-dma.fr"] {
        assert!(is_domain_name(good), "{good}");
    }
    for bad in [
        "",
        "fr",
        "Beta.gouv.fr",
        ".fr",
        "a..fr",
        "a.fr.",
        "-a.fr",
        "10.0.0.1",
        "a b.fr",
        "@a.fr",
        "é.fr",
    ] {
        assert!(!is_domain_name(bad), "{bad}");
    }
}
