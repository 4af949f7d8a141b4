//! The console of operators and partners: who somebody is here, and what they may. One file per feature; each merges its
//! routes here.

mod administrations;
mod agents;
mod api;
mod home;
mod homeservers;
pub mod journal;
mod keys;
mod second_factor;
pub mod services;
pub mod statistics;
mod team;

use axum::Router;
use axum::extract::FromRequestParts;
use http::Method;
use http::request::Parts;

use super::error::{AuthorizeError, PageError};
use super::login::own_pages::{self, Visit};
use super::pages::ErrorKind;
use super::pages::console::{ConsoleLayout, SECTIONS, Section};
use super::visitor::Visitor;
use crate::app::SharedApp;
use crate::domain::agent::Agent;
use crate::domain::audit::Actor;
use crate::domain::role::{Right, Roles, may};
use crate::domain::second_factor::SecondFactor;
use crate::domain::session::BrowserSession;
use crate::protocol::params::Params;
use crate::secret::{constant_time_eq, fingerprint};
use crate::store::StoreError;

/// The console's address.
pub const HOME: &str = "/console";
/// Where the second factor is enrolled and given.
pub const SECOND_FACTOR: &str = "/console/second-facteur";

/// The longest address in the console that a login comes back to.
const MAX_PLACE: usize = 1000;
/// So long it is remembered that a form came, in seconds.
const ONCE: i64 = 30 * 86_400;

/// The routes of the console.
pub fn routes() -> Router<SharedApp> {
    Router::new()
        .merge(administrations::routes())
        .merge(agents::routes())
        .merge(api::routes())
        .merge(home::routes())
        .merge(journal::routes())
        .merge(statistics::routes())
        .merge(homeservers::routes())
        .merge(keys::routes())
        .merge(second_factor::routes())
        .merge(services::routes())
        .merge(team::routes())
}

/// The agent whose browser asks for a page of the console, with what they may. Whoever is not signed in is led there by way of
/// a login, and comes back to where they were going.
pub struct Member {
    pub app: SharedApp,
    pub visitor: Visitor,
    pub session: BrowserSession,
    pub agent: Agent,
    pub roles: Roles,
    pub now: i64,
    factor: SecondFactor,
    /// Path and query as the browser sees them.
    here: String,
    /// A page of the console to come back to, with GET: this one, or, of a form, that of its section.
    place: String,
}

impl FromRequestParts<SharedApp> for Member {
    type Rejection = AuthorizeError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, AuthorizeError> {
        let here = parts.uri.path_and_query().map_or(HOME, |here| here.as_str()).to_owned();
        let place = match parts.method {
            Method::GET => own_place(&here).unwrap_or(HOME),
            _ => section_of(&here),
        };
        let place = place.to_owned();
        let Visit {
            visitor,
            session,
            agent,
            now,
        } = own_pages::receive(app, parts, HOME, Some(&place)).await?;
        let factor = app.store.find_second_factor(&agent.id, &session.id).await?;
        let homeserver = app.store.find_homeserver(&agent.homeserver).await?;
        let roles = Roles {
            granted: app.store.find_roles(&agent.id).await?,
            is_guest: homeserver.is_none_or(|homeserver| homeserver.guests),
            second_factor: factor.is_given(),
        };
        let member = Self {
            app: app.clone(),
            visitor,
            session,
            agent,
            roles,
            now,
            factor,
            here,
            place,
        };
        member.require(Right::Enter)?;
        Ok(member)
    }
}

impl Member {
    /// Whether the right is theirs, now.
    pub fn may(&self, right: Right<'_>) -> bool {
        may(&self.roles, right)
    }

    /// Lets those through who have the right. Those who have it once they give their second factor are asked for it; to all
    /// others there is nothing here.
    ///
    /// # Errors
    /// The way to the second factor, or the page of what does not exist.
    pub fn require(&self, right: Right<'_>) -> Result<(), AuthorizeError> {
        if self.may(right) {
            return Ok(());
        }
        match may(&self.roles.with_second_factor(), right) {
            true => Err(self.ask_second_factor()),
            false => Err(PageError::new(ErrorKind::NotFound).into()),
        }
    }

    /// The same for the page of a sensitive act: a right that comes of the second factor needs one that was given a short time
    /// ago.
    ///
    /// # Errors
    /// As [`Member::require`].
    pub fn require_fresh(&self, right: Right<'_>) -> Result<(), AuthorizeError> {
        let right = self.require_to_confirm(right)?;
        match self.is_fresh_for(right) {
            true => Ok(()),
            false => Err(self.ask_second_factor()),
        }
    }

    /// The same for the act: `form` was sent from a page that was shown to this session. Whoever has to give the second factor
    /// again does so on a page that carries what was sent, in fields of its own, and goes on with it.
    ///
    /// # Errors
    /// As [`Member::require`]; the page that asks; the way to the section when the form was not shown.
    pub async fn confirm(&self, right: Right<'_>, form: &Params) -> Result<(), AuthorizeError> {
        let right = self.require_to_confirm(right)?;
        if !self.is_shown(form) {
            return Err(AuthorizeError::Again(self.place.clone()));
        }
        match self.is_fresh_for(right) {
            true => Ok(()),
            false => second_factor::ask_first(self, form).await,
        }
    }

    /// The right that a sensitive act is confirmed with. An operator's word is enough everywhere, at what is their own as well: it
    /// is an operator's that has to be confirmed, even in a session without the second factor.
    fn require_to_confirm<'a>(&self, right: Right<'a>) -> Result<Right<'a>, AuthorizeError> {
        self.require(right)?;
        let right = match may(&self.roles.with_second_factor(), Right::ApproveClient) {
            true => Right::ApproveClient,
            false => right,
        };
        self.require(right)?;
        Ok(right)
    }

    fn is_fresh_for(&self, right: Right<'_>) -> bool {
        may(&self.roles.without_second_factor(), right) || self.factor.is_fresh(self.now)
    }

    fn ask_second_factor(&self) -> AuthorizeError {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("retour", &self.place)
            .finish();
        AuthorizeError::Again(format!("{SECOND_FACTOR}?{query}"))
    }

    /// Who does what is done here, for the audit log.
    pub fn actor(&self) -> Actor {
        Actor::Agent(self.agent.id.clone())
    }

    /// Stands for the session whose page was shown, in its forms: what was shown to one agent is not done for another.
    pub fn shown(&self) -> String {
        fingerprint(&format!("console\n{}", self.session.id))
    }

    /// Whether this very session was shown the page that the form is of.
    pub fn is_shown(&self, form: &Params) -> bool {
        constant_time_eq(form.get("shown").unwrap_or_default(), &self.shown())
    }

    /// Takes a form whose outcome is shown once (its `envoi` is a value of its own): `false` when it was taken before, by a page
    /// that was loaded again within a month, however often the session was renewed since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_once(&self, form: &Params) -> Result<bool, StoreError> {
        let (taker, mark) = self.once(form);
        let store = &self.app.store;
        let until = self.now + ONCE;
        store.insert_used_jti(&taker, &mark, until).await
    }

    /// Gives the form back: nothing came of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_back(&self, form: &Params) -> Result<(), StoreError> {
        let (taker, mark) = self.once(form);
        self.app.store.delete_used_jti(&taker, &mark).await
    }

    fn once(&self, form: &Params) -> (String, String) {
        // No client has a colon in its id, and none is what agents are called.
        let taker = format!("console:{}", self.agent.id);
        (taker, fingerprint(form.get("envoi").unwrap_or_default()))
    }

    /// What surrounds a page of this section.
    pub fn layout(&self, section: &'static Section) -> ConsoleLayout {
        ConsoleLayout {
            layout: self.visitor.layout(&self.app, &[], self.place.clone()),
            nav: SECTIONS.iter().copied().filter(|entry| self.may(entry.right)).collect(),
            section,
            is_start: self.here.split('?').next() == Some(section.path),
            shown: self.shown(),
        }
    }

    /// The query of this page's address.
    ///
    /// # Errors
    /// A page about the request when a parameter is repeated or malformed.
    pub fn query(&self) -> Result<Params, PageError> {
        let query = self.here.split_once('?').map_or("", |(_, query)| query);
        Params::parse(query.as_bytes()).map_err(|error| PageError::with_detail(ErrorKind::Request, error.description))
    }
}

/// An address of the console, from outside, as one to send the browser to; `None` for any other.
pub fn own_place(text: &str) -> Option<&str> {
    let path = text.split('?').next().unwrap_or_default();
    let below = path.strip_prefix(HOME)?;
    let is_below = below.is_empty() || below.starts_with('/');
    // Nothing that a browser would read in another way than we do: no dot segments, written out or encoded, no backslash.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.:".contains(&byte);
    let is_plain = path.bytes().all(plain) && !path.contains("//") && !path.contains("/.");
    let is_graphic = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    (is_below && is_plain && is_graphic && text.len() <= MAX_PLACE).then_some(text)
}

/// The page of the section that an address is in.
fn section_of(here: &str) -> &'static str {
    let within = |section: &&&Section| {
        let rest = here.strip_prefix(section.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    };
    let longest = SECTIONS.iter().filter(within).max_by_key(|section| section.path.len());
    longest.map_or(HOME, |section| section.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threat: open redirect in helper parameters.
    #[test]
    fn only_places_in_the_console_are_come_back_to() {
        for own in [
            "/console",
            "/console/",
            "/console?lang=en",
            "/console/services/0a1b?avant=x.y&tri=nom",
            "/console/administrations/beta.gouv.fr",
            "/console/second-facteur?retour=%2Fconsole%2Fequipe",
            "/console?to=https%3A%2F%2Fevil.example//",
        ] {
            assert_eq!(own_place(own), Some(own));
        }
        for other in [
            "",
            "/",
            "console",
            "//evil.example",
            "//evil.example/console",
            "/\\evil.example",
            "\\/evil.example/console",
            "/console\\@evil.example",
            "/console@evil.example",
            "/console.evil.example",
            "/consolex",
            "/console//evil.example",
            "/console/../mon-compte",
            "/console/..",
            "/console/%2e%2e/logout",
            "/console/./x",
            "/console/\t/x",
            "/console/x\r\nSet-Cookie: a=b",
            "/console?x\\",
            "/console#x",
            "/console/é",
            "https://evil.example/console",
            "javascript:/console",
            " /console",
            "/CONSOLE",
        ] {
            assert_eq!(own_place(other), None, "{other}");
        }
        assert_eq!(own_place(&format!("/console?{}", "x".repeat(1000))), None);
    }

    #[test]
    fn a_form_comes_back_to_its_section() {
        assert_eq!(section_of("/console/equipe/invitations"), "/console/equipe");
        assert_eq!(section_of("/console/equipe"), "/console/equipe");
        assert_eq!(section_of("/console/equipex"), HOME);
        assert_eq!(section_of("/console/unknown"), HOME);
        assert_eq!(section_of("//evil.example/console"), HOME);
    }
}
