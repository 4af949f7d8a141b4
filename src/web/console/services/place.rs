//! A place in a list, as it stands in an address: what was altered, or comes from another session or list, is no place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::super::error::PageError;
use super::super::super::pages::ErrorKind;
use super::super::Member;
use crate::secret::{constant_time_eq, fingerprint};

fn mark(member: &Member, list: &str, place: &str) -> String {
    fingerprint(&format!("place\n{}\n{list}\n{place}", member.session.id))
}

/// The address of the place after `parts` in `list`.
pub fn write(member: &Member, list: &str, parts: (&str, &str)) -> String {
    let place = URL_SAFE_NO_PAD.encode(format!("{}\n{}", parts.0, parts.1));
    format!("{place}.{}", mark(member, list, &place))
}

/// The place that [`write`] wrote.
///
/// # Errors
/// A page about the request.
pub fn read(member: &Member, list: &str, text: &str) -> Result<(String, String), PageError> {
    let wrong = || PageError::with_detail(ErrorKind::Request, "the place in the list was altered");
    let (place, given) = text.split_once('.').ok_or_else(wrong)?;
    if !constant_time_eq(given, &mark(member, list, place)) {
        return Err(wrong());
    }
    let bytes = URL_SAFE_NO_PAD.decode(place).map_err(|_| wrong())?;
    let place = String::from_utf8(bytes).map_err(|_| wrong())?;
    let (first, second) = place.split_once('\n').ok_or_else(wrong)?;
    Ok((first.to_owned(), second.to_owned()))
}
