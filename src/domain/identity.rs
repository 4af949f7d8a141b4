//! What a homeserver proved about the agent who signed in. Untrusted until the entitlement rules have been applied
//! to its addresses (`domain::homeserver::entitled`).

use super::homeserver::Way;

/// The outcome of one login at a homeserver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamIdentity {
    /// Server name of the homeserver that we asked; the server part of `matrix_id` equals it.
    pub homeserver: String,
    /// Full Matrix id, `@local:server`, from whoami.
    pub matrix_id: String,
    /// Display name: no control or direction characters, at most 256 characters. None when there is none.
    pub display_name: Option<String>,
    /// Validated addresses as the homeserver asserts them, earliest `added_at` first.
    pub emails: Vec<ThirdPartyEmail>,
    /// How the agent signed in.
    pub way: Way,
}

/// An e-mail address bound to a Matrix account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThirdPartyEmail {
    /// The address, lower case.
    pub address: String,
    /// When the agent proved that it is theirs, Unix seconds.
    pub validated_at: i64,
    /// When the homeserver bound it to the account, Unix seconds.
    pub added_at: i64,
}

/// Longest display name kept, in characters.
const NAME_MAX_CHARS: usize = 256;

/// A display name as it may be shown and logged: control, direction and invisible characters dropped, runs of white
/// space made one space, cut to 256 characters. None when nothing is left.
pub fn clean_name(name: &str) -> Option<String> {
    let visible: String = name
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| is_shown(*c))
        .collect();
    let single_spaced = visible.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = single_spaced.chars().take(NAME_MAX_CHARS).collect();
    let cut = cut.trim_end();
    (!cut.is_empty()).then(|| cut.to_owned())
}

/// Not a control character, and none that reorders (Unicode UAX #9) or hides what stands beside it.
fn is_shown(c: char) -> bool {
    let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}');
    let hides = matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !(c.is_control() || reorders || hides)
}

#[cfg(test)]
mod tests {
    use super::*;

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
