//! What must hold of `next_step` for any input.

use proptest::prelude::*;

use super::*;

fn any_request() -> impl Strategy<Value = AuthorizationRequest> {
    let prompts = proptest::sample::subsequence(Prompt::ALL.map(|(_, prompt)| prompt).to_vec(), 0..=4);
    let max_age = proptest::option::of(prop_oneof![Just(0), 1..20_u32, Just(u32::MAX)]);
    let claims = proptest::sample::select(vec![
        "",
        r#"claims={"id_token":{"sub":{"value":"subject"}}}"#,
        r#"claims={"id_token":{"sub":{"value":"other"}}}"#,
        r#"claims={"id_token":{"acr":{"essential":true,"value":"eidas1"}}}"#,
        r#"claims={"id_token":{"acr":{"essential":true,"value":"eidas3"}}}"#,
        r#"claims={"id_token":{"auth_time":{"essential":true}}}"#,
    ]);
    (prompts, max_age, claims).prop_map(|(prompts, max_age, claims)| AuthorizationRequest {
        // `check` refuses prompt=none beside others; this function must be safe even then.
        prompt: prompts.into_iter().collect(),
        max_age,
        ..request(claims)
    })
}

fn any_case() -> impl Strategy<Value = Case> {
    let auth_time = proptest::option::of(prop_oneof![START - 20..NOW + 20, any::<i64>()]);
    let session = || proptest::option::of(proptest::sample::select(vec!["session", "another session"]));
    let admission = proptest::sample::select(vec![
        Ok(()),
        Ok(()),
        Ok(()),
        Err(Refusal::Guest),
        Err(Refusal::Closed),
        Err(Refusal::Paused(Pause::Locked)),
        Err(Refusal::UnknownHomeserver),
    ]);
    let remembered: Vec<Option<&'static [&'static str]>> = vec![None, Some(&["sub"]), Some(&["email", "sub"])];
    let rule = proptest::sample::select(vec![ConsentRule::Remembered, ConsentRule::Always, ConsentRule::Never]);
    let who = (
        any::<bool>(),
        auth_time,
        proptest::sample::select(vec!["eidas0", "eidas1"]),
        admission,
        proptest::option::of(proptest::sample::select(vec!["subject", "other"])),
    );
    let consent = (proptest::sample::select(remembered), rule, session(), any::<bool>());
    (who, consent, session(), any::<[bool; 4]>()).prop_map(|(who, consent, logged_in, flags)| {
        let (signed_in, auth_time, acr, admission, hint) = who;
        let (remembered, rule, agreed_in, all) = consent;
        let [account_chosen, account_confirmed, other_account, after_logout] = flags;
        Case {
            query: "",
            hint,
            signed_in,
            auth_time,
            acr,
            admission,
            remembered,
            rule,
            progress: Progress {
                logged_in: logged_in.map(str::to_owned),
                account_chosen: account_chosen.then(|| "session".to_owned()),
                account_confirmed,
                other_account,
                after_logout,
                consented: agreed_in.map(|session| Agreement {
                    session_id: session.to_owned(),
                    claims: names(if all { &["email", "sub"] } else { &["sub"] }),
                }),
                ..Progress::default()
            },
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn silence_shows_no_page(case in any_case(), request in any_request()) {
        let step = case.step_of(&request);
        if request.prompts(Prompt::None) {
            prop_assert!(matches!(step, Step::Refuse(_) | Step::Issue(_)), "{step:?}");
        }
    }

    #[test]
    fn what_is_issued_was_proven_admitted_and_agreed_to(case in any_case(), request in any_request()) {
        let Step::Issue(claims) = case.step_of(&request) else { return Ok(()) };
        prop_assert!(case.signed_in && case.admission.is_ok());
        prop_assert!(claims.is_subset(&names(&["email", "sub"])));
        let here = case.progress.logged_in.as_deref() == Some("session");
        let at = case.auth_time;
        if request.prompts(Prompt::Login) || request.max_age == Some(0) {
            prop_assert!(here && at.is_some_and(|at| at >= START));
        } else if let Some(max_age) = request.max_age {
            let age = at.map(|at| NOW.saturating_sub(at));
            prop_assert!(age.is_some_and(|age| age <= i64::from(max_age) || (here && age <= NOW - START)));
        }
        prop_assert!(at.is_some() || !request.requires_auth_time);
        prop_assert!(case.hint.is_none_or(|hint| hint == "subject"));
        let confirmed = case.progress.account_confirmed;
        prop_assert!(!here || confirmed || !(case.progress.other_account || case.progress.after_logout));
        let agreed_here = case
            .progress
            .consented
            .is_some_and(|agreed| agreed.session_id == "session" && claims.is_subset(&agreed.claims));
        let remembered = case.remembered.is_some_and(|remembered| claims.is_subset(&names(remembered)));
        let unasked = match case.rule {
            ConsentRule::Never => true,
            ConsentRule::Always => false,
            ConsentRule::Remembered => remembered,
        };
        prop_assert!(agreed_here || (unasked && !request.prompts(Prompt::Consent)));
    }
}
