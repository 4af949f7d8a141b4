//! Homeservers as operators name them: by name alone or with a base URL, on the command line or in an `apply` file.

use std::str::FromStr;

use anyhow::bail;
use ruma::ServerName;
use url::Url;

use super::entry::Entry;
use crate::domain::homeserver::{Homeserver, OAuthSettings, Watch, WatchWay, Way};
use crate::protocol::client_metadata::{FieldProblem, check_display_name, is_domain_name};
use crate::protocol::return_to::is_loopback;
use crate::store::{Store, StoreError};

/// `NAME` or `NAME=URL` on the command line.
#[derive(Debug, Clone)]
pub struct HomeserverArg {
    name: String,
    base_url: Option<String>,
}

impl FromStr for HomeserverArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, base_url) = match text.split_once('=') {
            Some((name, url)) => (name, Some(url.trim_end_matches('/').to_owned())),
            None => (text, None),
        };
        let arg = Self {
            name: name.to_owned(),
            base_url,
        };
        match validate(&arg.homeserver()) {
            Ok(()) => Ok(arg),
            Err(problems) => Err(problems
                .into_iter()
                .map(|problem| problem.message)
                .collect::<Vec<_>>()
                .join("; ")),
        }
    }
}

impl HomeserverArg {
    fn homeserver(&self) -> Homeserver {
        Homeserver {
            label: self.name.clone(),
            base_url: self.base_url.clone().unwrap_or_else(|| default_base_url(&self.name)),
            guests: false,
            ways: Way::default_order(),
            email_domains: Vec::new(),
            directory: is_tchap(&self.name),
            sso_always_asks: false,
            recreated_by_address: is_tchap(&self.name),
            oauth: OAuthSettings::default(),
            watch: Watch::default(),
            name: self.name.clone(),
        }
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

/// Reads one `[[homeservers]]` table, without its place.
pub fn read(table: toml::Table, place: &str) -> Result<Homeserver, Vec<FieldProblem>> {
    let mut entry = Entry::new(table);
    let name: String = entry.take("name").unwrap_or_default();
    let homeserver = Homeserver {
        label: entry.take("label").unwrap_or_else(|| name.clone()),
        base_url: entry.take("base_url").unwrap_or_else(|| default_base_url(&name)),
        guests: entry.take("guests").unwrap_or_default(),
        ways: entry.take("ways").unwrap_or_else(Way::default_order),
        email_domains: entry.take("email_domains").unwrap_or_default(),
        directory: entry.take("directory").unwrap_or_else(|| is_tchap(&name)),
        sso_always_asks: entry.take("sso_always_asks").unwrap_or_default(),
        recreated_by_address: entry.take("recreated_by_address").unwrap_or_else(|| is_tchap(&name)),
        oauth: entry.take("oauth").unwrap_or_default(),
        watch: entry.take("watch").unwrap_or_default(),
        name,
    };
    let validated = validate(&homeserver).map(|()| homeserver);
    entry.finish(place, validated)
}

fn validate(homeserver: &Homeserver) -> Result<(), Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let Homeserver { name, ways, .. } = homeserver;
    let is_server_name = <&ServerName>::try_from(name.as_str()).is_ok();
    if !is_server_name || name.chars().any(|c| c.is_ascii_uppercase()) {
        let message = "required: a Matrix server name in lower case, for example \"agent.dinum.tchap.gouv.fr\"";
        problems.push(FieldProblem::new("name", message));
    }
    // What was made from a wrong name is not another problem.
    if let Err(message) = check_display_name(&homeserver.label)
        && homeserver.label != *name
    {
        problems.push(FieldProblem::new("label", message));
    }
    if let Err(message) = check_base_url(&homeserver.base_url)
        && homeserver.base_url != default_base_url(name)
    {
        problems.push(FieldProblem::new("base_url", message));
    }
    if ways.is_empty() || ways.iter().enumerate().any(|(index, way)| ways[..index].contains(way)) {
        let message = "expected different ways in order of preference: [\"oauth\", \"sso\", \"password\"]";
        problems.push(FieldProblem::new("ways", message));
    }
    let OAuthSettings { client_id, issuer } = &homeserver.oauth;
    let is_client_id = |id: &String| (1..=255).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if !client_id.as_ref().is_none_or(is_client_id) {
        let message = "expected the client_id that the authentication service has given to this provider";
        problems.push(FieldProblem::new("oauth.client_id", message));
    }
    if let Some(Err(message)) = issuer.as_deref().map(check_issuer) {
        problems.push(FieldProblem::new("oauth.issuer", message));
    }
    if let Some(Err(message)) = homeserver.watch.base_url.as_deref().map(check_base_url) {
        problems.push(FieldProblem::new("watch.base_url", message));
    }
    let Watch { way, client_id, .. } = &homeserver.watch;
    if (*way == Some(WatchWay::MasAdmin)) != client_id.as_ref().is_some_and(is_client_id) {
        let message = "with way = \"mas_admin\", and only then: our client_id at the authentication service, in its admin_clients";
        problems.push(FieldProblem::new("watch.client_id", message));
    }
    for (index, domain) in homeserver.email_domains.iter().enumerate() {
        if !is_domain_name(domain) {
            let message = "expected an e-mail domain in lower case, for example \"beta.gouv.fr\"";
            problems.push(FieldProblem::new(format!("email_domains[{index}]"), message));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
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

/// Makes sure that the homeservers of the command line are on the list; answers a sentence about each.
pub async fn ensure(store: &Store, wanted: &[HomeserverArg]) -> anyhow::Result<Vec<String>> {
    let mut list = store.list_homeservers().await?;
    let former = list.clone();
    let mut said = Vec::new();
    for arg in wanted {
        let made = arg.homeserver();
        match list.iter_mut().find(|known| known.name == arg.name) {
            None => {
                let guessed = if arg.base_url.is_none() {
                    " (assumed from its name)"
                } else {
                    ""
                };
                said.push(format!("homeserver {} added, at {}{guessed}", made.name, made.base_url));
                list.push(made);
            }
            Some(known) if arg.base_url.is_some() && known.base_url != made.base_url => {
                said.push(format!(
                    "homeserver {} moved from {} to {}",
                    made.name, known.base_url, made.base_url
                ));
                known.base_url = made.base_url;
            }
            Some(known) => said.push(format!("homeserver {} is known, at {}", known.name, known.base_url)),
        }
    }
    if list.is_empty() {
        bail!(
            "no homeserver is known, so nobody could sign in: name one (serve --homeserver NAME[=URL]) or load a list \
             (tchap-connect apply FILE)"
        );
    }
    if list != former {
        store_list(store, &list).await?;
    }
    Ok(said)
}

/// Stores the list in this order.
pub async fn store_list(store: &Store, list: &[Homeserver]) -> Result<(), StoreError> {
    for (position, homeserver) in (0..).zip(list) {
        store.upsert_homeserver(homeserver, position).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_is_enough() {
        let base_url = |text: &str| text.parse::<HomeserverArg>().unwrap().homeserver().base_url;
        assert_eq!(
            base_url("agent.dinum.tchap.gouv.fr"),
            "https://matrix.agent.dinum.tchap.gouv.fr"
        );
        assert_eq!(base_url("example.org"), "https://example.org");
        assert_eq!(base_url("eviltchap.gouv.fr"), "https://eviltchap.gouv.fr");
        assert_eq!(base_url("hs.test=http://127.0.0.1:8008/"), "http://127.0.0.1:8008");
    }

    #[test]
    fn what_is_no_homeserver_is_refused() {
        let wrong = [
            "",
            "A.fr",
            "a b",
            "a.fr=http://a.fr",
            "a.fr=ftp://a.fr",
            "a.fr=x",
            "a.fr=https://me@a.fr",
            "=https://a.fr",
        ];
        for text in wrong {
            assert!(text.parse::<HomeserverArg>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_watch_names_a_known_way_and_a_whole_address() {
        let read = |watch: &str| {
            let table = format!("name = \"a.fr\"\nwatch = {watch}").parse().unwrap();
            super::read(table, "homeservers[0]")
        };
        assert!(!read("{}").unwrap().watch.is_on());
        assert!(read(r#"{ way = "account_status" }"#).unwrap().watch.is_on());
        assert!(read(r#"{ way = "synapse_admin", base_url = "https://admin.a.fr" }"#).is_ok());
        assert!(read(r#"{ way = "mas_admin", client_id = "01J" }"#).is_ok());
        for wrong in [
            r#"{ way = "msc3720" }"#,
            r#"{ way = "synapse_admin", token = "t" }"#,
            r#"{ way = "mas_admin" }"#,
            r#"{ way = "mas_admin", client_id = "" }"#,
            r#"{ way = "mas_admin", client_id = "0 1" }"#,
            r#"{ way = "mas_admin", client_id = "01J", client_secret = "s" }"#,
            r#"{ way = "account_status", client_id = "01J" }"#,
            r#"{ client_id = "01J" }"#,
            r#"{ way = "synapse_admin", base_url = "http://admin.a.fr" }"#,
            r#"{ way = "synapse_admin", base_url = "https://admin.a.fr/" }"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
