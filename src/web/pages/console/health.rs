//! How a client fares, as its page shows it.

use crate::web::i18n::Text;

/// How a client fares. Times are Unix seconds.
#[derive(Clone, Debug, Default)]
pub struct Health {
    pub last_used: Option<i64>,
    /// Sign-ins per day, the newest first: day (since 1970-01-01) and number; `None` where so few are not told.
    pub sign_ins: Vec<(i64, Option<u64>)>,
    /// Day, code, how often.
    pub errors: Vec<(i64, String, u64)>,
    /// Redirect URIs that no code was ever given to.
    pub unused: Vec<String>,
    pub deliveries: Vec<DeliveryLine>,
    pub secrets_end: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct DeliveryLine {
    pub at: i64,
    pub attempts: u32,
    pub error: String,
    /// Nobody tries again.
    pub given_up: bool,
}

impl Health {
    pub(super) fn error_words(&self, text: &Text, code: &str) -> String {
        const KNOWN: [&str; 13] = [
            "invalid_request",
            "invalid_client",
            "invalid_grant",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_scope",
            "access_denied",
            "login_required",
            "consent_required",
            "interaction_required",
            "redirect_uri_mismatch",
            "invalid_target",
            "invalid_token",
        ];
        match KNOWN.contains(&code) {
            true => text.get(&format!("console-services-error-{}", code.replace('_', "-"))),
            false => text.get("console-services-error-other"),
        }
    }
}
