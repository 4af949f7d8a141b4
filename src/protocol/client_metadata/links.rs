//! The addresses that a client names for itself (Registration §2, the logout specifications §2): https, or http on
//! loopback where a developer's machine is meant; where it matters, on an origin of its redirect URIs.

use url::Url;

use super::super::return_to::{has_plain_host, is_loopback};
use super::super::text::is_hostile;
use super::{ClientMetadata, FieldProblem};

const MAX_URIS: usize = 50;
const MAX_LENGTH: usize = 2048;

/// Checks every address but the redirect URIs.
pub(super) fn check(metadata: &ClientMetadata, problems: &mut Vec<FieldProblem>) {
    let (presentation, logout, requests) = (&metadata.presentation, &metadata.logout, &metadata.requests);
    let single = [
        ("client_uri", &presentation.client_uri),
        ("logo_uri", &presentation.logo_uri),
        ("policy_uri", &presentation.policy_uri),
        ("tos_uri", &presentation.tos_uri),
        ("jwks_uri", &metadata.keys.jwks_uri),
        ("initiate_login_uri", &requests.initiate_login_uri),
        ("sector_identifier_uri", &requests.sector_identifier_uri),
        ("backchannel_logout_uri", &logout.backchannel_logout_uri),
        ("frontchannel_logout_uri", &logout.frontchannel_logout_uri),
    ];
    for (field, uri) in single {
        if let Some(Err(message)) = uri.as_deref().map(web_address) {
            problems.push(FieldProblem::new(field, message));
        }
    }
    for (field, uri) in [
        ("initiate_login_uri", &requests.initiate_login_uri),
        ("sector_identifier_uri", &requests.sector_identifier_uri),
    ] {
        if uri.as_deref().is_some_and(|uri| !uri.starts_with("https://")) {
            problems.push(FieldProblem::new(field, "must be https, on this machine too"));
        }
    }
    list(
        "post_logout_redirect_uris",
        &logout.post_logout_redirect_uris,
        problems,
        web_address,
    );
    list("request_uris", &requests.request_uris, problems, |uri| {
        web_address(uri.split('#').next().unwrap_or_default())
    });
    let is_word = |text: &str| !text.is_empty() && text.len() <= 254 && !text.chars().any(is_hostile);
    list("contacts", &presentation.contacts, problems, |contact| {
        is_word(contact).then_some(()).ok_or("expected an e-mail address")
    });
    list("default_acr_values", &requests.default_acr_values, problems, |acr| {
        is_word(acr).then_some(()).ok_or("expected the name of a level")
    });
    if metadata.keys.jwks.is_some() && metadata.keys.jwks_uri.is_some() {
        problems.push(FieldProblem::new("jwks", "jwks_uri is given too: keep one of the two"));
    }
    if let Some(uri) = &logout.frontchannel_logout_uri
        && !is_at_home(uri, &metadata.redirect_uris)
    {
        let message = "must be on the origin of a redirect URI (Front-Channel Logout 2)";
        problems.push(FieldProblem::new("frontchannel_logout_uri", message));
    }
}

fn list(
    field: &str,
    values: &[String],
    problems: &mut Vec<FieldProblem>,
    check: impl Fn(&str) -> Result<(), &'static str>,
) {
    if values.len() > MAX_URIS {
        problems.push(FieldProblem::new(field, "too many: at most 50"));
        return;
    }
    for (index, value) in values.iter().enumerate() {
        if let Err(message) = check(value) {
            problems.push(FieldProblem::new(format!("{field}[{index}]"), message));
        }
    }
}

/// https, or http on this machine; no fragment, no user name.
fn web_address(uri: &str) -> Result<(), &'static str> {
    const EXPECTED: &str =
        "expected an https address without fragment or user name (http only on 127.0.0.1, [::1] or localhost)";
    let url = Url::parse(uri).map_err(|_| EXPECTED)?;
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let odd = |c: char| !c.is_ascii_graphic() || c == '\\';
    match scheme && bare && url.has_host() && has_plain_host(&url) && uri.len() <= MAX_LENGTH && !uri.contains(odd) {
        true => Ok(()),
        false => Err(EXPECTED),
    }
}

fn is_at_home(uri: &str, redirect_uris: &[String]) -> bool {
    let origin = |uri: &str| Url::parse(uri).ok().map(|url| url.origin());
    let home = origin(uri);
    redirect_uris.iter().any(|redirect_uri| origin(redirect_uri) == home)
}
