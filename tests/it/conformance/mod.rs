//! The OpenID Foundation's conformance suite, module by module, restated as tests over HTTP: `docs/conformance.md` has
//! the table. A file per plan, a test per module, by the module's name without `oidcc-`. What a module asks is a function
//! in `modules/` that knows the provider by its discovery document only, so that the same questions go to a certified
//! provider (`certified_*.rs`): a question which that one fails would be a wrong question.

mod back_channel;
mod basic;
mod certified_basic;
mod certified_logout;
mod config;
mod dynamic;
mod form_post;
mod front_channel;
mod keys;
mod modules;
mod party;
mod provider;
mod rp_initiated_logout;
mod site;
mod suite_configuration;
mod third_party_init;

use keys::PartyKey;
use provider::Provider;

/// Our provider in this process.
async fn ours() -> Provider {
    Provider::ours(false).await
}

/// The same, whose answers are forms that the browser posts.
async fn ours_by_form_post() -> Provider {
    Provider::ours(true).await
}

/// The same, for relying parties that sign assertions.
async fn ours_by_key() -> Provider {
    let mut op = ours().await;
    op.key = Some(PartyKey::new("first").into());
    op
}

/// The certified one.
async fn certified() -> Provider {
    Provider::certified().await
}
