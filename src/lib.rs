//! Throw-away map of this branch.
pub mod web;
