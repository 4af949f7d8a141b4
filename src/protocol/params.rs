//! Request parameters (RFC 6749 §3.1, §3.2): form-encoded, each at most once, an empty value counts as absent.

use std::collections::BTreeMap;

use super::error::OAuthError;

/// More parameters than this are no honest request.
const MAX_PARAMS: usize = 100;

/// Parsed parameters. Values of unknown names are kept and ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    /// Never an empty list.
    values: BTreeMap<String, Vec<String>>,
}

impl Params {
    /// Parses a query string or an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    /// `invalid_request` when there are more than 100 parameters or a name or value is not UTF-8 or contains a NUL.
    pub fn parse(encoded: &[u8]) -> Result<Self, OAuthError> {
        let mut params = Self::default();
        for (count, pair) in encoded
            .split(|&byte| byte == b'&')
            .filter(|pair| !pair.is_empty())
            .enumerate()
        {
            if count == MAX_PARAMS {
                return Err(OAuthError::invalid_request("too many parameters"));
            }
            let (name, value) = match pair.iter().position(|&byte| byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            let (name, value) = (decode(name)?, decode(value)?);
            params.values.entry(name).or_default().push(value);
        }
        Ok(params)
    }

    /// The (first) value of a parameter, `None` when absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let first = self.values.get(name)?.first()?;
        (!first.is_empty()).then_some(first)
    }

    /// All values of a parameter that may repeat, without empty ones.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.values.get(name).into_iter().flatten();
        values.map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a parameter was sent more than once.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|values| values.len() > 1)
    }

    /// Refuses repeated parameters (RFC 6749 §3.1); `resource` and `audience` may repeat (RFC 8707, RFC 8693).
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn refuse_repeated(&self) -> Result<(), OAuthError> {
        let may_repeat = |name: &str| matches!(name, "resource" | "audience");
        match self
            .values
            .iter()
            .any(|(name, values)| values.len() > 1 && !may_repeat(name))
        {
            true => Err(OAuthError::invalid_request("a parameter is repeated")),
            false => Ok(()),
        }
    }

    /// Forgets the parameters that `keep` refuses by name and value.
    pub fn retain(&mut self, keep: impl Fn(&str, &str) -> bool) {
        self.values.retain(|name, values| {
            values.retain(|value| keep(name, value));
            !values.is_empty()
        });
    }

    /// Sets a parameter, whatever it was.
    pub fn supersede(&mut self, name: &str, values: Vec<String>) {
        self.values.insert(name.to_owned(), values);
    }

    /// Every name with each of its values.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.values.iter();
        pairs.flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())))
    }

    /// The parameters, form-encoded again.
    pub fn encode(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.pairs())
            .finish()
    }
}

/// No parameter has a use for a NUL, and PostgreSQL takes none in a text.
fn decode(bytes: &[u8]) -> Result<String, OAuthError> {
    let spaced: Vec<u8> = bytes
        .iter()
        .map(|&byte| if byte == b'+' { b' ' } else { byte })
        .collect();
    percent_encoding::percent_decode(&spaced)
        .decode_utf8()
        .ok()
        .filter(|text| !text.contains('\0'))
        .map(Into::into)
        .ok_or(OAuthError::invalid_request(
            "a parameter is not UTF-8 or contains a NUL",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn empty_is_absent_and_repeated_is_refused() {
        let params = Params::parse(b"a=1&b=&c&d=x+y%20z&a=2").unwrap();
        assert_eq!(params.get("a"), Some("1"));
        assert_eq!(params.get("b"), None);
        assert_eq!(params.get("c"), None);
        assert_eq!(params.get("d"), Some("x y z"));
        assert!(params.is_repeated("a") && !params.is_repeated("d"));
        assert!(params.refuse_repeated().is_err());
        let repeatable = Params::parse(b"resource=a&resource=&resource=b").unwrap();
        assert!(repeatable.refuse_repeated().is_ok());
        assert_eq!(repeatable.get_all("resource").collect::<Vec<_>>(), ["a", "b"]);
        let again = Params::parse(repeatable.encode().as_bytes()).unwrap();
        assert_eq!(again, repeatable, "a flow keeps all of them");
    }

    #[test]
    fn what_is_not_utf8_has_a_nul_or_is_too_much_is_refused() {
        for bad in ["a=%ff", "%ff=a", "a=%00", "a=b\0c", "a%00=b"] {
            assert!(Params::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Params::parse("a=1&".repeat(101).as_bytes()).is_err());
        assert!(Params::parse("a=1&".repeat(100).as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail_cleanly(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Params::parse(&bytes);
        }

        #[test]
        fn encoding_keeps_every_value(pairs in proptest::collection::btree_map("\\PC{1,8}", "\\PC{1,20}", 0..8)) {
            let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let params = Params::parse(encoded.as_bytes()).unwrap();
            let again = Params::parse(params.encode().as_bytes()).unwrap();
            prop_assert_eq!(&params, &again);
            for (name, value) in &pairs {
                prop_assert_eq!(again.get(name), Some(value.as_str()));
            }
        }
    }
}
