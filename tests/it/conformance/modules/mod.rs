//! What each module asks, of any provider.

pub mod channels;
pub mod core;
pub mod discovery;
pub mod keys;
pub mod logout;
pub mod registration;
pub mod request_objects;
pub mod scopes;
pub mod sessions;
