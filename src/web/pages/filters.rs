//! Filters of our templates.

use crate::web::i18n::visible;

/// A value from outside, its control and direction characters made visible; escaped as any other text afterwards.
#[askama::filter_fn]
pub fn shown(value: impl AsRef<str>, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(visible(value.as_ref()).into_owned())
}

/// The same for a text of several lines, whose ends stay.
#[askama::filter_fn]
pub fn lines(value: impl AsRef<str>, _: &dyn askama::Values) -> askama::Result<String> {
    let lines: Vec<_> = value.as_ref().lines().map(visible).collect();
    Ok(lines.join("\n"))
}
