//! The OpenID Connect endpoints, one file each.

pub mod authorize;
pub mod discovery;
pub mod token;
pub mod userinfo;
