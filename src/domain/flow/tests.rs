//! Every row of the authorization table that `next_step` decides; [`properties`] says what must hold for any input.

use super::*;
use crate::domain::agent::Pause;
use crate::domain::homeserver::Way;
use crate::protocol::authorize::{self, Prompt};
use crate::protocol::client::Client;
use crate::protocol::params::Params;
use crate::protocol::return_to::ReturnTo;

mod properties;

/// The flow begins here, the session below began an hour before, the step is taken ten seconds after.
const START: i64 = 1_000_000;
const NOW: i64 = START + 10;

fn client() -> Client {
    serde_json::from_value(serde_json::json!({
        "id": "c", "name": "C", "redirect_uris": ["https://rp.example/cb"],
        "auth_methods": ["client_secret_basic"], "scopes": ["openid", "profile", "email"], "sector": "rp.example",
    }))
    .unwrap()
}

fn request(extra: &str) -> AuthorizationRequest {
    let query = format!("redirect_uri=https://rp.example/cb&response_type=code&scope=openid+email&{extra}");
    let params = Params::parse(query.as_bytes()).unwrap();
    let client = client();
    let return_to = ReturnTo::verify(&params, &client).unwrap();
    authorize::check(&params, &client, return_to, super::super::claims::SCOPES).unwrap()
}

fn names(claims: &[&str]) -> BTreeSet<String> {
    claims.iter().map(|claim| (*claim).to_owned()).collect()
}

/// One row of the table, written as what differs from: an agent signed in an hour ago, consent remembered.
#[derive(Debug, Clone)]
struct Case {
    query: &'static str,
    hint: Option<&'static str>,
    signed_in: bool,
    auth_time: Option<i64>,
    acr: &'static str,
    admission: Result<(), Refusal>,
    remembered: Option<&'static [&'static str]>,
    rule: ConsentRule,
    progress: Progress,
}

fn signed_in() -> Case {
    Case {
        query: "",
        hint: None,
        signed_in: true,
        auth_time: Some(START - 3600),
        acr: "eidas1",
        admission: Ok(()),
        remembered: Some(&["email", "sub"]),
        rule: ConsentRule::Remembered,
        progress: Progress::default(),
    }
}

fn nobody() -> Case {
    Case {
        signed_in: false,
        ..signed_in()
    }
}

/// The agent signed in within this flow, proven at `auth_time`.
fn logged_in_here(auth_time: Option<i64>) -> Case {
    Case {
        auth_time,
        progress: Progress {
            logged_in: Some("session".to_owned()),
            ..Progress::default()
        },
        ..signed_in()
    }
}

impl Case {
    fn asks(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn consented(self, session_id: &str, claims: &[&str]) -> Self {
        self.with(|case| {
            case.progress.consented = Some(Agreement {
                session_id: session_id.to_owned(),
                claims: names(claims),
            });
        })
    }

    fn step_of(&self, request: &AuthorizationRequest) -> Step {
        let session = BrowserSession {
            id: "session".to_owned(),
            agent_id: "agent".to_owned(),
            way: Way::Sso,
            auth_time: self.auth_time,
            created_at: START - 3600,
            expires_at: START + 3600,
        };
        let claims = names(&["email", "sub"]);
        let remembered = self.remembered.map(names);
        let signed_in = SignedIn {
            session: &session,
            subject: "subject",
            acr: self.acr,
            admission: self.admission,
            claims: &claims,
            remembered: remembered.as_ref(),
        };
        let signed_in = self.signed_in.then_some(&signed_in);
        next_step(request, self.hint, &self.progress, signed_in, self.rule, START, NOW)
    }

    #[track_caller]
    fn gives(&self, expected: &Step) {
        assert_eq!(&self.step_of(&request(self.query)), expected, "{}", self.query);
    }

    #[track_caller]
    fn refuses(&self, denial: Denial) {
        self.gives(&Step::Refuse(denial));
    }

    #[track_caller]
    fn issues(&self) {
        self.gives(&Step::Issue(names(&["email", "sub"])));
    }
}

#[test]
fn without_a_session_the_agent_signs_in_unless_silent() {
    nobody().gives(&Step::Login);
    for query in [
        "prompt=login",
        "prompt=consent",
        "prompt=select_account",
        "max_age=0",
        "max_age=60",
    ] {
        nobody().asks(query).gives(&Step::Login);
    }
    nobody().asks("prompt=none").refuses(Denial::LoginRequired);
}

#[test]
fn a_session_with_a_remembered_consent_needs_no_page() {
    signed_in().issues();
    signed_in().asks("prompt=none").issues();
    signed_in().with(|case| case.auth_time = None).issues();
    signed_in()
        .asks("prompt=none")
        .with(|case| case.auth_time = None)
        .issues();
}

#[test]
fn prompt_login_and_max_age_0_want_a_login_proven_within_the_flow() {
    for query in [
        "prompt=login",
        "max_age=0",
        "prompt=login+consent",
        "prompt=login&max_age=9999",
    ] {
        signed_in().asks(query).gives(&Step::Login);
        // Even a session made after the flow began, when another flow made it.
        signed_in()
            .asks(query)
            .with(|case| case.auth_time = Some(NOW))
            .gives(&Step::Login);
        logged_in_here(None).asks(query).refuses(Denial::NotFresh);
        logged_in_here(Some(START - 1)).asks(query).refuses(Denial::NotFresh);
    }
    for query in ["prompt=login", "max_age=0", "prompt=login&max_age=9999"] {
        logged_in_here(Some(START)).asks(query).issues();
        logged_in_here(Some(NOW)).asks(query).issues();
    }
    signed_in().asks("prompt=none&max_age=0").refuses(Denial::LoginRequired);
}

#[test]
fn max_age_looks_at_the_known_age_only() {
    signed_in().asks("max_age=3610").issues();
    signed_in().asks("max_age=3610&prompt=none").issues();
    signed_in().asks("max_age=3609").gives(&Step::Login);
    signed_in()
        .asks("max_age=3609&prompt=none")
        .refuses(Denial::LoginRequired);
    // An unknown age is never young enough.
    signed_in()
        .asks("max_age=9999999")
        .with(|case| case.auth_time = None)
        .gives(&Step::Login);
    logged_in_here(None).asks("max_age=9999999").refuses(Denial::NotFresh);
    logged_in_here(Some(START - 100))
        .asks("max_age=60")
        .refuses(Denial::NotFresh);
    logged_in_here(Some(START - 10)).asks("max_age=60").issues();
    // The pages after a login may take longer than max_age: the login was still asked for and proven.
    logged_in_here(Some(START)).asks("max_age=1").issues();
}

#[test]
fn a_required_auth_time_must_be_known_and_may_be_old() {
    let essential = r#"claims={"id_token":{"auth_time":{"essential":true}}}"#;
    let unknown = || signed_in().with(|case| case.auth_time = None);
    signed_in().asks(essential).issues();
    unknown().asks(essential).gives(&Step::Login);
    unknown()
        .asks(r#"claims={"id_token":{"auth_time":{"essential":true}}}&prompt=none"#)
        .refuses(Denial::LoginRequired);
    logged_in_here(None).asks(essential).refuses(Denial::NotFresh);
    logged_in_here(Some(NOW)).asks(essential).issues();
    unknown().asks(r#"claims={"id_token":{"auth_time":null}}"#).issues();
}

#[test]
fn consent_is_asked_as_the_rule_says() {
    let forgotten = || signed_in().with(|case| case.remembered = None);
    let narrower = || signed_in().with(|case| case.remembered = Some(&["sub"]));
    let always = || signed_in().with(|case| case.rule = ConsentRule::Always);
    let never = || forgotten().with(|case| case.rule = ConsentRule::Never);
    for case in [forgotten(), narrower(), always()] {
        case.gives(&Step::Consent);
        case.clone().asks("prompt=none").refuses(Denial::ConsentRequired);
        case.consented("session", &["email", "name", "sub"]).issues();
    }
    never().issues();
    never().asks("prompt=none").issues();
    signed_in()
        .with(|case| case.remembered = Some(&["email", "name", "sub"]))
        .issues();
}

#[test]
fn prompt_consent_asks_once_whatever_is_remembered() {
    let never = || signed_in().with(|case| case.rule = ConsentRule::Never);
    for case in [signed_in(), never(), logged_in_here(None)] {
        let case = case.asks("prompt=consent");
        case.gives(&Step::Consent);
        case.consented("session", &["email", "sub"]).issues();
    }
}

#[test]
fn a_consent_counts_for_the_session_and_the_claims_that_it_was_given_for() {
    let forgotten = || signed_in().with(|case| case.remembered = None);
    forgotten()
        .consented("another session", &["email", "sub"])
        .gives(&Step::Consent);
    forgotten().consented("session", &["sub"]).gives(&Step::Consent);
}

#[test]
fn another_agent_than_the_one_named_signs_in_or_is_refused() {
    let hinted = |case: Case, hint| case.with(|case| case.hint = Some(hint));
    hinted(signed_in(), "subject").issues();
    hinted(signed_in(), "other").gives(&Step::Login);
    hinted(signed_in(), "other")
        .asks("prompt=none")
        .refuses(Denial::LoginRequired);
    hinted(logged_in_here(None), "other").refuses(Denial::OtherAgent);
    hinted(signed_in(), "other")
        .asks("prompt=select_account")
        .gives(&Step::Login);

    let named = r#"claims={"id_token":{"sub":{"value":"subject"}}}"#;
    let listed = r#"claims={"id_token":{"sub":{"values":["a","subject"]}}}"#;
    let other = r#"claims={"id_token":{"sub":{"value":"other"}}}"#;
    let no_text = r#"claims={"id_token":{"sub":{"value":1}}}"#;
    signed_in().asks(named).issues();
    signed_in().asks(listed).issues();
    for query in [other, no_text] {
        signed_in().asks(query).gives(&Step::Login);
        logged_in_here(None).asks(query).refuses(Denial::OtherAgent);
    }
    let silent = r#"prompt=none&claims={"id_token":{"sub":{"value":"other"}}}"#;
    signed_in().asks(silent).refuses(Denial::LoginRequired);
}

#[test]
fn an_essential_acr_out_of_reach_is_refused_and_a_voluntary_one_is_not() {
    let guest = |case: Case| case.with(|case| case.acr = "eidas0");
    let eidas1 = r#"claims={"id_token":{"acr":{"essential":true,"values":["eidas1","eidas2"]}}}"#;
    signed_in().asks(eidas1).issues();
    guest(signed_in()).asks(eidas1).gives(&Step::Login);
    guest(logged_in_here(None)).asks(eidas1).refuses(Denial::UnmetAcr);
    let silent = r#"prompt=none&claims={"id_token":{"acr":{"essential":true,"value":"eidas1"}}}"#;
    guest(signed_in()).asks(silent).refuses(Denial::UnmetAcr);
    // No login here reaches it: nobody is asked to try.
    let eidas3 = r#"claims={"id_token":{"acr":{"essential":true,"value":"eidas3"}}}"#;
    for case in [nobody(), signed_in(), logged_in_here(None)] {
        case.asks(eidas3).refuses(Denial::UnmetAcr);
    }
    for voluntary in [
        r#"claims={"id_token":{"acr":{"value":"eidas3"}}}"#,
        r#"claims={"id_token":{"acr":{"essential":true}}}"#,
        "acr_values=eidas3",
    ] {
        guest(signed_in()).asks(voluntary).issues();
    }
}

#[test]
fn the_client_s_policy_is_asked_on_every_way() {
    for refusal in [Refusal::Guest, Refusal::UnknownHomeserver] {
        for case in [signed_in(), logged_in_here(None), signed_in().asks("prompt=none")] {
            let case = case.with(|case| case.admission = Err(refusal));
            case.refuses(Denial::Admission(refusal));
            case.consented("session", &["email", "sub"])
                .refuses(Denial::Admission(refusal));
        }
    }
}

#[test]
fn the_session_of_a_closed_account_is_nobody_s() {
    let closed = |case: Case| case.with(|case| case.admission = Err(Refusal::Closed));
    closed(signed_in()).gives(&Step::Login);
    closed(signed_in()).asks("prompt=none").refuses(Denial::LoginRequired);
    closed(logged_in_here(None)).refuses(Denial::Admission(Refusal::Closed));
    let suspended = Refusal::Paused(Pause::Suspended);
    let paused = |case: Case| case.with(|case| case.admission = Err(suspended));
    paused(logged_in_here(None)).refuses(Denial::Admission(suspended));
}

#[test]
fn another_account_than_the_one_typed_is_confirmed_before_anything_is_refused_or_asked() {
    let other = || logged_in_here(None).with(|case| case.progress.other_account = true);
    let confirmed = || other().with(|case| case.progress.account_confirmed = true);
    other().gives(&Step::Confirm);
    other().with(|case| case.remembered = None).gives(&Step::Confirm);
    other()
        .with(|case| case.admission = Err(Refusal::Guest))
        .gives(&Step::Confirm);
    other().with(|case| case.hint = Some("other")).gives(&Step::Confirm);
    other().asks("prompt=none").refuses(Denial::InteractionRequired);
    confirmed().issues();
    confirmed()
        .with(|case| case.hint = Some("other"))
        .refuses(Denial::OtherAgent);
    let after_logout = || logged_in_here(None).with(|case| case.progress.after_logout = true);
    after_logout().gives(&Step::Confirm);
    after_logout()
        .with(|case| case.progress.account_confirmed = true)
        .issues();
}

#[test]
fn select_account_is_asked_once_and_before_the_account_is_refused() {
    let chosen = || {
        signed_in()
            .asks("prompt=select_account")
            .with(|case| case.progress.account_chosen = Some("session".into()))
    };
    signed_in().asks("prompt=select_account").gives(&Step::Choose);
    signed_in()
        .asks("prompt=select_account")
        .with(|case| case.admission = Err(Refusal::Guest))
        .gives(&Step::Choose);
    chosen().issues();
    chosen()
        .with(|case| case.admission = Err(Refusal::Guest))
        .refuses(Denial::Admission(Refusal::Guest));
    chosen().with(|case| case.remembered = None).gives(&Step::Consent);
    logged_in_here(None).asks("prompt=select_account").issues();
    // Another tab signed in somebody else since this flow's login, or since a page of it was shown.
    let elsewhere = |case: &mut Case| case.progress.logged_in = Some("another session".to_owned());
    logged_in_here(None).with(elsewhere).gives(&Step::Choose);
    logged_in_here(None)
        .with(elsewhere)
        .asks("prompt=none")
        .refuses(Denial::InteractionRequired);
    chosen().with(elsewhere).issues();
    signed_in()
        .with(|case| case.progress.account_changed = true)
        .gives(&Step::Choose);
    chosen()
        .with(|case| case.progress.account_chosen = Some("another session".into()))
        .gives(&Step::Choose);
    signed_in().asks("prompt=select_account+login").gives(&Step::Login);
}
