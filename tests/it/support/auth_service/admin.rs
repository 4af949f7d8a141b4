//! The admin API of the scripted authentication service: access tokens by client credentials, and accounts by name, as the
//! homeserver of the same accounts has them.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::json;
use tchap_connect::secret::random_token;

use super::{Asked, AuthService, Shared, json_answer};
use crate::support::homeserver::AccountState;
use crate::support::secrets::Kind;

pub const USERS: &str = "/api/admin/v1/users/by-username/";
/// How long its access tokens live, in seconds.
pub const LIFETIME: i64 = 300;

#[derive(Default)]
pub struct Admin {
    /// Client id and secret.
    client: Option<(String, String)>,
    /// Access token → when it expires.
    tokens: Vec<(String, i64)>,
}

impl AuthService {
    /// A client that may use the admin API; any other loses that.
    pub fn made_admin_client(&self, client_id: &str, secret: &str) {
        self.memory().admin.client = Some((client_id.into(), secret.into()));
    }

    /// Its operator has ended every session of admin clients.
    pub fn revokes_admin_tokens(&self) {
        self.memory().admin.tokens.clear();
    }
}

impl Shared {
    pub(super) fn admin_token(&self, asked: &Asked) -> Response {
        let mut memory = self.memory();
        let known = memory.admin.client.as_ref().is_some_and(|(id, secret)| {
            asked.authorization == format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
        });
        if !known {
            return json_answer(401, json!({"error": "invalid_client"}));
        }
        if asked.get("scope") != "urn:mas:admin" {
            return json_answer(400, json!({"error": "invalid_scope"}));
        }
        let token = random_token().unwrap();
        self.traffic.secret(Kind::Never, &token);
        memory.admin.tokens.push((token.clone(), self.clock.now() + LIFETIME));
        json_answer(
            200,
            json!({"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME, "scope": "urn:mas:admin"}),
        )
    }

    pub(super) fn admin_user(&self, asked: &Asked) -> Response {
        let memory = self.memory();
        let token = asked.authorization.strip_prefix("Bearer ").unwrap_or_default();
        let now = self.clock.now();
        if !memory
            .admin
            .tokens
            .iter()
            .any(|(known, until)| known == token && *until > now)
        {
            return json_answer(401, json!({"errors": [{"title": "Unknown access token"}]}));
        }
        let name = percent_decode_str(asked.path.strip_prefix(USERS).unwrap())
            .decode_utf8()
            .unwrap();
        let Some(state) = self.homeserver.state(&name) else {
            let title = format!("User with username {name:?} not found");
            return json_answer(404, json!({"errors": [{"title": title}]}));
        };
        let then = "2026-11-24T12:00:00.000000Z";
        json_answer(
            200,
            json!({
                "data": {
                    "type": "user", "id": memory.subject,
                    "attributes": {
                        "username": name, "created_at": then, "admin": false, "legacy_guest": false,
                        "locked_at": (state == AccountState::Locked).then_some(then),
                        "deactivated_at": (state == AccountState::Deactivated).then_some(then),
                    },
                    "links": {"self": format!("/api/admin/v1/users/{}", memory.subject)},
                },
                "links": {"self": asked.path},
            }),
        )
    }
}
