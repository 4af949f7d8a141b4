//! What operators, support and partners do, whichever way: the console's pages, the API, the command line and `apply` call the
//! same functions. Each takes the wanted thing and who asks, checks it, records the audit event, and writes.

pub mod administrations;
pub mod clients;
pub mod edit;
pub mod homeservers;
pub mod keys;
pub mod registration_tokens;
pub mod resources;
pub mod roles;
pub mod second_factor;
pub mod sessions;
