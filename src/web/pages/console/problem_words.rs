//! What is wrong with a value of a client, in the reader's language. Checks say it in English, for the command line and the API;
//! a message that is not known here is shown as it is.

use crate::protocol::client_metadata::FieldProblem;
use crate::web::i18n::Text;

/// How messages of the checks begin (or end, after the entry that they are about), and the key of the words for them.
const KNOWN: [(&str, &str); 55] = [
    ("required: 1 to 50 addresses", "redirect-uris-none"),
    ("not an absolute URI", "uri-malformed"),
    ("http is only for", "uri-http"),
    ("only native clients", "uri-scheme"),
    ("its query has code", "uri-response"),
    ("listed twice", "twice"),
    ("required: a name", "name-none"),
    ("not a JWK Set", "jwks-malformed"),
    ("expected JSON", "jwks-malformed"),
    ("it holds a private", "jwks-private"),
    ("an RSA key has fewer", "jwks-weak"),
    ("two keys have the same", "jwks-repeated"),
    ("no key in it is for", "jwks-useless"),
    ("too long", "too-long"),
    ("contains control", "hostile"),
    ("unknown scope", "scope"),
    ("\"client_credentials\" is for", "grant-secret"),
    ("\"refresh_token\" needs", "grant-refresh"),
    ("expected an https address", "address"),
    ("must be https, on this machine", "https-only"),
    ("must be on the origin", "origin"),
    ("expected an e-mail address", "email"),
    ("expected the name of a level", "level"),
    ("too many: at most", "too-many"),
    ("at most 500 entries", "too-many"),
    ("jwks_uri is given too", "two-key-sets"),
    ("\"private_key_jwt\" needs", "needs-keys"),
    ("\"none\" is only for", "consent-none"),
    ("expected 9 digits", "siren"),
    ("expected a domain", "domain"),
    ("expected a server name", "server"),
    ("\"partenaire\" means guests", "partenaire"),
    ("required: say it", "words-none"),
    ("choose one of the list", "choice"),
    ("expected a number", "number"),
    ("signed requests need", "keys-for-requests"),
    ("only for private_key_jwt", "only-signature"),
    ("addresses on this machine", "loopback"),
    ("required: whom agents", "contacts-none"),
    ("required: what the service does", "policy-none"),
    ("expected a Matrix id", "matrix-id"),
    ("is no Matrix id", "matrix-id"),
    ("looks after it already", "owner"),
    ("is not the name", "confirmation"),
    ("at most 20", "testers"),
    ("the address is not allowed", "fetch-forbidden"),
    ("the host has no public address", "fetch-forbidden"),
    ("too many fetches", "fetch-busy"),
    ("no complete answer", "fetch-timeout"),
    ("no connection to the server", "fetch-connect"),
    ("the connection broke", "fetch-broken"),
    ("the answer is larger", "fetch-large"),
    ("the server answered with a redirect", "fetch-redirect"),
    ("the request cannot be sent", "address"),
    ("the server answered", "fetch-status"),
];

/// What is wrong with a value and what to write instead, with the entry or the line of the list that it is about.
pub fn problem_words(text: &Text, problem: &FieldProblem) -> String {
    let (entry, message) = entry(&problem.message);
    let words = match KNOWN.iter().find(|(known, _)| message.starts_with(known)) {
        Some((_, key)) => text.get(&format!("console-services-problem-{key}")),
        None => text.with("console-services-problem-other", &[("detail", message)]),
    };
    let words = match entry {
        Some(entry) => {
            let values = [("entry", entry), ("what", words.as_str())];
            text.with("console-services-problem-entry", &values)
        }
        None => words,
    };
    let place = problem
        .field
        .split_once('[')
        .and_then(|(_, rest)| rest.strip_suffix(']'));
    match place.and_then(|index| index.parse::<usize>().ok()) {
        Some(index) => {
            let line = (index + 1).to_string();
            let values = [("line", line.as_str()), ("what", words.as_str())];
            text.with("console-services-problem-line", &values)
        }
        None => words,
    }
}

/// Of lists, messages begin with the entry: `"x": expected …`, `"x" is no …`.
fn entry(message: &str) -> (Option<&str>, &str) {
    let split = |between: &str| {
        let (entry, rest) = message.strip_prefix('"')?.split_once(between)?;
        Some((entry, rest))
    };
    match split("\": ").or_else(|| split("\" ").filter(|(_, rest)| rest.starts_with("is no"))) {
        Some((entry, rest)) => (Some(entry), rest),
        None => (None, message),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::StatusCode;
    use serde_json::json;

    use super::*;
    use crate::console::clients::lacks_for_production;
    use crate::domain::claims::SCOPES;
    use crate::egress::{DocumentError, EgressError, FetchError};
    use crate::protocol::client::tests::client;
    use crate::protocol::client::{
        ApplicationType, ClientAuthMethod, ClientKeys, ConsentPolicy, GrantType, LogoutUris, Presentation,
        RequestDefaults,
    };
    use crate::protocol::client_metadata::ClientMetadata;
    use crate::protocol::jwk::JwkSetError;
    use crate::web::i18n::Language;

    fn metadata() -> ClientMetadata {
        ClientMetadata {
            client_id: "service".into(),
            name: "Service".into(),
            redirect_uris: vec!["https://service.example/callback".into()],
            ..ClientMetadata::default()
        }
    }

    /// Metadata with everything wrong that a form can make wrong.
    fn wrong() -> Vec<ClientMetadata> {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let rules = json!({
            "administrations": {"siren": ["1"], "email_domains": ["A"], "homeservers": ["A"]},
            "populations": ["partenaire"],
        });
        let many: Vec<_> = (0..501).map(|number| format!("a{number}.fr")).collect();
        let admission = |value| serde_json::from_value(value).expect("admission rules");
        vec![
            ClientMetadata {
                name: " ".into(),
                redirect_uris: Vec::new(),
                token_endpoint_auth_method: Some(ClientAuthMethod::None),
                grant_types: [GrantType::ClientCredentials, GrantType::RefreshToken].into(),
                scopes: texts(&["unknown"]),
                consent: ConsentPolicy::None,
                admission: admission(admission_of(&many)),
                ..metadata()
            },
            ClientMetadata {
                name: "x".repeat(101),
                redirect_uris: texts(&[
                    "x",
                    "http://a.example/",
                    "a:/x",
                    "https://a.example/?code=1",
                    "https://a.example/",
                    "https://a.example/",
                ]),
                application_type: ApplicationType::Web,
                token_endpoint_auth_method: Some(ClientAuthMethod::PrivateKeyJwt),
                presentation: Presentation {
                    contacts: texts(&[""]),
                    policy_uri: Some("x".into()),
                    ..Presentation::default()
                },
                logout: LogoutUris {
                    post_logout_redirect_uris: vec!["https://a.example".into(); 51],
                    frontchannel_logout_uri: Some("https://elsewhere.example/".into()),
                    ..LogoutUris::default()
                },
                requests: RequestDefaults {
                    default_acr_values: texts(&[""]),
                    initiate_login_uri: Some("http://localhost/".into()),
                    ..RequestDefaults::default()
                },
                admission: admission(rules),
                ..metadata()
            },
            ClientMetadata {
                name: "evil\u{202e}".into(),
                keys: ClientKeys {
                    jwks: Some(json!({"keys": []})),
                    jwks_uri: Some("https://a.example/".into()),
                },
                ..metadata()
            },
        ]
    }

    fn admission_of(domains: &[String]) -> serde_json::Value {
        json!({"administrations": {"email_domains": domains}})
    }

    #[test]
    fn every_problem_of_the_form_has_words_in_both_languages() {
        let mut problems = Vec::new();
        for metadata in wrong() {
            problems.extend(metadata.validate(SCOPES).expect_err("all of it is wrong"));
        }
        let mut bare = client();
        bare.redirect_uris = vec!["http://localhost/".into()];
        problems.extend(lacks_for_production(&bare));
        let fetch = |error: FetchError| DocumentError::from(error).to_string();
        let egress = [
            EgressError::Timeout,
            EgressError::Connect,
            EgressError::Broken,
            EgressError::TooLarge,
            EgressError::NotPublic,
            EgressError::Redirected,
            EgressError::InvalidRequest,
        ];
        let mut messages: Vec<_> = egress.map(|error| fetch(error.into())).into();
        messages.extend([fetch(FetchError::Forbidden), fetch(FetchError::Busy)]);
        messages.push(DocumentError::Status(StatusCode::NOT_FOUND).to_string());
        messages.extend(
            [
                JwkSetError::Malformed,
                JwkSetError::TooLong,
                JwkSetError::Private,
                JwkSetError::Weak,
                JwkSetError::RepeatedKid,
                JwkSetError::Useless,
            ]
            .map(|error| error.to_string()),
        );
        problems.extend(
            messages
                .into_iter()
                .map(|message| FieldProblem::new("jwks_uri", message)),
        );
        let mut used = BTreeSet::new();
        for problem in &problems {
            let (_, message) = entry(&problem.message);
            let known = KNOWN.iter().find(|(known, _)| message.starts_with(known));
            let (_, key) = known.unwrap_or_else(|| panic!("no words for {problem:?}"));
            used.insert(*key);
            for language in Language::ALL {
                let words = problem_words(&Text::new(language), problem);
                assert!(
                    !words.contains("console-services-problem"),
                    "{language} {problem:?}: {words}"
                );
            }
        }
        assert!(used.len() >= 40, "{} kinds of problems: {used:?}", used.len());
    }

    #[test]
    fn the_entry_or_the_line_is_named() {
        let text = Text::new(Language::En);
        let words = |field: &str, message: &str| problem_words(&text, &FieldProblem::new(field, message));
        assert_eq!(
            words("admission.administrations.siren", "\"12\": expected 9 digits whose"),
            "“12”: A SIREN has 9 digits with a check digit: verify it."
        );
        assert!(words("testers", "\"jean\" is no Matrix id").starts_with("“jean”: "));
        assert!(words("redirect_uris[1]", "listed twice").starts_with("Line 2: "));
        assert_eq!(
            words("x", "a word of tomorrow"),
            "This value will not do (a word of tomorrow)."
        );
    }
}
