//! What a homeserver says about the account that signed in: its e-mail addresses (Client-Server API,
//! `GET /account/3pid`) and its display name (`GET /profile/{userId}`).

use http::StatusCode;
use ruma::{
    MilliSecondsSinceUnixEpoch, UserId,
    api::{
        IncomingResponseExt,
        client::{account::get_3pids, profile::get_profile},
    },
    thirdparty::{Medium, ThirdPartyIdentifier},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Api, Upstream, UpstreamError, borrowed,
    error::{Step, refusal},
    http_request,
    session::AccessToken,
};
use crate::domain::{
    homeserver::Homeserver,
    identifier::{MatrixId, clean_name, normalise_email},
    identity::ThirdPartyEmail,
};

/// No agent has more addresses; a hostile homeserver could list thousands, each a question to the directory.
const MAX_EMAILS: usize = 10;
const NONSENSE: UpstreamError = UpstreamError::Nonsense("a list of addresses that cannot be read");

impl Upstream {
    pub(super) async fn emails(
        &self,
        homeserver: &Homeserver,
        token: &AccessToken,
    ) -> Result<Vec<ThirdPartyEmail>, UpstreamError> {
        let request = get_3pids::v3::Request::new();
        let response = self
            .call(homeserver, Step::Authenticated, token.sent(), request)
            .await?;
        let ids: Map<String, Value> = serde_json::from_slice(response.body()).map_err(|_| NONSENSE)?;
        // Read entry by entry, unlike ruma's answer: one address without `validated_at` must not hide the others.
        match ids.get("threepids") {
            Some(Value::Array(entries)) => Ok(read_emails(entries)),
            None => Ok(Vec::new()),
            Some(_) => Err(NONSENSE),
        }
    }

    pub(super) async fn display_name(
        &self,
        homeserver: &Homeserver,
        matrix_id: &MatrixId,
        token: &AccessToken,
    ) -> Result<Option<String>, UpstreamError> {
        let nonsense = UpstreamError::Nonsense("a profile that cannot be read");
        let user_id = UserId::parse(matrix_id.as_str()).map_err(|_| nonsense.clone())?;
        // With the token, though the specification wants none: some homeservers show profiles to members only.
        let request = http_request(homeserver, token.sent(), get_profile::v3::Request::new(user_id))?;
        let response = self
            .send(homeserver, Api::Client, self.egress.timeout(), request)
            .await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !response.status().is_success() {
            return Err(refusal(Step::Authenticated, &response));
        }
        let profile = get_profile::v3::Response::try_from_http_response(borrowed(&response)).map_err(|_| nonsense)?;
        Ok(profile.get("displayname").and_then(Value::as_str).and_then(clean_name))
    }
}

/// The validated, well-formed addresses, earliest `added_at` first, each once.
fn read_emails(entries: &[Value]) -> Vec<ThirdPartyEmail> {
    let readable = entries
        .iter()
        .filter_map(|entry| ThirdPartyIdentifier::deserialize(entry).ok());
    let mut emails: Vec<_> = readable.filter_map(read_email).collect();
    emails.sort_by(|a, b| (a.added_at, &a.address).cmp(&(b.added_at, &b.address)));
    let mut kept: Vec<ThirdPartyEmail> = Vec::new();
    for email in emails {
        if kept.len() < MAX_EMAILS && kept.iter().all(|other| other.address != email.address) {
            kept.push(email);
        }
    }
    kept
}

fn read_email(entry: ThirdPartyIdentifier) -> Option<ThirdPartyEmail> {
    let validated_at = seconds(entry.validated_at);
    (entry.medium == Medium::Email && validated_at > 0).then_some(())?;
    Some(ThirdPartyEmail {
        address: normalise_email(&entry.address)?,
        validated_at,
        added_at: seconds(entry.added_at),
    })
}

fn seconds(instant: MilliSecondsSinceUnixEpoch) -> i64 {
    i64::from(instant.get()) / 1000
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(threepids: Value) -> Vec<(String, i64, i64)> {
        let emails = read_emails(threepids.as_array().expect("a list"));
        emails
            .into_iter()
            .map(|email| (email.address, email.validated_at, email.added_at))
            .collect()
    }

    #[test]
    fn addresses_come_in_the_order_they_were_added_in_seconds() {
        let emails = read(json!([
            {"medium": "email", "address": "B@b.fr", "validated_at": 1_700_000_001_999_u64, "added_at": 1_700_000_002_000_u64},
            {"medium": "email", "address": "a@a.fr", "validated_at": 1_600_000_000_000_u64, "added_at": 1_600_000_000_000_u64},
            {"medium": "email", "address": "b@B.fr", "validated_at": 1_700_000_009_000_u64, "added_at": 1_700_000_009_000_u64},
        ]));
        let expected = [
            ("a@a.fr", 1_600_000_000, 1_600_000_000),
            ("b@b.fr", 1_700_000_001, 1_700_000_002),
        ];
        assert_eq!(
            emails,
            expected.map(|(address, validated, added)| (address.to_owned(), validated, added))
        );
    }

    #[test]
    fn what_is_not_a_validated_address_is_dropped_alone() {
        let good = json!({"medium": "email", "address": "a@a.fr", "validated_at": 1000, "added_at": 2000});
        for bad in [
            json!({"medium": "email", "address": "x@a.fr", "added_at": 2000}),
            json!({"medium": "email", "address": "x@a.fr", "validated_at": null, "added_at": 2000}),
            json!({"medium": "email", "address": "x@a.fr", "validated_at": 0, "added_at": 2000}),
            json!({"medium": "email", "address": "x@a.fr", "validated_at": -1, "added_at": 2000}),
            json!({"medium": "email", "address": "x@a.fr", "validated_at": "yes", "added_at": 2000}),
            json!({"medium": "email", "address": "x@a.fr", "validated_at": 1000}),
            json!({"medium": "email", "address": "x", "validated_at": 1000, "added_at": 2000}),
            json!({"medium": "email", "address": "x@a.fr\nB", "validated_at": 1000, "added_at": 2000}),
            json!({"medium": "email", "address": 7, "validated_at": 1000, "added_at": 2000}),
            json!({"medium": "msisdn", "address": "x@a.fr", "validated_at": 1000, "added_at": 2000}),
            json!({"medium": "EMAIL", "address": "x@a.fr", "validated_at": 1000, "added_at": 2000}),
            json!(null),
            json!([]),
        ] {
            assert_eq!(read(json!([bad, good])), [("a@a.fr".to_owned(), 1, 2)], "{bad}");
        }
    }

    #[test]
    fn a_flood_of_addresses_is_cut() {
        let flood: Vec<_> = (0..1000)
            .map(|n| json!({"medium": "email", "address": format!("{n}@a.fr"), "validated_at": 1000, "added_at": 2000}))
            .collect();
        assert_eq!(read(json!(flood)).len(), MAX_EMAILS);
    }
}
