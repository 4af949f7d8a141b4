//! A scripted authentication service of a scripted homeserver, on an origin of its own: honest by default (it answers like the
//! Matrix authentication service, `tchap.md` §4), and every lie on demand.

mod admin;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, StatusCode, header};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use tchap_connect::clock::Clock;
use tchap_connect::secret::{fingerprint, random_token, sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::{Url, form_urlencoded};

use super::homeserver::{Lie, ScriptedHomeserver};
use super::secrets::{Kind, Traffic};

/// An endpoint of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    Document,
    Authorize,
    Token,
    Keys,
    Registration,
    Revocation,
    /// `…/users/by-username/…` of its admin API.
    AdminUser,
    Other,
}

impl At {
    fn of(method: &Method, path: &str) -> Self {
        match (method.as_str(), path) {
            ("GET", "/.well-known/openid-configuration") => Self::Document,
            ("GET", "/authorize") => Self::Authorize,
            ("POST", "/oauth2/token") => Self::Token,
            ("GET", "/oauth2/keys.json") => Self::Keys,
            ("POST", "/oauth2/registration") => Self::Registration,
            ("POST", "/oauth2/revoke") => Self::Revocation,
            ("GET", path) if path.starts_with(admin::USERS) => Self::AdminUser,
            _ => Self::Other,
        }
    }
}

/// How the ID token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    Honest,
    /// `alg: none`, no signature.
    None,
    /// A MAC under what everybody knows.
    Hs256,
    /// The right key under a `kid` that is in the key set once the service has rotated its keys.
    UnknownKid,
    /// Another key under the right `kid`.
    OtherKey,
    /// The payload changed after it was signed.
    Altered,
}

/// One request as it arrived: its query or form.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: At,
    pub path: String,
    pub authorization: String,
    pub members: HashMap<String, String>,
    pub body: String,
}

impl Asked {
    pub fn get(&self, name: &str) -> &str {
        self.members.get(name).map_or("", String::as_str)
    }
}

struct Grant {
    client_id: String,
    redirect_uri: String,
    challenge: String,
    nonce: String,
    auth_time: Option<i64>,
}

struct Memory {
    metadata: Map<String, Value>,
    lies: HashMap<At, Lie>,
    /// Client id → redirect URIs.
    clients: HashMap<String, Vec<String>>,
    agent: String,
    subject: String,
    signed_in_at: Option<i64>,
    honours_prompt: bool,
    refusal: Option<&'static str>,
    claims: Map<String, Value>,
    token: Map<String, Value>,
    signing: Signing,
    rotated: bool,
    codes: HashMap<String, Grant>,
    asked: Vec<Asked>,
    admin: admin::Admin,
}

struct Shared {
    homeserver: Arc<ScriptedHomeserver>,
    traffic: Arc<Traffic>,
    clock: Clock,
    base_url: String,
    key: EncodingKey,
    other_key: EncodingKey,
    memory: Mutex<Memory>,
}

/// The running service; it stops when dropped.
pub struct AuthService {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for AuthService {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn key() -> EncodingKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref())
}

fn patch(target: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        match value.is_null() {
            true => drop(target.remove(name)),
            false => drop(target.insert(name.clone(), value.clone())),
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

impl AuthService {
    /// Starts, and has the homeserver publish it. Jean (or whoever `agent` is) is signed in there.
    pub async fn start(
        homeserver: &Arc<ScriptedHomeserver>,
        agent: &str,
        clock: &Clock,
        traffic: &Arc<Traffic>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let memory = Memory {
            metadata: Map::new(),
            lies: HashMap::new(),
            clients: HashMap::new(),
            agent: agent.to_owned(),
            subject: "01HZX0000000000000000JEAN".to_owned(),
            signed_in_at: Some(clock.now()),
            honours_prompt: true,
            refusal: None,
            claims: Map::new(),
            token: Map::new(),
            signing: Signing::Honest,
            rotated: false,
            codes: HashMap::new(),
            asked: Vec::new(),
            admin: admin::Admin::default(),
        };
        let shared = Arc::new(Shared {
            homeserver: homeserver.clone(),
            traffic: traffic.clone(),
            clock: clock.clone(),
            base_url: format!("http://{address}"),
            key: key(),
            other_key: key(),
            memory: Mutex::new(memory),
        });
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let service = Self { shared, task };
        homeserver.publish(Some(service.metadata()));
        service
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.memory()
    }

    pub fn issuer(&self) -> String {
        format!("{}/", self.shared.base_url)
    }

    /// What the homeserver publishes of it.
    pub fn metadata(&self) -> Value {
        Value::Object(self.shared.metadata())
    }

    /// Publishes other metadata from now on: members replaced, or removed by null.
    pub fn publishes(&self, changes: Value) {
        self.memory().metadata = object(changes);
        self.shared.homeserver.publish(Some(self.metadata()));
    }

    /// A client that operations made.
    pub fn made_client(&self, client_id: &str, redirect_uri: &str) {
        self.memory()
            .clients
            .insert(client_id.into(), vec![redirect_uri.into()]);
    }

    /// Its database is lost.
    pub fn forgets_clients(&self) {
        self.memory().clients.clear();
    }

    /// Who is signed in there.
    pub fn signed_in_as(&self, local_part: &str) {
        self.memory().agent = local_part.into();
    }

    /// The account was made anew there.
    pub fn subject(&self, subject: &str) {
        self.memory().subject = subject.into();
    }

    /// Since when the agent is signed in there; `None`: it does not say.
    pub fn signed_in_at(&self, at: Option<i64>) {
        self.memory().signed_in_at = at;
    }

    /// As the real one: `prompt=login` changes nothing while its session lives.
    pub fn ignores_prompt(&self) {
        self.memory().honours_prompt = false;
    }

    /// Sends agents back with this error.
    pub fn refuses(&self, error: Option<&'static str>) {
        self.memory().refusal = error;
    }

    /// Changes to the ID token's claims.
    pub fn claims(&self, changes: Value) {
        self.memory().claims = object(changes);
    }

    /// Changes to the token answer.
    pub fn token(&self, changes: Value) {
        self.memory().token = object(changes);
    }

    /// It publishes its key under another `kid` only.
    pub fn rotates_keys(&self) {
        self.memory().rotated = true;
    }

    pub fn signing(&self, signing: Signing) {
        self.memory().signing = signing;
    }

    pub fn script(&self, at: At, lie: Lie) {
        self.memory().lies.insert(at, lie);
    }

    pub fn honest(&self, at: At) {
        self.memory().lies.remove(&at);
    }

    pub fn asked(&self, at: At) -> Vec<Asked> {
        let memory = self.memory();
        memory.asked.iter().filter(|asked| asked.at == at).cloned().collect()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8_lossy(&to_bytes(body, 1024 * 1024).await.unwrap_or_default()).into_owned();
    let at = At::of(&parts.method, parts.uri.path());
    let members = match parts.uri.query() {
        Some(query) => query,
        None => &body,
    };
    let members = form_urlencoded::parse(members.as_bytes()).into_owned().collect();
    let authorization = parts.headers.get(header::AUTHORIZATION);
    let asked = Asked {
        at,
        path: parts.uri.path().to_owned(),
        authorization: authorization.map_or("", |value| value.to_str().unwrap()).to_owned(),
        members,
        body,
    };
    for name in ["code", "code_verifier"] {
        shared.traffic.secret(Kind::Never, asked.get(name));
    }
    shared.memory().asked.push(asked.clone());
    let lie = shared.memory().lies.get(&at).cloned();
    if let Some(told) = async { lie.as_ref()?.tell().await }.await {
        return told;
    }
    match at {
        At::Document => json_answer(200, Value::Object(shared.metadata())),
        At::Authorize => shared.authorize(&asked),
        At::Token if asked.get("grant_type") == "client_credentials" => shared.admin_token(&asked),
        At::Token => shared.redeem(&asked),
        At::AdminUser => shared.admin_user(&asked),
        At::Keys => json_answer(
            200,
            json!({"keys": [shared.jwk(), {"kty": "EC", "crv": "secp256k1", "kid": "other"}]}),
        ),
        At::Registration => shared.register(&asked),
        At::Revocation => shared.revoke(&asked),
        At::Other => json_answer(404, json!({})),
    }
}

fn json_answer(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metadata(&self) -> Map<String, Value> {
        let url = |path: &str| format!("{}{path}", self.base_url);
        let mut metadata = object(json!({
            "issuer": url("/"),
            "authorization_endpoint": url("/authorize"),
            "token_endpoint": url("/oauth2/token"),
            "jwks_uri": url("/oauth2/keys.json"),
            "registration_endpoint": url("/oauth2/registration"),
            "revocation_endpoint": url("/oauth2/revoke"),
            "introspection_endpoint": url("/oauth2/introspect"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["plain", "S256"],
        }));
        patch(&mut metadata, &self.memory().metadata);
        metadata
    }

    fn jwk(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap()).unwrap();
        jwk["kid"] = if self.memory().rotated { "key-2" } else { "key-1" }.into();
        jwk["use"] = "sig".into();
        jwk
    }

    fn authorize(&self, asked: &Asked) -> Response {
        let mut memory = self.memory();
        let known = memory.clients.get(asked.get("client_id"));
        if !known.is_some_and(|uris| uris.iter().any(|uri| uri == asked.get("redirect_uri"))) {
            return json_answer(400, json!({"error": "invalid_client"}));
        }
        let right = asked.get("response_type") == "code"
            && asked.get("code_challenge_method") == "S256"
            && asked.get("code_challenge").len() == 43
            && asked.get("scope").starts_with("openid urn:matrix:");
        let mut url = Url::parse(asked.get("redirect_uri")).unwrap();
        let refusal = memory.refusal.or((!right).then_some("invalid_request"));
        match refusal {
            Some(error) => drop(url.query_pairs_mut().append_pair("error", error)),
            None => {
                let now = self.clock.now();
                if asked.get("prompt") == "login" && memory.honours_prompt {
                    memory.signed_in_at = Some(now);
                }
                let code = random_token().unwrap();
                let grant = Grant {
                    client_id: asked.get("client_id").into(),
                    redirect_uri: asked.get("redirect_uri").into(),
                    challenge: asked.get("code_challenge").into(),
                    nonce: asked.get("nonce").into(),
                    auth_time: memory.signed_in_at,
                };
                memory.codes.insert(code.clone(), grant);
                url.query_pairs_mut().append_pair("code", &code);
            }
        }
        url.query_pairs_mut().append_pair("state", asked.get("state"));
        (
            StatusCode::SEE_OTHER,
            [(header::LOCATION, url.to_string())],
            Body::empty(),
        )
            .into_response()
    }

    fn redeem(&self, asked: &Asked) -> Response {
        let mut memory = self.memory();
        if !memory.clients.contains_key(asked.get("client_id")) {
            return json_answer(401, json!({"error": "invalid_client"}));
        }
        let grant = memory.codes.remove(asked.get("code"));
        let Some(grant) = grant.filter(|grant| {
            grant.client_id == asked.get("client_id")
                && grant.redirect_uri == asked.get("redirect_uri")
                && grant.challenge == fingerprint(asked.get("code_verifier"))
                && asked.get("grant_type") == "authorization_code"
        }) else {
            return json_answer(400, json!({"error": "invalid_grant"}));
        };
        let access_token = self.homeserver.grant(&memory.agent);
        let mut answer = object(json!({
            "access_token": access_token, "token_type": "Bearer", "expires_in": 300, "scope": "openid",
            "id_token": self.id_token(&memory, &grant, &access_token),
        }));
        patch(&mut answer, &memory.token);
        for name in ["access_token", "refresh_token", "id_token"] {
            let secret = answer.get(name).and_then(Value::as_str).unwrap_or_default();
            self.traffic.secret(Kind::Never, secret);
        }
        json_answer(200, answer.into())
    }

    fn id_token(&self, memory: &Memory, grant: &Grant, access_token: &str) -> String {
        let now = self.clock.now();
        let mut claims = object(json!({
            "iss": format!("{}/", self.base_url), "sub": memory.subject, "aud": grant.client_id, "iat": now,
            "exp": now + 3600, "nonce": grant.nonce, "at_hash": URL_SAFE_NO_PAD.encode(&sha256(access_token.as_bytes())[..16]),
        }));
        if let Some(at) = grant.auth_time {
            claims.insert("auth_time".into(), at.into());
        }
        patch(&mut claims, &memory.claims);
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("key-1".into());
        let encode = |header: &Header, key: &EncodingKey| jsonwebtoken::encode(header, &claims, key).unwrap();
        match memory.signing {
            Signing::Honest => encode(&header, &self.key),
            Signing::OtherKey => encode(&header, &self.other_key),
            Signing::UnknownKid => {
                header.kid = Some("key-2".into());
                encode(&header, &self.key)
            }
            Signing::Hs256 => {
                header.alg = Algorithm::HS256;
                encode(&header, &EncodingKey::from_secret(grant.client_id.as_bytes()))
            }
            Signing::None => {
                let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
                format!("{}.{}.", part(json!({"alg": "none"})), part(claims.into()))
            }
            Signing::Altered => {
                let signed = encode(&header, &self.key);
                let mut parts: Vec<_> = signed.split('.').map(str::to_owned).collect();
                claims.insert("sub".into(), "somebody else".into());
                parts[1] = URL_SAFE_NO_PAD.encode(Value::Object(claims.clone()).to_string());
                parts.join(".")
            }
        }
    }

    /// As the real one's policy: every URI on the host of `client_uri`.
    fn register(&self, asked: &Asked) -> Response {
        let metadata: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        let host = |uri: &Value| Some(Url::parse(uri.as_str()?).ok()?.host_str()?.to_owned());
        let uris = metadata["redirect_uris"].as_array().cloned().unwrap_or_default();
        let client_host = host(&metadata["client_uri"]);
        if client_host.is_none() || uris.is_empty() || uris.iter().any(|uri| host(uri) != client_host) {
            return json_answer(400, json!({"error": "invalid_client_metadata"}));
        }
        let mut memory = self.memory();
        let client_id = format!("01CLIENT{:018}", memory.clients.len() + 1);
        let uris = uris.iter().map(|uri| uri.as_str().unwrap().to_owned()).collect();
        memory.clients.insert(client_id.clone(), uris);
        let mut answer = object(metadata);
        answer.insert("client_id".into(), client_id.into());
        json_answer(201, answer.into())
    }

    fn revoke(&self, asked: &Asked) -> Response {
        match self.memory().clients.contains_key(asked.get("client_id")) {
            true => {
                self.homeserver.end_session(asked.get("token"));
                StatusCode::OK.into_response()
            }
            false => json_answer(401, json!({"error": "invalid_client"})),
        }
    }
}
