//! The homeserver side over HTTP against a scripted homeserver: every account state by both ways, every lie, and
//! after each of them no Matrix session left behind.

mod directory;
mod lies;
mod login;

use std::time::Duration;

use tchap_connect::{
    clock::Clock,
    config::DomainRules,
    domain::{homeserver::Way, identifier::Identifier, identity::UpstreamIdentity},
    egress::{Egress, EgressOptions},
    secret::Redacted,
    upstream::{Upstream, UpstreamError},
};

use crate::support::homeserver::{Account, AccountState, ScriptedHomeserver};

const NAME: &str = "agent.dinum.tchap.test";
const LOCAL_PART: &str = "jean.dupont-beta.gouv.fr";
const EMAIL: &str = "jean.dupont@beta.gouv.fr";
const PASSWORD: &str = "correct horse";
const BOTH: [Way; 2] = [Way::Sso, Way::Password];

fn upstream() -> Upstream {
    Upstream::new(
        Egress::new(EgressOptions::default()).expect("a client"),
        Clock::System,
        DomainRules::First,
    )
}

/// For what never answers in time; still patient enough for a busy machine.
fn impatient() -> Upstream {
    let options = EgressOptions {
        timeout: Duration::from_secs(1),
        ..EgressOptions::default()
    };
    Upstream::new(
        Egress::new(options).expect("a client"),
        Clock::System,
        DomainRules::First,
    )
}

fn identifier(typed: &str) -> Identifier {
    Identifier::parse(typed).expect("an identifier")
}

fn jean() -> Account {
    Account::new(LOCAL_PART, PASSWORD)
        .named("Jean Dupont [DINUM]")
        .email(EMAIL, 1_600_000_000)
}

async fn homeserver(state: AccountState) -> ScriptedHomeserver {
    let homeserver = ScriptedHomeserver::start(NAME).await;
    homeserver.add(jean().state(state));
    homeserver
}

/// One login by password, as typed.
async fn by_password(
    homeserver: &ScriptedHomeserver,
    typed: &str,
    password: &str,
) -> Result<UpstreamIdentity, UpstreamError> {
    upstream()
        .login_with_password(&homeserver.listed(), &identifier(typed), &Redacted::new(password))
        .await
}

/// One login, right credentials, by either way.
async fn sign_in(
    upstream: &Upstream,
    homeserver: &ScriptedHomeserver,
    way: Way,
) -> Result<UpstreamIdentity, UpstreamError> {
    let listed = homeserver.listed();
    match way {
        Way::Password => {
            upstream
                .login_with_password(&listed, &identifier(LOCAL_PART), &Redacted::new(PASSWORD))
                .await
        }
        Way::Sso => {
            upstream
                .login_with_token(&listed, &Redacted::new(homeserver.login_token(LOCAL_PART)))
                .await
        }
        Way::OAuth => unreachable!("has tests of its own, oauth_login"),
    }
}

/// Each token that was issued is signed out again.
fn assert_nothing_left(homeserver: &ScriptedHomeserver, issued: usize) {
    assert_eq!(homeserver.issued_tokens(), issued, "tokens issued");
    assert!(
        homeserver.live_tokens().is_empty(),
        "tokens left alive: {:?}",
        homeserver.live_tokens()
    );
}
