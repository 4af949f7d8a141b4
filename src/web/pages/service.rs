//! The service that a page is about, as it presents itself.

use crate::web::i18n::Text;

/// A service.
#[derive(Clone, Debug, Default)]
pub struct Service {
    pub name: String,
    /// Address of our copy of its logo.
    pub logo: Option<String>,
    /// Its privacy policy and terms; linked only when http(s).
    pub policy_uri: Option<String>,
    pub tos_uri: Option<String>,
    /// Where the browser goes afterwards, of a service that registered itself: nobody vouches for its name.
    pub unverified: Option<String>,
    /// It is being tried out, by those whom its owner invited.
    pub in_test: bool,
}

/// A document of the service's own.
pub struct Document<'a> {
    pub id: &'static str,
    pub label: String,
    pub uri: &'a str,
    /// Who keeps it.
    pub host: &'a str,
}

impl Service {
    /// A service that says nothing but its name.
    #[cfg(test)]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Its own documents.
    pub(super) fn documents(&self, text: &Text) -> Vec<Document<'_>> {
        [("service-policy", &self.policy_uri), ("service-tos", &self.tos_uri)]
            .into_iter()
            .filter_map(|(id, uri)| {
                let uri = uri.as_deref()?;
                let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"))?;
                let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
                Some(Document {
                    id,
                    label: text.get(id),
                    uri,
                    host,
                })
            })
            .collect()
    }
}
