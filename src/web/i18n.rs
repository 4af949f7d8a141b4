//! The two languages of the pages: which one to use, and the texts of `locales/*.ftl` (Project Fluent), read once.
//! `ui_locales` is OpenID Connect Core §3.1.2.1; `Accept-Language` is RFC 9110 §12.5.4.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

use crate::protocol::text::is_hostile;

/// A language that the pages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Fr,
    En,
}

/// The language tag names neither French nor English.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a language of the pages")]
pub struct UnknownLanguage;

impl Language {
    pub const ALL: [Language; 2] = [Language::Fr, Language::En];

    /// The BCP 47 tag, as in `<html lang>`, the cookie and the `locale` claim.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::Fr => "fr",
            Language::En => "en",
        }
    }

    /// The language that the page offers to switch to.
    pub fn other(self) -> Language {
        match self {
            Language::Fr => Language::En,
            Language::En => Language::Fr,
        }
    }

    /// Chooses the language: what the agent chose on our pages (`cookie`), else what the service asks for
    /// (`ui_locales`, in its order), else what the browser prefers, else French.
    pub fn negotiate(ui_locales: &[String], cookie: Option<&str>, accept_language: Option<&str>) -> Language {
        cookie
            .and_then(|tag| tag.parse().ok())
            .or_else(|| ui_locales.iter().find_map(|tag| tag.parse().ok()))
            .or_else(|| accept_language.and_then(preferred))
            .unwrap_or_default()
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    /// Reads a BCP 47 tag by its primary subtag: `fr-CA` is French.
    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Language::ALL
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.as_str()))
            .ok_or(UnknownLanguage)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The language of an `Accept-Language` header with the highest weight; the first one wins a tie.
fn preferred(header: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for range in header.split(',') {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let weight = parts
            .find_map(|part| part.trim().strip_prefix("q="))
            .map_or(Some(1.0), |q| q.trim().parse().ok());
        let language = if tag == "*" {
            Some(Language::default())
        } else {
            tag.parse().ok()
        };
        if let (Some(weight), Some(language)) = (weight, language)
            && weight > best.map_or(0.0, |(weight, _)| weight)
        {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

type Bundle = FluentBundle<FluentResource>;

static FRENCH: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Fr, include_str!("../../locales/fr.ftl")));
static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::En, include_str!("../../locales/en.ftl")));

fn bundle(language: Language, source: &str) -> Bundle {
    // A mistake in a locale file keeps the messages that can be read; the tests refuse the file.
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
    let mut bundle = FluentBundle::new_concurrent(vec![language.as_str().parse().unwrap_or_default()]);
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    bundle
}

/// The texts of one language. Free to copy.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    language: Language,
}

impl Text {
    pub fn new(language: Language) -> Text {
        Text { language }
    }

    pub fn language(self) -> Language {
        self.language
    }

    /// The message `key`, or its attribute with `key.attribute`. An unknown key is shown as itself.
    pub fn get(self, key: &str) -> String {
        self.format(key, None)
    }

    /// The message `key` with values in it. Values come from outside: see [`visible`].
    pub fn with(self, key: &str, values: &[(&str, &str)]) -> String {
        let mut args = FluentArgs::new();
        for &(name, value) in values {
            args.set(name, visible(value).into_owned());
        }
        self.format(key, Some(&args))
    }

    /// The message `key` with the number `$count` in it, in the right plural.
    pub fn count(self, key: &str, count: u64) -> String {
        let mut args = FluentArgs::new();
        args.set("count", count);
        self.format(key, Some(&args))
    }

    fn format(self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let bundle: &Bundle = match self.language {
            Language::Fr => &FRENCH,
            Language::En => &ENGLISH,
        };
        let (message, attribute) = key
            .split_once('.')
            .map_or((key, None), |(key, attribute)| (key, Some(attribute)));
        let message = bundle.get_message(message);
        let pattern = match attribute {
            None => message.and_then(|message| message.value()),
            Some(name) => message
                .and_then(|message| message.get_attribute(name))
                .map(|attribute| attribute.value()),
        };
        match pattern {
            Some(pattern) => bundle.format_pattern(pattern, args, &mut Vec::new()).into_owned(),
            None => key.to_owned(),
        }
    }
}

/// A value from outside with its control and direction characters made visible, so that a name cannot reorder,
/// hide or break the sentence around it.
pub fn visible(value: &str) -> Cow<'_, str> {
    if value.contains(is_hostile) {
        Cow::Owned(value.replace(is_hostile, "\u{fffd}"))
    } else {
        Cow::Borrowed(value)
    }
}

#[cfg(test)]
mod tests;
