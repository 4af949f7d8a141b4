//! OAuth 2.0 and OpenID Connect in the RFCs' words. Pure: it knows neither HTTP servers, databases nor the time of day,
//! and nothing of Tchap.

pub mod access_token;
pub mod admission;
pub mod authorize;
pub mod claims_request;
pub mod client;
pub mod client_assertion;
pub mod client_auth;
pub mod client_metadata;
pub mod discovery;
pub mod error;
pub mod id_token;
pub mod jwk;
pub mod jws;
pub mod logout;
pub mod params;
pub mod pkce;
pub mod registration;
pub mod request_object;
pub mod resource;
pub mod response_mode;
pub mod return_to;
pub mod siren;
pub mod standing;
pub mod text;
pub mod token_request;
