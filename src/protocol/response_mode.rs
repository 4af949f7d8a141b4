//! How an authorization response travels to the client (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode).

/// A value of `response_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseMode {
    /// In the query of the redirect URI, the default of `response_type=code`.
    #[default]
    Query,
    /// In its fragment, which reaches scripts of the page only.
    Fragment,
    /// As a form that the browser posts.
    FormPost,
}

impl ResponseMode {
    /// Every value, with its name over the wire, as discovery lists them.
    pub const ALL: [(&'static str, Self); 3] = [
        ("query", Self::Query),
        ("fragment", Self::Fragment),
        ("form_post", Self::FormPost),
    ];

    /// The mode of this name.
    pub fn parse(name: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, mode)| *mode)
    }
}

/// An authorization response on its way. It is made by [`super::return_to::ReturnTo`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationResponse {
    /// Send the browser to this URL.
    Redirect(String),
    /// Have the browser post these members to this address.
    FormPost {
        /// The verified redirect URI.
        action: String,
        /// Names and values.
        members: Vec<(&'static str, String)>,
    },
}
