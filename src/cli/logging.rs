//! Log lines on standard error, one per event, as text or JSON. Whatever an event carries comes out on its one line with
//! control and direction characters escaped: nobody can forge a line, clear a screen or turn a text round.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat};
use crate::protocol::text::is_hostile;

/// Starts logging for the whole process.
///
/// # Errors
/// When the filter is not valid or logging was started before.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(&log.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Escaping(io::stderr));
    let started = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))
}

/// A maker of writers that escape. Every event arrives in one write, its line end last.
struct Escaping<M>(M);

/// Writes each event as one line.
struct Line<W>(W);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Escaping<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self.0.make_writer())
    }
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = String::with_capacity(text.len() + 1);
        for c in text.trim_end_matches('\n').chars() {
            // The form of JSON, where such a character can only stand within a string.
            match is_hostile(c) {
                true => line.push_str(&format!("\\u{:04x}", u32::from(c))),
                false => line.push(c),
            }
        }
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "x\r\n2026-01-01 INFO forged\u{1b}[2J\u{7}\u{9b}1m\u{202e}gnihsihp\u{2028}";

    fn log_hostile_values() {
        tracing::info!(client.id = HOSTILE, client.name = %HOSTILE, "Refused {HOSTILE}");
        tracing::info_span!("flow", flow.id = %HOSTILE).in_scope(|| tracing::warn!(homeserver = ?HOSTILE, "Second"));
    }

    fn assert_two_clean_lines(sink: &Sink) -> String {
        let bytes = sink.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.chars().any(|c| c != '\n' && is_hostile(c)), "{text:?}");
        text
    }

    #[test]
    fn hostile_values_come_out_escaped_as_text() {
        let sink = Sink::default();
        let output = sink.clone();
        let writer = Escaping(move || output.clone());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
        tracing::subscriber::with_default(subscriber, log_hostile_values);
        assert_two_clean_lines(&sink);
    }

    #[test]
    fn hostile_values_come_out_escaped_as_json() {
        let sink = Sink::default();
        let output = sink.clone();
        let writer = Escaping(move || output.clone());
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(writer)
            .finish();
        tracing::subscriber::with_default(subscriber, log_hostile_values);
        let text = assert_two_clean_lines(&sink);
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(first["client.name"], HOSTILE, "nothing is lost");
    }
}
