//! The OpenID Connect endpoints, one file each.

mod authenticate;
pub mod authorize;
pub mod discovery;
pub mod introspection;
pub mod registration;
pub mod revocation;
pub mod token;
pub mod userinfo;
