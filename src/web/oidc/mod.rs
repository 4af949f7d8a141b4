//! The OpenID Connect endpoints, one file each.

mod authenticate;
pub mod authorize;
pub mod discovery;
pub mod registration;
pub mod token;
pub mod userinfo;
