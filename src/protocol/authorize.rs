//! The authorization request (RFC 6749 §4.1.1, Core §3.1.2.1): a list of named checks, read from top to bottom.

use std::collections::BTreeSet;

use super::claims_request::ClaimsRequest;
use super::client::{Client, ConsentPolicy, GrantType};
use super::error::{ErrorCode, OAuthError};
use super::params::Params;
use super::pkce;
use super::response_mode::ResponseMode;
use super::return_to::ReturnTo;

/// Values longer than this have no honest use, in bytes. FAPI wants at least 384 for `state` and `nonce`.
const MAX_VALUE: usize = 2048;

/// Longer hints are ignored, in bytes.
const MAX_LOGIN_HINT: usize = 255;

/// More languages than this nobody reads.
const MAX_LOCALES: usize = 10;

/// The parameters that a checked request stands on, besides those that are ignored when too long.
const READ: &[&str] = &[
    "client_id",
    "redirect_uri",
    "state",
    "response_type",
    "response_mode",
    "scope",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "id_token_hint",
    "claims",
    "resource",
];

/// The scope that asks for a refresh token which outlives the browser session (Core §11).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// A value of `prompt` (Core §3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the variants are the registered values themselves")]
pub enum Prompt {
    None,
    Login,
    Consent,
    SelectAccount,
}

impl Prompt {
    /// Every value, with its name over the wire.
    pub const ALL: [(&'static str, Self); 4] = [
        ("none", Self::None),
        ("login", Self::Login),
        ("consent", Self::Consent),
        ("select_account", Self::SelectAccount),
    ];
}

/// A checked authorization request. It is made by [`check`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizationRequest {
    /// Where the answer goes.
    pub return_to: ReturnTo,
    /// Asked, registered and known scopes; always with `openid`.
    pub scope: BTreeSet<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// PKCE S256 challenge.
    pub code_challenge: Option<String>,
    /// `prompt`.
    pub prompt: BTreeSet<Prompt>,
    /// `max_age` of the request or the client's default, in seconds.
    pub max_age: Option<u32>,
    /// The client registered for `auth_time`, or the request marks it as essential; `max_age` implies it by itself.
    pub requires_auth_time: bool,
    /// `login_hint`, to prefill the first field.
    pub login_hint: Option<String>,
    /// `id_token_hint`, still to be verified.
    pub id_token_hint: Option<String>,
    /// `ui_locales`, in order of preference.
    pub ui_locales: Vec<String>,
    /// `claims`.
    pub claims: ClaimsRequest,
}

impl AuthorizationRequest {
    /// Whether `prompt` contains this value.
    pub fn prompts(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }
}

/// Checks a request whose client and redirect URI are already verified. `known_scopes` are those this provider has;
/// others are ignored (RFC 6749 §3.3).
///
/// # Errors
/// The OAuth error that goes back to the client.
pub fn check(
    params: &Params,
    client: &Client,
    return_to: ReturnTo,
    known_scopes: &[&str],
) -> Result<AuthorizationRequest, OAuthError> {
    params.refuse_repeated()?;
    short(params, "state")?;
    refuse_unsupported(params)?;
    check_response_type(params, client)?;
    check_response_mode(params, &return_to)?;
    let scope = scope(params, client, known_scopes)?;
    let prompt = prompt(params)?;
    let max_age = max_age(params)?.or(client.default_max_age);
    let claims = ClaimsRequest::parse(params.get("claims"))?;
    let code_challenge = pkce::challenge(params, client.is_public() || client.require_pkce)?;
    Ok(AuthorizationRequest {
        return_to,
        scope,
        nonce: short(params, "nonce")?.map(str::to_owned),
        code_challenge,
        prompt,
        max_age,
        requires_auth_time: client.require_auth_time
            || claims.id_token.get("auth_time").is_some_and(|demand| demand.essential),
        // A hint that makes no sense is ignored, never an error.
        login_hint: params
            .get("login_hint")
            .filter(|hint| hint.len() <= MAX_LOGIN_HINT)
            .map(str::to_owned),
        id_token_hint: params.get("id_token_hint").map(str::to_owned),
        ui_locales: words(params.get("ui_locales").filter(|list| list.len() <= MAX_VALUE))
            .take(MAX_LOCALES)
            .map(str::to_owned)
            .collect(),
        claims,
    })
}

/// Features that are not built answer with their own codes (Core §3.1.2.6). Request objects are resolved before this check: one
/// that is still there (Core §6) must not be passed over.
fn refuse_unsupported(params: &Params) -> Result<(), OAuthError> {
    let refuse = |code| Err(OAuthError::new(code, "this provider does not support the parameter"));
    match (
        params.get("request"),
        params.get("request_uri"),
        params.get("registration"),
    ) {
        (Some(_), Some(_), _) => Err(OAuthError::invalid_request(
            "request and request_uri exclude each other",
        )),
        (Some(_), None, _) => refuse(ErrorCode::RequestNotSupported),
        (None, Some(_), _) => refuse(ErrorCode::RequestUriNotSupported),
        (None, None, Some(_)) => refuse(ErrorCode::RegistrationNotSupported),
        (None, None, None) => Ok(()),
    }
}

fn check_response_type(params: &Params, client: &Client) -> Result<(), OAuthError> {
    match params.get("response_type") {
        Some("code") if client.may_use(GrantType::AuthorizationCode) => Ok(()),
        Some("code") => Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "the client did not register for authorization_code",
        )),
        Some(_) => Err(OAuthError::new(
            ErrorCode::UnsupportedResponseType,
            "only response_type=code is supported",
        )),
        None => Err(OAuthError::invalid_request("response_type is missing")),
    }
}

fn check_response_mode(params: &Params, return_to: &ReturnTo) -> Result<(), OAuthError> {
    match params.get("response_mode").map(ResponseMode::parse) {
        Some(None) => Err(OAuthError::invalid_request("response_mode is not supported")),
        Some(Some(ResponseMode::FormPost)) if !return_to.takes_forms() => Err(OAuthError::invalid_request(
            "response_mode=form_post needs a web address to post to",
        )),
        _ => Ok(()),
    }
}

/// Scopes beyond the registration or unknown here are dropped; without `openid` this is no OpenID request.
/// `offline_access` counts for clients that may refresh, and that ask: Core §11 wants the agent's consent.
fn scope(params: &Params, client: &Client, known: &[&str]) -> Result<BTreeSet<String>, OAuthError> {
    let admitted = |word: &str| match word {
        "openid" => true,
        OFFLINE_ACCESS => client.may_use(GrantType::RefreshToken) && client.consent == ConsentPolicy::Ask,
        word => client.scopes.contains(word),
    };
    let scope: BTreeSet<String> = words(short(params, "scope")?)
        .filter(|word| known.contains(word) && admitted(word))
        .map(str::to_owned)
        .collect();
    if scope.contains("openid") {
        Ok(scope)
    } else {
        Err(OAuthError::invalid_request("scope must contain openid"))
    }
}

fn prompt(params: &Params) -> Result<BTreeSet<Prompt>, OAuthError> {
    let mut prompts = BTreeSet::new();
    for word in words(short(params, "prompt")?) {
        let known = Prompt::ALL.iter().find(|(name, _)| *name == word);
        let (_, prompt) = known.ok_or(OAuthError::invalid_request("prompt has an unknown value"))?;
        prompts.insert(*prompt);
    }
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return Err(OAuthError::invalid_request("prompt=none excludes every other value"));
    }
    Ok(prompts)
}

fn max_age(params: &Params) -> Result<Option<u32>, OAuthError> {
    match short(params, "max_age")? {
        None => Ok(None),
        // More seconds than a number here holds is no limit at all.
        Some(value) if value.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(value.parse().unwrap_or(u32::MAX))),
        Some(_) => Err(OAuthError::invalid_request("max_age must be a number of seconds")),
    }
}

fn short<'a>(params: &'a Params, name: &str) -> Result<Option<&'a str>, OAuthError> {
    match params.get(name) {
        Some(value) if value.len() > MAX_VALUE => Err(OAuthError::invalid_request("a parameter is too long")),
        value => Ok(value),
    }
}

pub(super) fn words(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.unwrap_or_default().split(' ').filter(|word| !word.is_empty())
}

/// Forgets every parameter that a checked request does not stand on: a flow must not store what nobody reads.
pub fn forget_unread(params: &mut Params) {
    params.retain(|name, value| match name {
        "login_hint" => value.len() <= MAX_LOGIN_HINT,
        "ui_locales" => value.len() <= MAX_VALUE,
        name => READ.contains(&name),
    });
}

#[cfg(test)]
mod tests;
