//! What a sign-in as a client would give it.

use askama::Template;

use super::super::filters;
use super::ConsoleLayout;
use crate::domain::claims::Source;
use crate::web::i18n::Text;

/// Before and after a trial.
#[derive(Template)]
#[template(path = "console/services/trial.html")]
pub struct TrialPage {
    pub layout: ConsoleLayout,
    /// The client's.
    pub name: String,
    pub back_url: String,
    pub action: String,
    pub trial: Option<Trial>,
    /// The error that the service would get, and its description.
    pub error: Option<(String, String)>,
}

/// What the service would get.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Of whom.
    pub name: String,
    pub lines: Vec<ClaimLine>,
    pub token_response: String,
    pub id_token_header: String,
    pub id_token: String,
    pub userinfo: String,
}

#[derive(Clone, Debug)]
pub struct ClaimLine {
    pub claim: String,
    pub value: String,
    pub scopes: String,
    pub source: Source,
}

fn source_words(text: &Text, source: &Source) -> String {
    text.get(match source {
        Source::Provider => "console-services-source-provider",
        Source::Homeserver => "console-services-source-homeserver",
        Source::Address => "console-services-source-address",
        Source::Administration => "console-services-source-administration",
        Source::Language => "console-services-source-language",
    })
}
