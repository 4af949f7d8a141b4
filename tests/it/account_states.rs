//! Threat 10: every way in, by every state that an account can be in there, on every way to an agent's data: the first
//! login, single sign-on, refresh, UserInfo and introspection.

use tchap_connect::domain::homeserver::{WatchWay, Way};

use crate::lifecycle_watch::{OFFLINE, assert_refused};
use crate::support::auth_service::AuthService;
use crate::support::homeserver::AccountState;
use crate::support::watch::WatchTokens;
use crate::support::{Browser, EMAIL, LOCAL_PART, PASSWORD, Page, RelyingParty, TestApp, refreshing};

/// What a login with an account in that state ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// The page of this code.
    Problem(&'static str),
    /// The password form again: homeservers answer as for a wrong password.
    PasswordForm,
    /// Consent: nothing shows.
    Enters,
}

/// From when on the agent's sessions and tokens are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// That login: the homeserver itself, or its authentication service, had named the account.
    AtLogin,
    /// The next answer to the watch.
    ByWatch,
}

use AccountState::{Deactivated, Expired, Locked, Suspended};
use First::{Enters, PasswordForm, Problem};
use Known::{AtLogin, ByWatch};

const TABLE: &[(Way, AccountState, First, Known)] = &[
    (Way::Password, Deactivated, PasswordForm, ByWatch),
    (Way::Password, Expired, Problem("TC-ACCOUNT-EXPIRED"), AtLogin),
    (Way::Password, Locked, Problem("TC-ACCOUNT-LOCKED"), ByWatch),
    (Way::Password, Suspended, Enters, ByWatch),
    (Way::Sso, Deactivated, Problem("TC-ACCOUNT-DEACTIVATED"), ByWatch),
    (Way::Sso, Expired, Problem("TC-ACCOUNT-EXPIRED"), AtLogin),
    (Way::Sso, Locked, Problem("TC-ACCOUNT-LOCKED"), ByWatch),
    (Way::Sso, Suspended, Enters, ByWatch),
    // Its authentication service refuses whom it knows to be closed or locked; Synapse, which it does not ask, the others.
    (Way::OAuth, Deactivated, Problem("TC-REFUSED-THERE"), ByWatch),
    (Way::OAuth, Expired, Problem("TC-ACCOUNT-EXPIRED"), AtLogin),
    (Way::OAuth, Locked, Problem("TC-REFUSED-THERE"), ByWatch),
    // One that does not know: its ID token says whose account it is that Synapse then locks out.
    (Way::OAuth, Locked, Problem("TC-ACCOUNT-LOCKED"), AtLogin),
    (Way::OAuth, Suspended, Enters, ByWatch),
];

/// A login in a browser of its own, up to what comes after the homeserver's side.
async fn log_in(service: &RelyingParty, browser: &Browser, way: Way) -> Page {
    let page = browser.open(&service.url(&[OFFLINE, ("prompt", "consent")])).await;
    match way {
        Way::Password => browser.log_in(&page, EMAIL, PASSWORD).await,
        Way::Sso | Way::OAuth => browser.identify(&page, EMAIL).await,
    }
}

async fn offered(app: &TestApp, way: Way) -> Option<AuthService> {
    match way {
        Way::Password => None,
        Way::Sso => {
            app.by_sso();
            None
        }
        Way::OAuth => Some(app.by_oauth().await),
    }
}

fn first(page: &Page) -> First {
    if page.has("consent-form") {
        Enters
    } else if page.has("password-form") {
        PasswordForm
    } else {
        let code = page.text("error-code");
        let known = TABLE.iter().find_map(|(_, _, first, _)| match first {
            Problem(expected) if *expected == code => Some(*first),
            _ => None,
        });
        known.unwrap_or_else(|| panic!("{code}"))
    }
}

#[tokio::test]
async fn every_way_in_by_every_account_state_on_every_way_to_data() {
    for &(way, state, expected, known) in TABLE {
        let case = format!("{way}, {state:?}");
        let directory = WatchTokens::new();
        let app = TestApp::with(&[("WATCH_TOKENS_DIR", directory.path())]).await;
        let watch = match state {
            Deactivated | Expired => WatchWay::AccountStatus,
            _ => WatchWay::SynapseAdmin,
        };
        app.watch(watch, &directory).await;
        let auth = offered(&app, way).await;
        let service = app.register(refreshing("service")).await;
        let browser = Browser::new(&app);
        let page = log_in(&service, &browser, way).await;
        let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;

        app.homeserver.set_state(LOCAL_PART, state);
        let refusing = auth.as_ref().filter(|_| expected == Problem("TC-REFUSED-THERE"));
        if let Some(auth) = refusing {
            auth.refuses(Some("access_denied"));
        }
        let page = log_in(&service, &Browser::new(&app), way).await;
        assert_eq!(first(&page), expected, "{case}");
        match known {
            AtLogin => assert_refused(&service, &browser, &tokens).await,
            // Said honestly: until somebody is told, nobody can know.
            ByWatch => drop(service.refreshed(tokens.refresh_token()).await),
        }
        app.watch_turn().await;
        assert_refused(&service, &browser, &tokens).await;

        app.homeserver.set_state(LOCAL_PART, AccountState::Active);
        if let Some(auth) = refusing {
            auth.refuses(None);
        }
        app.watch_turn().await;
        if state == Deactivated {
            assert_refused(&service, &browser, &tokens).await;
        } else {
            service.refreshed(tokens.refresh_token()).await;
        }
        let browser = Browser::new(&app);
        let page = log_in(&service, &browser, way).await;
        let again = service.redeem(&service.code(&browser.accept(&page).await)).await;
        assert_eq!(
            again.claims["sub"] == tokens.claims["sub"],
            state != Deactivated,
            "{case}"
        );
    }
}
