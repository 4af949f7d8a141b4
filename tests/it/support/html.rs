//! As much of an HTML parser as our own pages need: tags, attributes, forms, texts by `id`.

/// An opening tag.
#[derive(Debug, Clone)]
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// Where its content begins.
    pub end: usize,
}

impl Tag {
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A form with the fields that a browser would send of its own accord (no buttons).
#[derive(Debug, Clone)]
pub struct Form {
    pub id: String,
    pub action: String,
    pub fields: Vec<(String, String)>,
    /// Name and value of each button.
    pub buttons: Vec<(String, String)>,
}

/// Every opening tag, in order.
pub fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(found) = html[at..].find('<') {
        let start = at + found + 1;
        at = start;
        if !html[start..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let Some(length) = tag_length(&html[start..]) else {
            break;
        };
        let text = html[start..start + length].trim_end_matches('/');
        at = start + length + 1;
        let (name, rest) = text.split_once(|c: char| c.is_whitespace()).unwrap_or((text, ""));
        tags.push(Tag {
            name: name.to_lowercase(),
            attributes: attributes(rest),
            end: at,
        });
    }
    tags
}

/// Up to the `>` that is not inside quotes.
fn tag_length(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'>' && !quoted
    })
}

fn attributes(mut text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return attributes;
        }
        let length = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
        let name = text[..length].to_lowercase();
        text = &text[length..];
        let value = match text.strip_prefix("=\"").and_then(|rest| rest.split_once('"')) {
            Some((value, rest)) => {
                text = rest;
                unescape(value)
            }
            None => {
                text = text.trim_start_matches('=');
                String::new()
            }
        };
        attributes.push((name, value));
    }
}

/// The tag with this `id`.
pub fn by_id(html: &str, id: &str) -> Option<Tag> {
    tags(html).into_iter().find(|tag| tag.get("id") == Some(id))
}

/// The visible text of the element with this `id`.
pub fn text(html: &str, id: &str) -> Option<String> {
    let tag = by_id(html, id)?;
    let rest = &html[tag.end..];
    let inner = &rest[..rest.find(&format!("</{}", tag.name))?];
    let visible: String = inner
        .split('<')
        .enumerate()
        .fold(String::new(), |mut visible, (number, part)| {
            visible.push_str(if number == 0 {
                part
            } else {
                part.split_once('>').map_or("", |(_, text)| text)
            });
            visible
        });
    Some(unescape(&visible).split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Every form.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for tag in tags(html) {
        let of = |name: &str| tag.get(name).unwrap_or_default().to_owned();
        match (tag.name.as_str(), forms.last_mut()) {
            ("form", _) => forms.push(Form {
                id: of("id"),
                action: of("action"),
                fields: Vec::new(),
                buttons: Vec::new(),
            }),
            ("input", Some(form)) if tag.get("name").is_some() => form.fields.push((of("name"), of("value"))),
            ("select", Some(form)) => form.fields.push((of("name"), String::new())),
            ("button", Some(form)) if tag.get("name").is_some() => form.buttons.push((of("name"), of("value"))),
            _ => {}
        }
    }
    forms
}

pub fn unescape(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&nbsp;", " ")];
    let numbered = [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    let all = named.into_iter().chain(numbered);
    all.fold(text.to_owned(), |text, (entity, character)| {
        text.replace(entity, character)
    })
}
