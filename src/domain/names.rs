//! Display names: `Prénom Nom [Organisation]` taken apart. The homeserver gives one text only, in no guaranteed order,
//! so the split into given and family name is a guess from evidence: the e-mail's `prenom.nom`, a family name in
//! capitals, a particle. Without evidence the name is given whole. Texts are given as written, capitals included.

use crate::protocol::text::is_hostile;

/// A display name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DisplayName {
    /// Without the bracket; `None` when nothing is left.
    pub name: Option<String>,
    /// What stood in the bracket.
    pub organization: Option<String>,
    /// Given and family name; `None` when unsure.
    pub parts: Option<(String, String)>,
}

/// Words that begin a family name of several words, folded.
const PARTICLES: &[&str] = &[
    "de", "du", "des", "la", "le", "les", "da", "das", "do", "dos", "del", "della", "di", "van", "von", "der", "den",
    "ter", "ben", "el", "bin",
];

/// What stands after the name in the e-mail addresses of people who work for an administration without being its own.
const ADDRESS_SUFFIXES: &[&str] = &[".ext", "-ext", ".externe", "-externe", ".prestataire", ".stagiaire"];

/// Takes a display name apart; `email_local_part` is that of the agent's entitled address.
pub fn split(display_name: &str, email_local_part: Option<&str>) -> DisplayName {
    let (name, organization) = strip_bracket(display_name);
    let (name, organization) = (tidy(&name), tidy(organization));
    let parts = parts(&name, email_local_part);
    let some = |text: String| (!text.is_empty()).then_some(text);
    DisplayName {
        name: some(name),
        organization: some(organization),
        parts,
    }
}

/// Spaces of every kind become one space; what is invisible or turns the writing direction goes.
fn tidy(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_hostile(*c))
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Cuts the last bracket out, with what is nested in it. One that is never closed was truncated: it is cut off and says
/// nothing of the organization.
fn strip_bracket(text: &str) -> (String, &str) {
    let mut depth = 0_usize;
    let mut end = None;
    for (at, c) in text.char_indices().rev() {
        match (c, end) {
            (']', None) => (depth, end) = (1, Some(at)),
            (']', Some(_)) => depth += 1,
            ('[', None) => return (text[..at].to_owned(), ""),
            ('[', Some(end)) => {
                depth -= 1;
                if depth == 0 {
                    return (format!("{} {}", &text[..at], &text[end + 1..]), &text[at + 1..end]);
                }
            }
            _ => {}
        }
    }
    (text.to_owned(), "")
}

fn parts(name: &str, email_local_part: Option<&str>) -> Option<(String, String)> {
    let words: Vec<&str> = name.split(' ').collect();
    if words.len() < 2 || !words.iter().all(|word| is_name_word(word)) {
        return None;
    }
    let address = email_local_part.and_then(given_dot_family);
    // The format's own order counts only where no address speaks against it.
    let by_default =
        || (address.is_none() && words.len() == 2 && begins_with_given(words[0])).then_some(Split::GivenFirst(1));
    let split = address
        .as_ref()
        .and_then(|(given, family)| by_address(&words, given, family))
        .or_else(|| by_capitals(&words))
        .or_else(|| by_particle(&words))
        .or_else(by_default)?;
    let (given, family) = split.apply(&words);
    let is_initial = |text: &str| fold(text).chars().count() < 2;
    (!is_initial(&given) && !is_initial(&family)).then_some((given, family))
}

/// Where the words of a name divide, and which side is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Split {
    GivenFirst(usize),
    FamilyFirst(usize),
}

impl Split {
    fn apply(self, words: &[&str]) -> (String, String) {
        match self {
            Self::GivenFirst(at) => (words[..at].join(" "), words[at..].join(" ")),
            Self::FamilyFirst(at) => (words[at..].join(" "), words[..at].join(" ")),
        }
    }
}

/// `prenom.nom` of an e-mail local part, folded; `None` when it has another shape.
fn given_dot_family(local_part: &str) -> Option<(String, String)> {
    let local_part = local_part.split('+').next()?.to_lowercase();
    let bare = ADDRESS_SUFFIXES
        .iter()
        .find_map(|suffix| local_part.strip_suffix(suffix))
        .unwrap_or(&local_part);
    let (given, family) = bare.split_once('.').filter(|(_, family)| !family.contains('.'))?;
    let (given, family) = (fold(given), fold(family));
    (!given.is_empty() && !family.is_empty()).then_some((given, family))
}

/// Both sides spell the address; or one does, and nothing else is possible (a married name, a shortened one).
fn by_address(words: &[&str], given: &str, family: &str) -> Option<Split> {
    let sides = |at: usize| (fold(&words[..at].concat()), fold(&words[at..].concat()));
    let splits = |fits: fn(bool, bool) -> bool| {
        let mut found = Vec::new();
        for at in 1..words.len() {
            let (left, right) = sides(at);
            if fits(left == given, right == family) {
                found.push(Split::GivenFirst(at));
            }
            if fits(left == family, right == given) {
                found.push(Split::FamilyFirst(at));
            }
        }
        found
    };
    if let Some(split) = splits(|left, right| left && right).first() {
        return Some(*split);
    }
    let mut partial = splits(|left, right| left || right);
    partial.retain(|split| {
        let (Split::GivenFirst(at) | Split::FamilyFirst(at)) = *split;
        !is_particle(words[at - 1])
    });
    match partial[..] {
        [only] => Some(only),
        _ => None,
    }
}

/// A family name in capitals on one side and a given name that is not on the other; particles go with what follows.
fn by_capitals(words: &[&str]) -> Option<Split> {
    let mut family = vec![false; words.len()];
    for (at, word) in words.iter().enumerate().rev() {
        let letters = fold(word).chars().count();
        family[at] = match (is_particle(word), is_capitals(word)) {
            (true, _) => family.get(at + 1).copied().unwrap_or(false),
            // `JP` is a given name, `LI` a family name.
            (false, true) if letters == 2 => return None,
            (false, capitals) => capitals && letters > 2,
        };
    }
    let at = family.iter().position(|side| *side != family[0])?;
    let divides_once = family[at..].iter().all(|side| *side != family[0]);
    divides_once.then_some(if family[0] {
        Split::FamilyFirst(at)
    } else {
        Split::GivenFirst(at)
    })
}

/// `Marie de La Tour`: one word, then a particle.
fn by_particle(words: &[&str]) -> Option<Split> {
    let begins_family = |word: &&str| is_particle(word) || without_elision(word) != *word;
    let first = words.iter().position(begins_family)?;
    (first == 1 && words.len() > 2).then_some(Split::GivenFirst(1))
}

fn begins_with_given(first: &str) -> bool {
    !is_capitals(first) && !is_particle(first) && without_elision(first) == first
}

fn is_particle(word: &str) -> bool {
    PARTICLES.contains(&fold(word).as_str())
}

/// `d'Ormesson` → `Ormesson`.
fn without_elision(word: &str) -> &str {
    ["d'", "d’", "D'", "D’"]
        .iter()
        .find_map(|prefix| word.strip_prefix(prefix))
        .unwrap_or(word)
}

fn is_capitals(word: &str) -> bool {
    let mut letters = without_elision(word).chars().filter(|c| c.is_alphabetic()).peekable();
    letters.peek().is_some() && letters.all(char::is_uppercase)
}

/// Letters, hyphens and apostrophes: digits, dots and parentheses are no part of a name.
fn is_name_word(word: &str) -> bool {
    let joins = |c: char| matches!(c, '-' | '\'' | '’' | '\u{2010}' | '\u{2011}' | '\u{300}'..='\u{36f}');
    word.contains(char::is_alphabetic) && word.chars().all(|c| c.is_alphabetic() || joins(c))
}

/// Lower-case letters without diacritics, hyphens, apostrophes and digits: what an e-mail address keeps of a name.
fn fold(text: &str) -> String {
    plain(text).chars().filter(|c| c.is_alphabetic()).collect()
}

/// A text in lower case without diacritics, as it is searched for.
pub fn plain(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .fold(String::new(), |mut plain, c| {
            match BASES.iter().find(|(accented, _)| accented.contains(c)) {
                Some((_, base)) => plain.push_str(base),
                None => plain.push(c),
            }
            plain
        })
}

/// Accented letters of the names met in France, and what addresses write instead. Combining marks are no letters and
/// fall away by themselves.
const BASES: &[(&str, &str)] = &[
    ("àáâãäåāăąạảấầẩẫậắằ", "a"),
    ("æ", "ae"),
    ("çćčĉċ", "c"),
    ("ďđ", "d"),
    ("èéêëēĕėęěẹẻẽếềểễệ", "e"),
    ("ğĝġģ", "g"),
    ("ĥħ", "h"),
    ("ìíîïĩīĭįıịỉ", "i"),
    ("ķ", "k"),
    ("łĺļľ", "l"),
    ("ñńņň", "n"),
    ("òóôõöøōŏőọỏốồổỗộơớờởỡợ", "o"),
    ("œ", "oe"),
    ("ŕŗř", "r"),
    ("śşšŝș", "s"),
    ("ß", "ss"),
    ("ţťț", "t"),
    ("ùúûüũūŭůűųụủưứừửữự", "u"),
    ("ŵ", "w"),
    ("ýÿŷỳỵỷỹ", "y"),
    ("źżž", "z"),
];

#[cfg(test)]
mod tests;
