//! A homeserver as operators write it down: what its name alone tells, and what of it can be right.

use ruma::ServerName;
use url::Url;

use super::{Homeserver, OAuthSettings, Watch, WatchWay, Way};
use crate::protocol::client_metadata::{FieldProblem, check_display_name, is_domain_name};
use crate::protocol::return_to::is_loopback;

impl Homeserver {
    /// What is assumed of a homeserver when no more is said of it than its name, and perhaps where it is.
    pub fn assumed(name: &str, base_url: Option<&str>) -> Self {
        Self {
            label: name.to_owned(),
            base_url: base_url.map_or_else(|| default_base_url(name), str::to_owned),
            guests: false,
            ways: Way::default_order(),
            email_domains: Vec::new(),
            directory: is_tchap(name),
            sso_always_asks: false,
            recreated_by_address: is_tchap(name),
            oauth: OAuthSettings::default(),
            watch: Watch::default(),
            name: name.to_owned(),
        }
    }

    /// Checks what operators write.
    ///
    /// # Errors
    /// Every problem, never an empty list.
    pub fn validate(&self) -> Result<(), Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let Self { name, ways, .. } = self;
        let is_server_name = <&ServerName>::try_from(name.as_str()).is_ok();
        if !is_server_name || name.chars().any(|c| c.is_ascii_uppercase()) {
            let message = "required: a Matrix server name in lower case, for example \"agent.dinum.tchap.gouv.fr\"";
            problems.push(FieldProblem::new("name", message));
        }
        // What was made from a wrong name is not another problem.
        if let Err(message) = check_display_name(&self.label)
            && self.label != *name
        {
            problems.push(FieldProblem::new("label", message));
        }
        if let Err(message) = check_base_url(&self.base_url)
            && self.base_url != default_base_url(name)
        {
            problems.push(FieldProblem::new("base_url", message));
        }
        if ways.is_empty() || ways.iter().enumerate().any(|(index, way)| ways[..index].contains(way)) {
            let message = "expected different ways in order of preference: [\"oauth\", \"sso\", \"password\"]";
            problems.push(FieldProblem::new("ways", message));
        }
        let OAuthSettings { client_id, issuer } = &self.oauth;
        let is_client_id =
            |id: &String| (1..=255).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        if !client_id.as_ref().is_none_or(is_client_id) {
            let message = "expected the client_id that the authentication service has given to this provider";
            problems.push(FieldProblem::new("oauth.client_id", message));
        }
        if let Some(Err(message)) = issuer.as_deref().map(check_issuer) {
            problems.push(FieldProblem::new("oauth.issuer", message));
        }
        if let Some(Err(message)) = self.watch.base_url.as_deref().map(check_base_url) {
            problems.push(FieldProblem::new("watch.base_url", message));
        }
        let Watch { way, client_id, .. } = &self.watch;
        if (*way == Some(WatchWay::MasAdmin)) != client_id.as_ref().is_some_and(is_client_id) {
            let message = "with way = \"mas_admin\", and only then: our client_id at the authentication service, in its admin_clients";
            problems.push(FieldProblem::new("watch.client_id", message));
        }
        for (index, domain) in self.email_domains.iter().enumerate() {
            if !is_domain_name(domain) {
                let message = "expected an e-mail domain in lower case, for example \"beta.gouv.fr\"";
                problems.push(FieldProblem::new(format!("email_domains[{index}]"), message));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// Tchap's servers follow one pattern, which others do not.
fn is_tchap(name: &str) -> bool {
    name == "tchap.gouv.fr" || name.ends_with(".tchap.gouv.fr")
}

fn default_base_url(name: &str) -> String {
    match is_tchap(name) {
        true => format!("https://matrix.{name}"),
        false => format!("https://{name}"),
    }
}

fn check_base_url(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "expected a URL such as \"https://matrix.example.org\"")?;
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err("must be https (http only for 127.0.0.1, [::1] and localhost)");
    }
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !plain || url.fragment().is_some() || text.ends_with('/') {
        return Err("must end without slash, and have no user name, query or fragment");
    }
    Ok(())
}

/// Unlike a base URL it may end in a slash: it is compared as it is written.
fn check_issuer(text: &str) -> Result<(), &'static str> {
    check_base_url(text.strip_suffix('/').unwrap_or(text))
        .map_err(|_| "expected an issuer as the service's metadata write it, for example \"https://auth.example.org/\"")
}
