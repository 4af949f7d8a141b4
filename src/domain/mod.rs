//! What is ours: agents, administrations, homeservers, identity → claims, flows, consents, grants, admission.
//! Pure: data (and `now`) in, data or an error out.

pub mod account;
pub mod administration;
pub mod admission;
pub mod agent;
pub mod api;
pub mod audit;
pub mod claims;
pub mod client_change;
pub mod consent;
pub mod ending;
pub mod flow;
pub mod grant;
pub mod history;
pub mod homeserver;
pub mod identifier;
pub mod identity;
pub mod lifecycle;
pub mod login_loop;
pub mod login_problem;
pub mod logo;
pub mod logout;
pub mod names;
pub mod registration;
pub mod role;
pub mod second_factor;
pub mod session;
pub mod statistics;
pub mod throttle;
