//! Reads known keys from a TOML table and from environment variables, the environment first, and remembers everything
//! that is wrong instead of stopping at the first problem. Whatever nobody asked for is an unknown key.
//!
//! The environment's form of a value is the common one: TOML integers and lists are turned into the text that the
//! variable would hold (lists with commas), so that each key has one parser and one error text.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

/// What every variable of ours begins with.
pub const ENV_PREFIX: &str = "TCHAP_CONNECT_";

/// One thing wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The key, or the variable where it is not a known one.
    pub key: String,
    /// Where the value came from: a file name, a variable name, or "missing".
    pub source: String,
    /// What is wrong and what to write instead; never the value of a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.key, self.source, self.message)
    }
}

/// Everything wrong with the configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} problem(s):", self.0.len())?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// One setting as it is in effect, for people and scripts to read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// The value, secrets redacted.
    pub value: String,
    /// A file name, a variable name, "default" or "assumed".
    pub source: String,
}

/// The TOML type a key has in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    List,
}

/// The reader; see the module.
pub struct Reader {
    file: BTreeMap<String, toml::Value>,
    file_name: String,
    env: BTreeMap<String, String>,
    known: Vec<&'static str>,
    settings: Vec<Setting>,
    problems: Vec<Problem>,
}

impl Reader {
    /// Starts reading `text` (the content of the file called `file_name`; empty when there is none) and the variables
    /// that carry our prefix. An empty variable counts as absent.
    pub fn new(file_name: &str, text: &str, env: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut reader = Self {
            file: BTreeMap::new(),
            file_name: file_name.to_owned(),
            env: env
                .into_iter()
                .filter(|(name, value)| name.starts_with(ENV_PREFIX) && !value.is_empty())
                .collect(),
            known: Vec::new(),
            settings: Vec::new(),
            problems: Vec::new(),
        };
        match text.parse::<toml::Table>() {
            Ok(table) => flatten("", table, &mut reader.file),
            Err(error) => {
                let (line, message) = syntax_problem(text, &error);
                reader.problem_at(&line, file_name.to_owned(), &message);
            }
        }
        reader
    }

    /// Whether the file or the environment gives this key.
    pub fn is_given(&self, key: &str) -> bool {
        self.file.contains_key(key) || self.env.contains_key(&variable(key))
    }

    /// The text given for a key that has not been read yet.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        let of_file = || self.file.get(key).and_then(toml::Value::as_str);
        self.env.get(&variable(key)).map(String::as_str).or_else(of_file)
    }

    /// Whether the file gives this key, even if a variable wins over it.
    pub fn file_has(&self, key: &str) -> bool {
        self.file.contains_key(key)
    }

    /// A text. `default` is read with the same parser; without one an absent key is `None` and no problem.
    pub fn text<T>(
        &mut self,
        key: &'static str,
        default: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.read(key, Kind::Text, default, str::to_owned, parse)
    }

    /// A text that is not shown: only what `show` makes of it is.
    pub fn secret<T>(
        &mut self,
        key: &'static str,
        default: Option<&str>,
        show: impl FnOnce(&str) -> String,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.read(key, Kind::Text, default, show, parse)
    }

    /// A whole number within `range`; the default when the key is absent or wrong.
    pub fn integer(&mut self, key: &'static str, default: i64, range: RangeInclusive<i64>) -> i64 {
        let bounds = format!("expected a whole number from {} to {}", range.start(), range.end());
        self.read(key, Kind::Integer, Some(&default.to_string()), str::to_owned, |text| {
            text.parse().ok().filter(|value| range.contains(value)).ok_or(bounds)
        })
        .unwrap_or(default)
    }

    /// A list of texts (in the environment: separated by commas); empty when absent.
    pub fn list<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let split = |text: &str| {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            items.map(parse).collect()
        };
        self.read(key, Kind::List, Some(""), str::to_owned, split)
            .unwrap_or_default()
    }

    /// Notes a problem with `key`, wherever its value came from.
    pub fn problem(&mut self, key: &str, message: impl AsRef<str>) {
        let given = self.settings.iter().find(|setting| setting.key == key);
        let source = given.map_or_else(|| "missing".to_owned(), |setting| setting.source.clone());
        self.problem_at(key, source, message.as_ref());
    }

    /// Ends the reading: whatever is left over is unknown.
    ///
    /// # Errors
    /// Everything that was wrong.
    pub fn finish(mut self) -> Result<Vec<Setting>, Problems> {
        let unknown_keys = std::mem::take(&mut self.file).into_keys();
        let unknown: Vec<_> = unknown_keys.map(|key| (key, self.file_name.clone())).collect();
        for (key, source) in unknown {
            let hint = nearest(&key, self.known.iter().map(|known| (*known).to_owned()));
            self.problem_at(&key, source, &format!("unknown key{hint}"));
        }
        for name in std::mem::take(&mut self.env).into_keys() {
            let hint = nearest(&name, self.known.iter().map(|known| variable(known)));
            self.problem_at(&name, "environment".to_owned(), &format!("unknown variable{hint}"));
        }
        if self.problems.is_empty() {
            Ok(self.settings)
        } else {
            Err(Problems(self.problems))
        }
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        kind: Kind,
        default: Option<&str>,
        show: impl FnOnce(&str) -> String,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(key);
        let name = variable(key);
        let from_file = self.file.remove(key);
        let (text, source) = match (self.env.remove(&name), from_file) {
            (Some(text), _) => (Ok(text), name),
            (None, Some(value)) => (as_text(value, kind), self.file_name.clone()),
            (None, None) => (Ok(default?.to_owned()), "default".to_owned()),
        };
        let (text, parsed) = match text {
            Ok(text) => {
                let parsed = parse(&text);
                (text, parsed)
            }
            Err(message) => (String::new(), Err(message)),
        };
        self.settings.push(Setting {
            key,
            value: show(&text),
            source: source.clone(),
        });
        parsed.map_err(|message| self.problem_at(key, source, &message)).ok()
    }

    fn problem_at(&mut self, key: &str, source: String, message: &str) {
        self.problems.push(Problem {
            key: key.to_owned(),
            source,
            message: message.to_owned(),
        });
    }
}

/// Where (`line 3`) and why a text is not TOML. Not the error's own text: that quotes the line, which may hold a secret.
pub fn syntax_problem(text: &str, error: &toml::de::Error) -> (String, String) {
    let start = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text.as_bytes()[..start].iter().filter(|&&byte| byte == b'\n').count() + 1;
    (format!("line {line}"), error.message().trim().to_owned())
}

/// The variable that holds a key: `database.url` → `TCHAP_CONNECT_DATABASE_URL`.
pub fn variable(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

fn flatten(prefix: &str, table: toml::Table, into: &mut BTreeMap<String, toml::Value>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            toml::Value::Table(inner) => flatten(&format!("{key}."), inner, into),
            value => {
                into.insert(key, value);
            }
        }
    }
}

fn as_text(value: toml::Value, kind: Kind) -> Result<String, String> {
    let expected = match kind {
        Kind::Text => "expected a text in quotes",
        Kind::Integer => "expected a whole number without quotes",
        Kind::List => "expected a list of texts: [\"…\", \"…\"]",
    };
    match (kind, value) {
        (Kind::Text, toml::Value::String(text)) => Ok(text),
        (Kind::Integer, toml::Value::Integer(number)) => Ok(number.to_string()),
        (Kind::List, toml::Value::Array(items)) => {
            let texts: Option<Vec<_>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(",")).ok_or_else(|| expected.to_owned())
        }
        _ => Err(expected.to_owned()),
    }
}

/// "; did you mean …?" for a slip of the pen, else nothing.
fn nearest(written: &str, known: impl Iterator<Item = String>) -> String {
    known
        .map(|known| (distance(written, &known), known))
        .min()
        .filter(|(distance, _)| *distance <= written.len().min(9) / 3)
        .map_or_else(String::new, |(_, known)| format!("; did you mean {known}?"))
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
