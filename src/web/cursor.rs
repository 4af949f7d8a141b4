//! Where a page of a list begins: after the row with this place in the list's order, sealed. Nobody can make one, and one of
//! another list, another filter or another person opens nothing.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::PageError;
use super::pages::ErrorKind;
use crate::app::App;
use crate::secret::fingerprint;

/// Longer ones are none of ours, in bytes.
const MAX_LENGTH: usize = 2000;

/// Seals a place of a list. `list` says which one: its name, with everything that decides what stands in it.
fn seal(app: &App, list: &str, place: &impl Serialize) -> Result<String, PageError> {
    let plain = serde_json::to_vec(place).map_err(|error| PageError::from_inside(&error))?;
    Ok(app.keys.seal(&bound(list), &plain)?)
}

/// Opens what [`seal`] made for the same list.
///
/// # Errors
/// A page about the request.
fn open<T: DeserializeOwned>(app: &App, list: &str, sealed: &str) -> Result<T, PageError> {
    let invalid = || PageError::with_detail(ErrorKind::Request, "this is no page of the list");
    let sealed = Some(sealed)
        .filter(|sealed| sealed.len() <= MAX_LENGTH)
        .ok_or_else(invalid)?;
    let plain = app.keys.unseal(&bound(list), sealed).map_err(|_| invalid())?;
    serde_json::from_slice(&plain).map_err(|_| invalid())
}

/// The place that an address names, if it names one.
///
/// # Errors
/// As [`open`].
pub fn named<T: DeserializeOwned>(app: &App, list: &str, sealed: Option<&str>) -> Result<Option<T>, PageError> {
    sealed.map(|sealed| open(app, list, sealed)).transpose()
}

/// Cuts what was read with one row more than a page has to a page, and seals the place of its last row when there is more.
pub fn cut<T, P: Serialize>(
    app: &App,
    list: &str,
    rows: &mut Vec<T>,
    per_page: u32,
    place: impl Fn(&T) -> P,
) -> Result<Option<String>, PageError> {
    let is_more = rows.len() > per_page as usize;
    rows.truncate(per_page as usize);
    let last = rows.last().filter(|_| is_more);
    last.map(|last| seal(app, list, &place(last))).transpose()
}

fn bound(list: &str) -> String {
    format!("cursors/{}", fingerprint(list))
}
