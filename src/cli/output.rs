//! How answers look on a terminal: aligned columns, plain words, no character that could play tricks with the screen.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anyhow::Context as _;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::protocol::text::is_hostile;

/// Prints an answer on standard output. A reader that has gone away (`| head`) is not a failure.
pub fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

/// Prints a value as JSON on standard output.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// Says something in passing, on standard error; nobody listening is not a failure.
pub fn say(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Prints why a command failed: the error, then its causes.
pub fn error(error: &anyhow::Error) {
    let mut text = format!("error: {}", clean(&error.to_string()));
    for cause in error.chain().skip(1) {
        let _ = write!(text, "\n  because: {}", clean(&cause.to_string()));
    }
    say(&text);
}

/// Rows in aligned columns under a header. Without rows, an empty text.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let header = header.iter().map(|cell| cell.to_uppercase()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(&header)
        .chain(rows)
        .map(|row: &Vec<String>| row.iter().map(|cell| clean(cell)).collect())
        .collect();
    columns(&rows)
}

/// Names and values in two aligned columns, indented.
pub fn pairs(rows: &[(&str, String)]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, value)| vec![format!("  {name}"), clean(value)])
        .collect();
    columns(&rows)
}

fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<_> = (0..count).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// An instant in Unix seconds as people write it (UTC).
pub fn instant(unix: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(unix).ok();
    at.and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| unix.to_string())
}

/// A number and its noun: `1 client`, `3 clients`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A text without the characters that move the cursor, colour the screen or change the reading direction; line ends
/// stay.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => clean.push(c),
            c if is_hostile(c) => {
                let _ = write!(clean, "\\u{:04x}", u32::from(c));
            }
            c => clean.push(c),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_nothing_hostile_is_printed() {
        let rows = [
            vec!["é".to_owned(), "x\u{1b}[2J".to_owned()],
            vec!["long".to_owned(), String::new()],
        ];
        assert_eq!(table(&["id", "name"], &rows), "ID    NAME\né     x\\u001b[2J\nlong\n");
        assert_eq!(clean("a\u{202e}b\rc"), "a\\u202eb\\u000dc");
        assert_eq!(instant(0), "1970-01-01T00:00:00Z");
    }
}
