//! The `claims` parameter (Core §5.5): which claims are wanted where, and with which values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::OAuthError;

/// Longer requests are refused before they are parsed, in bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// A demand for one claim (Core §5.5.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demand {
    /// The client cannot go on without it.
    pub essential: bool,
    /// Acceptable values; empty means any.
    pub values: Vec<Value>,
}

/// The two members of the `claims` parameter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClaimsRequest {
    /// Claims wanted in the UserInfo response.
    pub userinfo: BTreeMap<String, Demand>,
    /// Claims wanted in the ID token.
    pub id_token: BTreeMap<String, Demand>,
}

impl ClaimsRequest {
    /// Parses the parameter; absent means no demands. Unknown members are ignored.
    ///
    /// # Errors
    /// `invalid_request` when it is no JSON object, or a member has the wrong form.
    pub fn parse(parameter: Option<&str>) -> Result<Self, OAuthError> {
        const BAD: OAuthError = OAuthError::invalid_request("the claims parameter is malformed");
        let Some(text) = parameter else {
            return Ok(Self::default());
        };
        if text.len() > MAX_LENGTH {
            return Err(OAuthError::invalid_request("the claims parameter is too long"));
        }
        let Ok(Value::Object(mut members)) = serde_json::from_str(text) else {
            return Err(BAD);
        };
        let mut part = |name| match members.remove(name) {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(Value::Object(claims)) => claims
                .into_iter()
                .map(|(claim, value)| Ok((claim, demand(value).ok_or(BAD)?)))
                .collect(),
            Some(_) => Err(BAD),
        };
        Ok(Self {
            userinfo: part("userinfo")?,
            id_token: part("id_token")?,
        })
    }

    /// Names of all claims demanded anywhere.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.userinfo.keys().chain(self.id_token.keys()).map(String::as_str)
    }

    /// Whether this subject may sign in (Core §5.5.1): the one named, one of those named, or anybody.
    pub fn admits(&self, subject: &str) -> bool {
        let named = self
            .id_token
            .get("sub")
            .map(|demand| &demand.values[..])
            .unwrap_or_default();
        named.is_empty() || named.iter().any(|value| value == subject)
    }

    /// The acceptable levels when `acr` is essential: empty when any will do.
    pub fn essential_acr(&self) -> Option<BTreeSet<&str>> {
        let demand = self.id_token.get("acr").filter(|demand| demand.essential)?;
        Some(
            demand
                .values
                .iter()
                .map(|value| value.as_str().unwrap_or_default())
                .collect(),
        )
    }
}

fn demand(value: Value) -> Option<Demand> {
    let mut members = match value {
        Value::Null => return Some(Demand::default()),
        Value::Object(members) => members,
        _ => return None,
    };
    let essential = match members.remove("essential") {
        None => false,
        Some(Value::Bool(essential)) => essential,
        Some(_) => return None,
    };
    let values = match (members.remove("value"), members.remove("values")) {
        (Some(value), None) => vec![value],
        (None, Some(Value::Array(values))) => values,
        (None, None) => Vec::new(),
        _ => return None,
    };
    Some(Demand { essential, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_members_and_every_form_of_demand_are_read() {
        let request = ClaimsRequest::parse(Some(
            r#"{"userinfo":{"name":null,"email":{"essential":true}},"id_token":{"sub":{"value":"s"},
                "acr":{"essential":true,"values":["eidas1","eidas2"]}},"verified":{}}"#,
        ))
        .unwrap();
        assert!(request.userinfo["email"].essential && !request.userinfo["name"].essential);
        assert!(request.admits("s") && !request.admits("t"));
        assert_eq!(request.essential_acr(), Some(BTreeSet::from(["eidas1", "eidas2"])));
        assert_eq!(request.names().collect::<Vec<_>>(), ["email", "name", "acr", "sub"]);
        assert_eq!(ClaimsRequest::parse(None).unwrap(), ClaimsRequest::default());
    }

    #[test]
    fn a_voluntary_acr_is_not_essential() {
        let request = ClaimsRequest::parse(Some(r#"{"id_token":{"acr":{"values":["eidas3"]}}}"#)).unwrap();
        assert_eq!(request.essential_acr(), None);
    }

    #[test]
    fn bad_json_and_bad_forms_are_refused() {
        let deep = "[".repeat(5000);
        let long = format!(r#"{{"userinfo":{{"{}":null}}}}"#, "a".repeat(9000));
        for bad in [
            "",
            "{",
            "[]",
            "1",
            r#"{"userinfo":1}"#,
            r#"{"id_token":{"a":1}}"#,
            r#"{"id_token":{"a":{"essential":1}}}"#,
            r#"{"id_token":{"a":{"values":"x"}}}"#,
            r#"{"id_token":{"a":{"value":1,"values":[]}}}"#,
            &deep,
            &long,
        ] {
            assert!(ClaimsRequest::parse(Some(bad)).is_err(), "{bad:.40}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_fails_cleanly(text in "\\PC{0,200}") {
            let _ = ClaimsRequest::parse(Some(&text));
        }
    }
}
