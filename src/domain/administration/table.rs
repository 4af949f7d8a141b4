//! Administrations as a table that people edit in a spreadsheet (RFC 4180 with semicolons or commas). What is written is read
//! back as it was, and no cell of it is ever a formula.

use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord, Trim, WriterBuilder};

use super::{Administration, Branch};

/// No table with more lines is read, the head aside: it is written in one transaction, which on SQLite keeps all others waiting.
pub const MAX_LINES: usize = 5_000;
/// So many problems are told at once.
pub const MAX_FAULTS: usize = 100;

/// Spreadsheets write it in front of UTF-8, and need it to know UTF-8.
const MARK: char = '\u{feff}';

/// What a line may tell, with the other word for it that is understood.
const COLUMNS: [(&str, &str); 6] = [
    ("domain", "domaine"),
    ("name", "nom"),
    ("siren", "siren"),
    ("siret", "siret"),
    ("branch", "branche"),
    ("organizational_unit", "service"),
];

/// What is wrong with a table, and in which line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    /// Counted from 1.
    pub line: u64,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not UTF-8.
    Encoding,
    /// The head lacks this column.
    MissingColumn(&'static str),
    /// A column that we do not know, or one that is there twice.
    UnknownColumn(String),
    /// More or fewer cells than the head, or more than any head.
    Cells,
    /// More than [`MAX_LINES`].
    TooLong,
    /// This field cannot be what it is; [`Administration::validate`] says why.
    Field(&'static str),
    /// The domain stands in this line already.
    Repeated(u64),
}

/// Reads a table.
///
/// # Errors
/// Everything that is wrong, at most [`MAX_FAULTS`].
pub fn read(bytes: &[u8]) -> Result<Vec<Administration>, Vec<LineFault>> {
    let at = |line, fault| vec![LineFault { line, fault }];
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes[..error.valid_up_to()].iter();
        at(
            1 + before.filter(|byte| **byte == b'\n').count() as u64,
            Fault::Encoding,
        )
    })?;
    let text = text.trim_start_matches(MARK);
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let head = reader.headers().map_err(|_| at(1, Fault::Encoding))?.clone();
    let columns = columns(&head)?;
    let (mut read, mut faults, mut lines) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut places = Places::default();
    for record in reader.records() {
        let record = record.map_err(|_| at(1, Fault::Encoding))?;
        let line = places.line(text, record.position().map_or(0, csv::Position::byte));
        if record.iter().all(str::is_empty) {
            continue;
        }
        let mut fault = |fault| faults.push(LineFault { line, fault });
        if read.len() == MAX_LINES {
            fault(Fault::TooLong);
            break;
        }
        if record.len() == columns.len() {
            let (administration, wrong) = administration(&columns, &record);
            if !wrong.contains(&"domain")
                && let Some(former) = lines.insert(administration.domain.clone(), line)
            {
                fault(Fault::Repeated(former));
            }
            wrong.into_iter().for_each(|field| fault(Fault::Field(field)));
            read.push(administration);
        } else {
            fault(Fault::Cells);
        }
        if faults.len() >= MAX_FAULTS {
            break;
        }
    }
    faults.truncate(MAX_FAULTS);
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

/// Where in the text the reader is.
#[derive(Default)]
struct Places {
    byte: usize,
    line: u64,
}

impl Places {
    /// The line of a record that begins after this byte. The reader's own count leaves out the empty lines in front.
    fn line(&mut self, text: &str, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).clamp(self.byte, text.len());
        let rest = &text.as_bytes()[byte..];
        let start = byte + rest.iter().take_while(|byte| b"\r\n".contains(byte)).count();
        let passed = text.as_bytes()[self.byte..start].iter();
        self.line += passed.filter(|byte| **byte == b'\n').count() as u64;
        self.byte = start;
        self.line + 1
    }
}

/// Writes a table, each cell safe to open in a spreadsheet.
///
/// # Errors
/// None that is known: it is written to memory.
pub fn write(administrations: &[Administration]) -> Result<String, csv::Error> {
    let head = records([COLUMNS.map(|(name, _)| name)])?;
    Ok(format!("{MARK}{head}{}", write_lines(administrations)?))
}

/// The same without its head: what comes after the first piece.
///
/// # Errors
/// As [`write()`].
pub fn write_lines(administrations: &[Administration]) -> Result<String, csv::Error> {
    records(administrations.iter().map(|one| {
        let cells = [
            Some(one.domain.as_str()),
            Some(one.name.as_str()),
            one.siren.as_deref(),
            one.siret.as_deref(),
            one.branch.map(Branch::as_str),
            one.organizational_unit.as_deref(),
        ];
        cells.map(|cell| inert(cell.unwrap_or_default()))
    }))
}

fn records<T: AsRef<[u8]>>(records: impl IntoIterator<Item = [T; 6]>) -> Result<String, csv::Error> {
    let mut writer = WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
    for record in records {
        writer.write_record(record)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The sign that stands most often in the first line.
fn delimiter(text: &str) -> u8 {
    let head = text.lines().next().unwrap_or_default().as_bytes();
    let count = |sign: &u8| head.iter().filter(|byte| *byte == sign).count();
    [b'\t', b',', b';'].into_iter().max_by_key(count).unwrap_or(b';')
}

/// What each column tells.
fn columns(head: &StringRecord) -> Result<Vec<&'static str>, Vec<LineFault>> {
    let mut known = Vec::new();
    let mut faults = Vec::new();
    for title in head.iter().take(COLUMNS.len()) {
        let title = title.to_lowercase();
        match COLUMNS.iter().find(|(name, other)| title == *name || title == *other) {
            Some((name, _)) if !known.contains(name) => known.push(*name),
            _ => faults.push(Fault::UnknownColumn(title)),
        }
    }
    let missing = ["domain", "name"].into_iter().filter(|name| !known.contains(name));
    faults.extend(missing.map(Fault::MissingColumn));
    if head.len() > COLUMNS.len() {
        faults.push(Fault::Cells);
    }
    match faults.is_empty() {
        true => Ok(known),
        false => Err(faults.into_iter().map(|fault| LineFault { line: 1, fault }).collect()),
    }
}

/// An administration and the fields that are wrong in it.
fn administration(columns: &[&'static str], record: &StringRecord) -> (Administration, Vec<&'static str>) {
    let cell = |name: &str| {
        let at = columns.iter().position(|column| *column == name)?;
        record.get(at).map(active).filter(|text| !text.is_empty())
    };
    let text = |name: &str| cell(name).map(str::to_owned);
    let branch = cell("branch").map(|text| Branch::parse(&text.to_lowercase()));
    let administration = Administration {
        domain: cell("domain").unwrap_or_default().to_lowercase(),
        name: text("name").unwrap_or_default(),
        siren: text("siren"),
        siret: text("siret"),
        branch: branch.flatten(),
        organizational_unit: text("organizational_unit"),
    }
    .with_siren_of_siret();
    let problems = administration.validate().err().unwrap_or_default();
    let is_wrong = |field: &str| match field {
        "branch" => branch == Some(None),
        field => problems.iter().any(|problem| problem.field == field),
    };
    let wrong = COLUMNS.iter().map(|(name, _)| *name).filter(|name| is_wrong(name));
    (administration, wrong.collect())
}

/// A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection"); full-width signs count as the others do.
fn is_trigger(c: char) -> bool {
    matches!(
        c,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
    )
}

/// The cell as text for any spreadsheet: an apostrophe in front of what would be taken for more, or for that apostrophe.
pub fn inert(cell: &str) -> String {
    match cell.starts_with(|c| is_trigger(c) || c == '\'') {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

/// What [`inert`] was given.
fn active(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(|c| is_trigger(c) || c == '\'') => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests;
