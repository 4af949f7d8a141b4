//! Homeservers as operators name them: by name alone or with a base URL, on the command line or in an `apply` file.

use std::str::FromStr;

use anyhow::bail;

use super::entry::Entry;
use crate::console;
use crate::domain::audit::Actor;
use crate::domain::homeserver::Homeserver;
use crate::protocol::client_metadata::FieldProblem;
use crate::store::Store;

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
        match arg.homeserver().validate() {
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
        Homeserver::assumed(&self.name, self.base_url.as_deref())
    }
}

/// Reads one `[[homeservers]]` table, without its place.
pub fn read(table: toml::Table, place: &str) -> Result<Homeserver, Vec<FieldProblem>> {
    let mut entry = Entry::new(table);
    let name: String = entry.take("name").unwrap_or_default();
    let assumed = Homeserver::assumed(&name, None);
    let homeserver = Homeserver {
        label: entry.take("label").unwrap_or(assumed.label),
        base_url: entry.take("base_url").unwrap_or(assumed.base_url),
        guests: entry.take("guests").unwrap_or_default(),
        ways: entry.take("ways").unwrap_or(assumed.ways),
        email_domains: entry.take("email_domains").unwrap_or_default(),
        directory: entry.take("directory").unwrap_or(assumed.directory),
        sso_always_asks: entry.take("sso_always_asks").unwrap_or_default(),
        recreated_by_address: entry
            .take("recreated_by_address")
            .unwrap_or(assumed.recreated_by_address),
        oauth: entry.take("oauth").unwrap_or_default(),
        watch: entry.take("watch").unwrap_or_default(),
        name,
    };
    let validated = homeserver.validate().map(|()| homeserver);
    entry.finish(place, validated)
}

/// Makes sure that the homeservers of the command line are on the list; answers a sentence about each.
pub async fn ensure(store: &Store, wanted: &[HomeserverArg], now: i64) -> anyhow::Result<Vec<String>> {
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
        console::homeservers::put_list(store, now, &Actor::CommandLine, &list).await?;
    }
    Ok(said)
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
