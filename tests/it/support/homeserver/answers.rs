//! The honest answers of the scripted homeserver: those of Synapse, as seen (`stack.md` §4, `tchap.md` §7).

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use super::{Account, AccountState, AppState, Endpoint, Lie, Memory, Recorded, Session, Shared};

pub(super) async fn answer(State(shared): AppState, request: Request) -> Response {
    let recorded = record(&shared, request).await;
    let lie = shared.memory().lies.get(&recorded.endpoint).cloned();
    if let Some(told) = async { lie.as_ref()?.tell().await }.await {
        return told;
    }
    let honest = shared
        .honest(&recorded)
        .unwrap_or_else(|Refusal(status, body)| json_answer(status, body));
    match lie {
        Some(Lie::Patch(patch)) => patched(honest, patch).await,
        _ => honest,
    }
}

async fn record(shared: &Arc<Shared>, request: Request) -> Recorded {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1024 * 1024).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let recorded = Recorded {
        endpoint: Endpoint::of(&parts.method, &path),
        query: parts.uri.query().unwrap_or_default().into(),
        path,
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    shared.memory().requests.push(recorded.clone());
    recorded
}

async fn patched(honest: Response, patch: Value) -> Response {
    let status = honest.status();
    let body = to_bytes(honest.into_body(), 1024 * 1024).await.unwrap_or_default();
    let mut answer: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    for (name, value) in patch.as_object().cloned().unwrap_or_default() {
        if value.is_null() {
            answer.remove(&name);
        } else {
            answer.insert(name, value);
        }
    }
    json_answer(status.as_u16(), answer.into())
}

fn json_answer(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Status and body.
struct Refusal(u16, Value);

type Answer = Result<Response, Refusal>;

fn error(status: u16, errcode: &str) -> Refusal {
    Refusal(status, json!({"errcode": errcode, "error": "No."}))
}

impl Shared {
    fn honest(&self, request: &Recorded) -> Answer {
        let mut memory = self.memory();
        match request.endpoint {
            Endpoint::Versions => Ok(json_answer(200, json!({"versions": ["v1.1", "v1.15"]}))),
            Endpoint::LoginTypes => Ok(json_answer(200, json!({"flows": memory.flows}))),
            Endpoint::Login => self.login(&mut memory, request),
            Endpoint::SsoRedirect => sso_redirect(&mut memory, request),
            Endpoint::Whoami => {
                let session = memory.authenticated(request)?;
                Ok(json_answer(
                    200,
                    json!({"user_id": self.id(&session.local_part), "device_id": session.device_id}),
                ))
            }
            Endpoint::ThirdPartyIds => {
                let session = memory.authenticated(request)?;
                let account = memory.account(&session.local_part);
                Ok(json_answer(
                    200,
                    json!({"threepids": account.map(|account| account.third_party_ids.clone())}),
                ))
            }
            Endpoint::Profile => self.profile(&memory, request),
            Endpoint::Logout => memory.logout(request),
            Endpoint::Directory => memory.directory_info(request),
            Endpoint::AuthMetadata | Endpoint::OlderAuthMetadata | Endpoint::AuthIssuer => {
                match &memory.auth_metadata {
                    Some((endpoint, metadata)) if *endpoint == request.endpoint => {
                        Ok(json_answer(200, metadata.clone()))
                    }
                    _ => Err(error(404, "M_UNRECOGNIZED")),
                }
            }
            Endpoint::AccountStatus => self.account_status(&memory, request),
            Endpoint::AdminUser => self.admin_user(&memory, request),
            Endpoint::Other => Err(error(404, "M_UNRECOGNIZED")),
        }
    }

    fn id(&self, local_part: &str) -> String {
        format!("@{local_part}:{}", self.name)
    }

    /// As Synapse with `msc3720_enabled` and `use_account_validity_in_account_status`.
    fn account_status(&self, memory: &Memory, request: &Recorded) -> Answer {
        memory.authorize_watch(request)?;
        let mut statuses = Map::new();
        for id in request.json()["user_ids"].as_array().cloned().unwrap_or_default() {
            let id = id.as_str().unwrap_or_default();
            let account = memory
                .accounts
                .iter()
                .find(|account| self.id(&account.local_part) == id);
            let status = account.map_or(json!({"exists": false}), |account| {
                json!({
                    "exists": true,
                    "deactivated": account.state == AccountState::Deactivated,
                    "org.matrix.expired": account.state == AccountState::Expired,
                })
            });
            statuses.insert(id.to_owned(), status);
        }
        Ok(json_answer(200, json!({"account_statuses": statuses, "failures": []})))
    }

    fn admin_user(&self, memory: &Memory, request: &Recorded) -> Answer {
        memory.authorize_watch(request)?;
        let id = percent_decode_str(request.path.rsplit('/').next().unwrap_or_default()).decode_utf8_lossy();
        let account = memory
            .accounts
            .iter()
            .find(|account| self.id(&account.local_part) == id);
        let account = account.ok_or_else(|| error(404, "M_NOT_FOUND"))?;
        Ok(json_answer(
            200,
            json!({
                "name": id,
                "deactivated": account.state == AccountState::Deactivated,
                "erased": false,
                "locked": account.state == AccountState::Locked,
                "suspended": account.state == AccountState::Suspended,
            }),
        ))
    }

    fn login(&self, memory: &mut Memory, request: &Recorded) -> Answer {
        let body = request.json();
        let offered = memory.flows.iter().any(|flow| flow["type"] == body["type"]);
        let account = match body["type"].as_str() {
            Some("m.login.password") if offered => self.by_password(memory, &body)?,
            Some("m.login.token") if offered => by_login_token(memory, &body)?,
            _ => return Err(error(400, "M_UNKNOWN")),
        };
        if account.state == AccountState::Locked {
            return Err(locked());
        }
        let number = memory.next();
        let device_id = body["device_id"]
            .as_str()
            .map_or(format!("DEVICE{number}"), str::to_owned);
        let token = format!("syt_{number:08}_{}", account.local_part);
        let answer = json!({"user_id": self.id(&account.local_part), "access_token": token, "device_id": device_id});
        memory.sessions.push(Session {
            token,
            local_part: account.local_part,
            device_id,
            alive: true,
        });
        Ok(json_answer(200, answer))
    }

    /// Wrong password, unknown and deactivated account answer alike.
    fn by_password(&self, memory: &Memory, body: &Value) -> Result<Account, Refusal> {
        let identifier = &body["identifier"];
        let matches = |account: &&Account| match identifier["type"].as_str() {
            Some("m.id.user") => {
                identifier["user"] == account.local_part.as_str() || identifier["user"] == self.id(&account.local_part)
            }
            Some("m.id.thirdparty") => account
                .third_party_ids
                .iter()
                .any(|id| id["address"] == identifier["address"]),
            _ => false,
        };
        if identifier["type"] == "m.id.thirdparty" && !memory.accepts_email {
            return Err(error(400, "M_UNKNOWN"));
        }
        let account = memory
            .accounts
            .iter()
            .find(matches)
            .ok_or_else(|| error(403, "M_FORBIDDEN"))?;
        let right = body["password"] == account.password.as_str() && account.state != AccountState::Deactivated;
        if right {
            Ok(account.clone())
        } else {
            Err(error(403, "M_FORBIDDEN"))
        }
    }

    fn profile(&self, memory: &Memory, request: &Recorded) -> Answer {
        let id = percent_decode_str(request.path.rsplit('/').next().unwrap_or_default()).decode_utf8_lossy();
        let account = memory
            .accounts
            .iter()
            .find(|account| self.id(&account.local_part) == id);
        match account.and_then(|account| account.display_name.as_ref()) {
            Some(name) => Ok(json_answer(200, json!({"displayname": name}))),
            None => Err(error(404, "M_NOT_FOUND")),
        }
    }
}

fn by_login_token(memory: &mut Memory, body: &Value) -> Result<Account, Refusal> {
    let known = memory.login_tokens.get_mut(body["token"].as_str().unwrap_or_default());
    let local_part = known.map(std::mem::take).unwrap_or_default();
    match memory.account(&local_part) {
        Some(account) if account.state == AccountState::Deactivated => Err(error(403, "M_USER_DEACTIVATED")),
        Some(account) => Ok(account.clone()),
        None => Err(error(403, "M_FORBIDDEN")),
    }
}

fn sso_redirect(memory: &mut Memory, request: &Recorded) -> Answer {
    let redirect_url = query(request, "redirectUrl").and_then(|url| Url::parse(&url).ok());
    let (Some(mut url), Some(agent)) = (redirect_url, memory.sso_agent.clone()) else {
        return Err(error(400, "M_INVALID_PARAM"));
    };
    url.query_pairs_mut()
        .append_pair("loginToken", &memory.new_login_token(&agent));
    Ok((StatusCode::FOUND, [(header::LOCATION, url.to_string())], Body::empty()).into_response())
}

fn query(request: &Recorded, name: &str) -> Option<String> {
    form_urlencoded::parse(request.query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn locked() -> Refusal {
    Refusal(
        401,
        json!({"errcode": "M_USER_LOCKED", "error": "Locked.", "soft_logout": true}),
    )
}

fn bearer(request: &Recorded) -> &str {
    let value = request
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default()
}

impl Memory {
    fn account(&self, local_part: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.local_part == local_part)
    }

    fn authorize_watch(&self, request: &Recorded) -> Result<(), Refusal> {
        match &self.watch_token {
            Some(token) if bearer(request) == token => Ok(()),
            _ => Err(error(401, "M_UNKNOWN_TOKEN")),
        }
    }

    fn authenticated(&self, request: &Recorded) -> Result<Session, Refusal> {
        let token = bearer(request);
        if token.is_empty() {
            return Err(error(401, "M_MISSING_TOKEN"));
        }
        let session = self
            .sessions
            .iter()
            .find(|session| session.alive && session.token == token);
        let session = session.ok_or_else(|| error(401, "M_UNKNOWN_TOKEN"))?;
        match self.account(&session.local_part).map(|account| account.state) {
            Some(AccountState::Expired) => Err(error(403, "ORG_MATRIX_EXPIRED_ACCOUNT")),
            Some(AccountState::Locked) => Err(locked()),
            _ => Ok(session.clone()),
        }
    }

    /// Allowed in every account state; deletes the device with all its tokens, as Synapse does.
    fn logout(&mut self, request: &Recorded) -> Answer {
        let token = bearer(request);
        let session = self
            .sessions
            .iter()
            .find(|session| session.alive && session.token == token)
            .cloned();
        let session = session.ok_or_else(|| error(401, "M_UNKNOWN_TOKEN"))?;
        let same_device =
            |other: &&mut Session| (&other.local_part, &other.device_id) == (&session.local_part, &session.device_id);
        self.sessions
            .iter_mut()
            .filter(same_device)
            .for_each(|other| other.alive = false);
        Ok(json_answer(200, json!({})))
    }

    fn directory_info(&self, request: &Recorded) -> Answer {
        let address = query(request, "address").unwrap_or_default();
        let answer = self.directory.get(&address).or_else(|| self.directory.get(""));
        answer
            .map(|answer| json_answer(200, answer.clone()))
            .ok_or_else(|| error(404, "M_UNRECOGNIZED"))
    }
}
