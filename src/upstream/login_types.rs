//! Discovery: which ways in a homeserver offers right now: its OAuth 2.0 metadata, and its login types
//! (Client-Server API, `GET /_matrix/client/v3/login`).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ruma::api::{
    IncomingResponseExt,
    auth_scheme::SendAccessToken,
    client::session::get_login_types::v3::{LoginType, Request, Response},
};

use super::{Upstream, UpstreamError, borrowed, error::Step};
use crate::domain::{
    homeserver::{Homeserver, Way},
    identifier::clean_name,
};

/// More buttons than this are no help to anybody.
const MAX_PROVIDERS: usize = 20;

/// How long an answer is kept, in seconds: a page that is shown again and again asks nobody.
const LIFETIME: i64 = 60;

/// The last answers, by base URL of the homeserver, and until when they count (Unix seconds); at most one per homeserver on the
/// list.
#[derive(Clone, Debug, Default)]
pub(super) struct LoginTypes(Arc<Mutex<HashMap<String, (Offered, i64)>>>);

impl LoginTypes {
    fn find(&self, base_url: &str, now: i64) -> Option<Offered> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (offered, until) = kept.get(base_url)?;
        (now < *until && *until <= now + LIFETIME).then(|| offered.clone())
    }

    fn keep(&self, base_url: &str, offered: &Offered, now: i64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(base_url.to_owned(), (offered.clone(), now + LIFETIME));
    }
}

/// The ways in that a homeserver offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// OAuth 2.0.
    pub oauth: bool,
    /// Single sign-on, with its identity providers where the homeserver names several (may be empty).
    pub sso: Option<Vec<IdentityProvider>>,
    /// Password.
    pub password: bool,
}

/// A choice within single sign-on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Its id, a safe path segment.
    pub id: String,
    /// Its name, safe to show.
    pub name: String,
}

impl Upstream {
    /// Which ways in a homeserver offers. Single sign-on counts only where there is no OAuth 2.0, which is safer
    /// (decision 30). Login types are not asked for where OAuth 2.0 is taken anyway.
    ///
    /// # Errors
    /// As [`Self::login_types`], and at once while the homeserver is known not to answer; what cannot be found out is never taken for "not offered".
    pub async fn offered(&self, homeserver: &Homeserver, now: i64) -> Result<Offered, UpstreamError> {
        self.may_begin(homeserver)?;
        let needed = homeserver.ways.iter().any(|way| matches!(way, Way::OAuth | Way::Sso));
        let oauth = needed && self.authentication_service(homeserver, now).await?.is_some();
        if oauth && homeserver.ways.first() == Some(&Way::OAuth) {
            return Ok(Offered {
                oauth,
                ..Offered::default()
            });
        }
        if oauth && !homeserver.ways.contains(&Way::OAuth) {
            tracing::warn!(
                homeserver = homeserver.name,
                "the homeserver offers OAuth 2.0, which is switched off for it here: single sign-on is not offered instead"
            );
        }
        match self.login_types(homeserver).await {
            Ok(offered) if oauth => Ok(Offered {
                oauth,
                sso: None,
                ..offered
            }),
            // Behind an authentication service the homeserver's own login is gone, unless its operator routed it there.
            Err(UpstreamError::NoSuchWay) if oauth => Ok(Offered {
                oauth,
                ..Offered::default()
            }),
            other => other,
        }
    }

    /// The login types of a homeserver, as it named them within the last minute.
    ///
    /// # Errors
    /// Unreachable, nonsense, throttled, or `NoSuchWay` where it offers no such endpoint at all.
    pub async fn login_types(&self, homeserver: &Homeserver) -> Result<Offered, UpstreamError> {
        let now = self.clock.now();
        if let Some(kept) = self.login_types.find(&homeserver.base_url, now) {
            return Ok(kept);
        }
        let response = self
            .call(homeserver, Step::LoginTypes, SendAccessToken::None, Request::new())
            .await?;
        let response = Response::try_from_http_response(borrowed(&response))
            .map_err(|_| UpstreamError::Nonsense("a list of login types that cannot be read"))?;
        let offered = read(response.flows);
        self.login_types.keep(&homeserver.base_url, &offered, now);
        Ok(offered)
    }
}

/// The way to take: the homeserver's most preferred one that is switched on and offered.
pub fn choose_way(homeserver: &Homeserver, offered: &Offered) -> Option<Way> {
    homeserver.ways.iter().copied().find(|way| match way {
        Way::OAuth => offered.oauth,
        Way::Sso => offered.sso.is_some(),
        Way::Password => offered.password,
    })
}

fn read(flows: Vec<LoginType>) -> Offered {
    // Without m.login.token there is no way to redeem what single sign-on brings back.
    let takes_tokens = flows.iter().any(|flow| matches!(flow, LoginType::Token(_)));
    let mut offered = Offered::default();
    for flow in flows {
        match flow {
            LoginType::Password(_) => offered.password = true,
            LoginType::Sso(sso) if takes_tokens => {
                let providers = sso
                    .identity_providers
                    .into_iter()
                    .filter(|provider| is_path_segment(&provider.id));
                let shown = providers.map(|provider| IdentityProvider {
                    name: clean_name(&provider.name).unwrap_or_else(|| provider.id.clone()),
                    id: provider.id,
                });
                offered.sso = Some(shown.take(MAX_PROVIDERS).collect());
            }
            _ => {}
        }
    }
    offered
}

/// The specification's opaque identifier grammar, less the dots that a browser would read as "here" and "up".
fn is_path_segment(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (1..=255).contains(&id.len()) && id.bytes().all(allowed) && !id.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::upstream::sample_homeserver;

    fn offered(flows: Value) -> Offered {
        read(serde_json::from_value(flows).expect("login types"))
    }

    #[test]
    fn sso_counts_only_with_a_way_to_redeem_it() {
        let sso = json!({"type": "m.login.sso"});
        let token = json!({"type": "m.login.token"});
        assert_eq!(offered(json!([sso])).sso, None);
        assert_eq!(offered(json!([token])).sso, None);
        assert_eq!(offered(json!([token, sso])).sso, Some(vec![]));
        let all = offered(json!([sso, token, {"type": "m.login.password"}, {"type": "org.example.other", "x": 1}]));
        assert_eq!(
            all,
            Offered {
                oauth: false,
                sso: Some(vec![]),
                password: true
            }
        );
        assert_eq!(offered(json!([])), Offered::default());
    }

    #[test]
    fn hostile_providers_are_dropped_and_names_cleaned() {
        let provider = |id: &str, name: &str| json!({"id": id, "name": name});
        let long = "a".repeat(256);
        let flows = json!([{"type": "m.login.token"}, {"type": "m.login.sso", "identity_providers": [
            provider("oidc-proconnect", "Pro\u{202e}Connect"), provider("..", "up"), provider("a/b", "path"),
            provider("", "none"), provider("a?b", "query"), provider(&long, "long"), provider("cas", "\u{7}"),
        ]}]);
        let kept = [("oidc-proconnect", "ProConnect"), ("cas", "cas")];
        let kept = kept.map(|(id, name)| IdentityProvider {
            id: id.into(),
            name: name.into(),
        });
        assert_eq!(offered(flows).sso, Some(kept.to_vec()));
        let many: Vec<_> = (0..100).map(|n| provider(&n.to_string(), "x")).collect();
        let flows = json!([{"type": "m.login.token"}, {"type": "m.login.sso", "identity_providers": many}]);
        assert_eq!(offered(flows).sso.map(|providers| providers.len()), Some(MAX_PROVIDERS));
    }

    #[test]
    fn the_preferred_way_that_is_offered_is_taken() {
        let both = Offered {
            oauth: false,
            sso: Some(vec![]),
            password: true,
        };
        let password = Offered {
            oauth: false,
            sso: None,
            password: true,
        };
        let all = Offered {
            oauth: true,
            ..both.clone()
        };
        for (ways, offered, way) in [
            (&Way::DEFAULT_ORDER[..], &all, Some(Way::OAuth)),
            (&Way::DEFAULT_ORDER, &both, Some(Way::Sso)),
            (&[Way::Password, Way::OAuth], &all, Some(Way::Password)),
            (&[Way::Sso, Way::Password], &both, Some(Way::Sso)),
            (&[Way::Password, Way::Sso], &both, Some(Way::Password)),
            (&[Way::Sso, Way::Password], &password, Some(Way::Password)),
            (&[Way::Sso], &password, None),
            (&[Way::Password], &both, Some(Way::Password)),
            (
                &[Way::Password],
                &Offered {
                    oauth: false,
                    sso: Some(vec![]),
                    password: false,
                },
                None,
            ),
            (&[], &both, None),
        ] {
            let homeserver = Homeserver {
                ways: ways.to_vec(),
                ..sample_homeserver()
            };
            assert_eq!(choose_way(&homeserver, offered), way, "{ways:?} {offered:?}");
        }
    }
}
