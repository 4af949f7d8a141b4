//! The integration suite: one binary.

mod support;
mod upstream;
