//! The visitor: what a browser brings to a page. Its cookie session, its network, its language.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::{ACCEPT_LANGUAGE, COOKIE};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue};
use ipnet::IpNet;
use time::OffsetDateTime;
use tower_sessions::{Expiry, Session};

use super::error::PageError;
use super::i18n::{Language, Text};
use super::pages::Layout;
use crate::app::{App, SharedApp};
use crate::config::Lifetimes;
use crate::domain::login_loop::{self, Turns};
use crate::secret::{fingerprint, random_token};

/// The cookie that remembers the language chosen on our pages.
pub fn language_cookie_name(app: &App) -> String {
    cookie_name(app, "tchap-connect-lang")
}

/// The cookie of a browser in which somebody signed in by password: the limits on failed passwords do not apply there.
const KNOWN_BROWSER: &str = "tchap-connect-known";
/// The cookie that counts answers without a page, for some seconds.
const TURNS: &str = "tchap-connect-turns";

/// Over https no other host, nor a page without TLS, can set it (RFC 6265bis, `__Host-`).
fn cookie_name(app: &App, name: &str) -> String {
    match app.config.is_https() {
        true => format!("__Host-{name}"),
        false => name.to_owned(),
    }
}

/// In the cookie session: a random value that binds flows to this browser.
const BROWSER: &str = "browser";
/// In the cookie session: the id of the browser session, once somebody signed in.
const SIGNED_IN: &str = "session";
/// In the cookie session: somebody signed out, and nobody has signed in since.
const SIGNED_OUT: &str = "signed_out";
/// In the cookie session: until when it lives, Unix seconds.
const UNTIL: &str = "until";

/// A browser that asks for a page.
pub struct Visitor {
    session: Session,
    now: i64,
    lifetimes: Lifetimes,
    /// An IPv4 address or an IPv6 /64.
    pub network: String,
    /// What marks a browser in which somebody signed in by password.
    pub known_browser: Option<String>,
    turns: Option<String>,
    chosen_language: Option<String>,
    accept_language: Option<String>,
}

impl Visitor {
    /// The fingerprint that binds a flow to this browser; `None` when it brought no session.
    pub async fn browser(&self) -> Result<Option<String>, PageError> {
        Ok(self
            .session
            .get::<String>(BROWSER)
            .await?
            .map(|value| fingerprint(&value)))
    }

    /// The same, for a flow that begins: the cookie session, begun if there is none, outlives the flow.
    pub async fn browser_for_flow(&self) -> Result<String, PageError> {
        let browser = self.browser().await?;
        let until = self.session.get::<i64>(UNTIL).await?;
        // Written only when it must be: every write sends the cookie anew, and could overtake that of a login in another tab.
        if until.is_none_or(|until| until < self.now + self.lifetimes.flow) {
            let Lifetimes { flow, session, .. } = self.lifetimes;
            let signed_in = self.signed_in().await?.is_some();
            self.live_for(if signed_in { session } else { session.min(2 * flow) })
                .await?;
        }
        if let Some(browser) = browser {
            return Ok(browser);
        }
        let value = random_token()?;
        self.session.insert(BROWSER, &value).await?;
        Ok(fingerprint(&value))
    }

    /// The id of the browser session that the cookie points at.
    pub async fn signed_in(&self) -> Result<Option<String>, PageError> {
        Ok(self.session.get(SIGNED_IN).await?)
    }

    /// Points the cookie at a new browser session. The cookie's own id changes, so that one planted before the login is
    /// worth nothing after it.
    pub async fn sign_in(&self, session_id: &str) -> Result<(), PageError> {
        self.session.cycle_id().await?;
        self.live_for(self.lifetimes.session).await?;
        self.session.insert(SIGNED_IN, session_id).await?;
        self.session.remove::<bool>(SIGNED_OUT).await?;
        Ok(())
    }

    /// Points the cookie at no browser session any more, and remembers that somebody signed out.
    pub async fn sign_out(&self) -> Result<(), PageError> {
        self.session.cycle_id().await?;
        self.live_for(self.lifetimes.session).await?;
        self.session.remove::<String>(SIGNED_IN).await?;
        self.session.insert(SIGNED_OUT, true).await?;
        Ok(())
    }

    /// Whether somebody signed out in this browser and nobody has signed in since.
    pub async fn signed_out(&self) -> Result<bool, PageError> {
        Ok(self.session.get(SIGNED_OUT).await?.unwrap_or_default())
    }

    /// Ends the cookie session in so many seconds, by our clock: `tower-sessions` would read its own.
    async fn live_for(&self, lifetime: i64) -> Result<(), PageError> {
        let until = self.now + lifetime;
        let end = OffsetDateTime::from_unix_timestamp(until).map_err(|error| PageError::from_inside(&error))?;
        self.session.set_expiry(Some(Expiry::AtDateTime(end)));
        Ok(self.session.insert(UNTIL, until).await?)
    }

    /// The cookie that marks this browser for `lifetime` seconds.
    pub fn known_browser_cookie(&self, app: &App, token: &str, lifetime: i64) -> Result<HeaderValue, PageError> {
        set_cookie(app, KNOWN_BROWSER, token, lifetime)
    }

    /// This answer without a page, after those of late.
    pub fn turns(&self) -> Turns {
        Turns::next(self.turns.as_deref(), self.now)
    }

    /// The cookie that remembers them.
    pub fn turns_cookie(&self, app: &App, turns: Turns) -> Result<HeaderValue, PageError> {
        set_cookie(app, TURNS, &turns.to_text(), login_loop::WINDOW)
    }

    /// The language for this visitor: chosen on our pages, else asked for by the service, else by the browser.
    pub fn language(&self, ui_locales: &[String]) -> Language {
        Language::negotiate(
            ui_locales,
            self.chosen_language.as_deref(),
            self.accept_language.as_deref(),
        )
    }

    /// What surrounds a page at `here` for this visitor.
    pub fn layout(&self, app: &App, ui_locales: &[String], here: String) -> Layout {
        layout(app, self.language(ui_locales), here)
    }
}

fn set_cookie(app: &App, name: &str, value: &str, lifetime: i64) -> Result<HeaderValue, PageError> {
    let (name, secure) = (
        cookie_name(app, name),
        if app.config.is_https() { "; Secure" } else { "" },
    );
    let cookie = format!("{name}={value}; Path=/; Max-Age={lifetime}; SameSite=Lax; HttpOnly{secure}");
    HeaderValue::from_str(&cookie).map_err(|error| PageError::from_inside(&error))
}

/// What surrounds a page.
pub fn layout(app: &App, language: Language, here: String) -> Layout {
    Layout {
        text: Text::new(language),
        theme: app.theme.clone(),
        footer: app.footer.clone(),
        here,
    }
}

/// The language of a request that got no further than an error.
pub fn language_of(app: &App, headers: &HeaderMap, query: Option<&str>) -> Language {
    let chosen = language_in_query(query).or_else(|| language_cookie(app, headers));
    let accept = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::negotiate(&[], chosen.as_deref(), accept)
}

/// `lang=` in a query string, when it names a language of ours.
pub fn language_in_query(query: Option<&str>) -> Option<String> {
    let chosen = query?.split('&').find_map(|pair| pair.strip_prefix("lang="))?;
    chosen.parse::<Language>().ok().map(|language| language.to_string())
}

fn language_cookie(app: &App, headers: &HeaderMap) -> Option<String> {
    cookie(headers, &language_cookie_name(app))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split("; "))
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}

impl FromRequestParts<SharedApp> for Visitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, PageError> {
        let session = parts.extensions.get::<Session>().cloned();
        let session = session.ok_or_else(|| PageError::from_inside(&"a page without the session layer"))?;
        Ok(Self {
            session,
            now: app.clock.now(),
            lifetimes: app.config.lifetimes,
            network: network_of(app, &parts.extensions, &parts.headers),
            known_browser: cookie(&parts.headers, &cookie_name(app, KNOWN_BROWSER)),
            turns: cookie(&parts.headers, &cookie_name(app, TURNS)),
            chosen_language: language_in_query(parts.uri.query()).or_else(|| language_cookie(app, &parts.headers)),
            accept_language: parts
                .headers
                .get(ACCEPT_LANGUAGE)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
        })
    }
}

/// The network that a request comes from: an IPv4 address or an IPv6 /64.
pub fn network_of(app: &App, extensions: &Extensions, headers: &HeaderMap) -> String {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    network(client_address(peer, headers, &app.config.trusted_proxies))
}

/// The address of the browser: the peer's own, or, behind listed proxies, what they say. Each proxy appends to
/// `X-Forwarded-For` whom it heard from, so the way leads from the right to the first address that is no listed proxy's;
/// what stands further left the browser may have written itself. Where a hop makes no sense the proxy that passed it on
/// stands for everybody behind it.
fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let mut hops = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
    let mut address = peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)).to_canonical();
    while is_trusted(address)
        && let Some(hop) = hops.next().and_then(parse_hop)
    {
        address = hop;
    }
    address
}

fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let address: IpAddr = str::from_utf8(hop).ok()?.trim().parse().ok()?;
    Some(address.to_canonical())
}

/// Who counts as one network, of a canonical address: an IPv4 address, or an IPv6 /64.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            // Each character is one byte, whatever it is.
            let bytes: Vec<u8> = line.chars().map(|letter| letter as u8).collect();
            headers.append("x-forwarded-for", HeaderValue::from_bytes(&bytes).unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        network(client_address(Some(peer.parse().unwrap()), &headers, &trusted))
    }

    #[test]
    fn forwarded_addresses_count_only_from_listed_proxies() {
        assert_eq!(address("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            address("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]),
            "198.51.100.7"
        );
        assert_eq!(address("10.0.0.1", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &["nonsense"]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn what_the_browser_wrote_itself_never_hides_what_the_proxy_appended() {
        for forged in ["x", "", "\u{ff}", "unknown", "9.9.9.1, x", "203.0.113.7, 10.0.0.9, x"] {
            let one_line = format!("{forged}, 198.51.100.7");
            assert_eq!(address("10.0.0.1", &[&one_line]), "198.51.100.7", "{forged}");
            assert_eq!(
                address("10.0.0.1", &[forged, "198.51.100.7"]),
                "198.51.100.7",
                "{forged}"
            );
        }
        assert_eq!(
            address("10.0.0.1", &["203.0.113.7, x, 10.0.0.2"]),
            "10.0.0.2",
            "beyond what makes no sense nothing is believed"
        );
    }

    #[test]
    fn an_ipv4_proxy_is_known_by_its_mapped_address_too() {
        assert_eq!(address("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &["198.51.100.7, ::ffff:10.0.0.2"]), "198.51.100.7");
    }

    #[test]
    fn an_ipv6_network_is_a_64() {
        assert_eq!(address("2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::/64");
        assert_eq!(address("::ffff:192.0.2.1", &[]), "192.0.2.1");
    }
}
