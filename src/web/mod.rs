//! Throw-away map of this branch.
pub mod i18n;
pub mod pages;
pub mod theme;
