//! What each module asks, of any provider.

pub mod core;
pub mod discovery;
pub mod request_objects;
pub mod scopes;
pub mod sessions;
