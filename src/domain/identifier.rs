//! What an agent types to say who they are, and what a homeserver says they are: e-mail addresses and Matrix ids
//! (Matrix specification, appendices, "User identifiers"), read strictly because both come from outside.

use std::fmt;

use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::protocol::text::is_hostile;

/// Longest e-mail address accepted, in bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
const EMAIL_MAX_BYTES: usize = 254;
/// Longest local part of an e-mail address, in bytes (RFC 5321 §4.5.3.1.1).
const EMAIL_LOCAL_MAX_BYTES: usize = 64;
/// Longest Matrix id, in bytes, sigil and server name included.
const MATRIX_ID_MAX_BYTES: usize = 255;

/// A full Matrix id, `@local:server`: printable ASCII, at most 255 bytes.
///
/// Narrower than the specification, whose historical ids may hold spaces and control characters: no homeserver
/// makes those any more, and they would reach pages and logs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MatrixId(OwnedUserId);

/// A text that is no Matrix id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Matrix id of the form @local:server")]
pub struct InvalidMatrixId;

impl MatrixId {
    /// Reads a Matrix id exactly as given; nothing is trimmed or lower-cased.
    ///
    /// # Errors
    /// [`InvalidMatrixId`] when a part is missing, a character is not printable ASCII, or it is too long.
    pub fn parse(text: &str) -> Result<Self, InvalidMatrixId> {
        let id = UserId::parse(text).map_err(|_| InvalidMatrixId)?;
        if id.localpart().is_empty() || !is_printable(id.as_str()) {
            return Err(InvalidMatrixId);
        }
        Ok(Self(id))
    }

    /// The whole id, `@local:server`.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The part between `@` and `:`. It looks like an e-mail address on Tchap and must never be read as one.
    pub fn local_part(&self) -> &str {
        self.0.localpart()
    }

    /// The part after the first `:`, with its port if it has one.
    pub fn server_name(&self) -> &str {
        self.0.server_name().as_str()
    }
}

impl fmt::Display for MatrixId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for MatrixId {
    type Error = InvalidMatrixId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<MatrixId> for String {
    fn from(id: MatrixId) -> Self {
        id.0.into()
    }
}

/// What the agent typed in the one field of the login page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// An e-mail address, trimmed and lower-cased.
    Email(String),
    /// A full Matrix id, its server part lower-cased.
    MatrixId(MatrixId),
    /// The local part of a Matrix id (`prenom.nom-domaine.fr`, a leading `@` dropped).
    LocalPart(String),
}

impl Identifier {
    /// Reads what was typed. `None` when it is none of the three.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        if !is_printable(typed) {
            return None;
        }
        if let Some((local, server)) = typed.strip_prefix('@').and_then(|rest| rest.split_once(':')) {
            // People capitalise; server names are host names, compared here with the operators' lower-case list.
            let id = format!("@{local}:{}", server.to_ascii_lowercase());
            return MatrixId::parse(&id).ok().map(Self::MatrixId);
        }
        let local = typed.strip_prefix('@').unwrap_or(typed);
        if local.contains('@') {
            return normalise_email(typed).map(Self::Email);
        }
        let fits = !local.is_empty() && local.len() < MATRIX_ID_MAX_BYTES && !local.contains(':');
        fits.then(|| Self::LocalPart(local.to_owned()))
    }
}

/// Trims and lower-cases an e-mail address; `None` when it is malformed.
///
/// Only printable ASCII: an address that looks like another one in a different script must not pass for it.
pub fn normalise_email(address: &str) -> Option<String> {
    let address = address.trim();
    if !is_printable(address) || address.len() > EMAIL_MAX_BYTES {
        return None;
    }
    let (local, domain) = address.split_once('@')?;
    let local_ok = !local.is_empty()
        && local.len() <= EMAIL_LOCAL_MAX_BYTES
        && !local.contains(['"', '(', ')', ',', ':', ';', '<', '>', '[', ']', '\\']);
    (local_ok && is_host_name(domain)).then(|| address.to_ascii_lowercase())
}

/// The domain of a normalised e-mail address: what follows its last `@`.
pub fn email_domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_host_name(domain: &str) -> bool {
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.split('.').all(label_ok)
}

/// Longest display name kept, in characters.
const NAME_MAX_CHARS: usize = 256;

/// A display name as it may be shown and logged: control, direction and invisible characters dropped, runs of white
/// space made one space, cut to 256 characters. None when nothing is left.
pub fn clean_name(name: &str) -> Option<String> {
    let visible: String = name
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_hostile(*c))
        .collect();
    let single_spaced = visible.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = single_spaced.chars().take(NAME_MAX_CHARS).collect();
    let cut = cut.trim_end();
    (!cut.is_empty()).then(|| cut.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrix_ids_are_read_with_port_and_ipv6() {
        for (text, local, server) in [
            (
                "@jean.dupont-beta.gouv.fr:agent.dinum.tchap.gouv.fr",
                "jean.dupont-beta.gouv.fr",
                "agent.dinum.tchap.gouv.fr",
            ),
            ("@a:localhost:8448", "a", "localhost:8448"),
            ("@a:[2001:db8::1]:8448", "a", "[2001:db8::1]:8448"),
            ("@Upper=_/+:h", "Upper=_/+", "h"),
        ] {
            let id = MatrixId::parse(text).expect(text);
            assert_eq!((id.local_part(), id.server_name(), id.as_str()), (local, server, text));
        }
    }

    #[test]
    fn hostile_matrix_ids_are_refused() {
        let long = format!("@{}:h", "a".repeat(MATRIX_ID_MAX_BYTES));
        for text in [
            "",
            "@",
            "@:",
            "@:h",
            "@a",
            "@a:",
            "a:h",
            "jean@h.fr",
            "@a:h:",
            "@a:h:99999",
            "@a:h:x",
            "@a:[::g]",
            "@a:[::1",
            "@a b:h",
            "@a\n:h",
            "@a\0:h",
            "@a\u{202e}b:h",
            "@é:h",
            "@a:h/evil",
            "@a:user@h",
            "@a:h?x",
            " @a:h",
            "@a:h ",
            "@a:h.\u{0430}",
            &long,
        ] {
            assert_eq!(MatrixId::parse(text), Err(InvalidMatrixId), "{text:?}");
        }
    }

    #[test]
    fn what_was_typed_is_told_apart() {
        let email = |text: &str| Some(Identifier::Email(text.to_owned()));
        let local = |text: &str| Some(Identifier::LocalPart(text.to_owned()));
        let id = |text: &str| MatrixId::parse(text).ok().map(Identifier::MatrixId);
        for (typed, read) in [
            (" Jean.Dupont@Beta.Gouv.fr\t", email("jean.dupont@beta.gouv.fr")),
            ("jean+test@beta.gouv.fr", email("jean+test@beta.gouv.fr")),
            ("@Jean:Agent.Dinum.Tchap.Gouv.fr", id("@Jean:agent.dinum.tchap.gouv.fr")),
            ("jean.dupont-beta.gouv.fr", local("jean.dupont-beta.gouv.fr")),
            ("@jean.dupont-beta.gouv.fr", local("jean.dupont-beta.gouv.fr")),
            ("", None),
            ("   ", None),
            ("@", None),
            ("@:h", None),
            ("jean:h", None),
            ("jean dupont", None),
            ("a@b@c.fr", None),
            ("jean@", None),
            ("@beta@gouv.fr", None),
            ("jean@beta.gouv.fr\r\nBcc: x", None),
        ] {
            assert_eq!(Identifier::parse(typed), read, "{typed:?}");
        }
    }

    #[test]
    fn malformed_addresses_are_refused() {
        let long_local = format!("{}@b.fr", "a".repeat(65));
        let long = format!("a@{}fr", "abcdefghi.".repeat(26));
        for text in [
            "",
            "@",
            "a",
            "a@",
            "@b.fr",
            "a@b..fr",
            "a@.fr",
            "a@b.fr.",
            "a@-b.fr",
            "a@b-.fr",
            "a@b_c.fr",
            "a@b.fr:25",
            "a b@c.fr",
            "\"a b\"@c.fr",
            "<a@b.fr>",
            "a@[127.0.0.1]",
            "a@b.fr\0",
            "a@\u{212a}.fr",
            "é@b.fr",
            "a,b@c.fr",
            &long_local,
            &long,
        ] {
            assert_eq!(normalise_email(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_domain_of_an_address() {
        assert_eq!(email_domain("a@b.fr"), Some("b.fr"));
        assert_eq!(email_domain("b.fr"), None);
    }

    #[test]
    fn a_stored_matrix_id_is_checked_when_read_back() {
        assert!(serde_json::from_str::<MatrixId>("\"@a:h\"").is_ok());
        assert!(serde_json::from_str::<MatrixId>("\"@a b:h\"").is_err());
    }

    #[test]
    fn display_names_lose_what_could_deceive() {
        for (given, kept) in [
            ("Jean-Pierre de La Tour [DINUM]", Some("Jean-Pierre de La Tour [DINUM]")),
            ("  Zoé\u{a0}\tO'Hara\r\n", Some("Zoé O'Hara")),
            ("Jean\u{202e}tnoruD", Some("JeantnoruD")),
            ("a\u{0}\u{1b}[31mb\u{7f}", Some("a[31mb")),
            ("\u{200b}\u{feff}\u{2066}", None),
            ("", None),
            (" \n ", None),
        ] {
            assert_eq!(clean_name(given).as_deref(), kept, "{given:?}");
        }
        assert_eq!(
            clean_name(&"é".repeat(5000)).map(|name| name.chars().count()),
            Some(NAME_MAX_CHARS)
        );
    }
}
