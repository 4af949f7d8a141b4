//! The OpenID Foundation's conformance suite, module by module, restated as tests over HTTP: `docs/conformance.md` has
//! the table. A file per plan, a test per module, by the module's name without `oidcc-`. What a module asks is a function
//! in `modules/` that knows the provider by its discovery document only, so that the same questions go to a certified
//! provider (`certified_*.rs`): a question which that one fails would be a wrong question.

mod basic;
mod certified_basic;
mod config;
mod modules;
mod party;
mod provider;

use provider::Provider;

/// Our provider in this process.
async fn ours() -> Provider {
    Provider::ours(false).await
}

/// The certified one.
async fn certified() -> Provider {
    Provider::certified().await
}
