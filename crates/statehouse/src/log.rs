//! The log of a server, on standard error. Whoever does not read it slows nobody down: lines are let go instead.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use statehouse_fault::SH0009;
use statehouse_http::Settings;
use statehouse_http::settings::LogForm;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::failure::Failure;
use crate::spans;

/// Lines that wait to be written at most.
const LINES_MAX: usize = 4096;
/// At its end a process waits this long for the lines that are still to be written.
const LAST_LINES: Duration = Duration::from_secs(1);
const ACCESS: &str = "statehouse_http::access";

/// Begins the log of this process, and what follows its requests.
///
/// # Errors
/// `SH0009` for a level that is none, and for a collector that cannot be sent to.
pub fn begin(settings: &Settings) -> Result<(), Failure> {
    let level = &settings.log.level;
    let targets =
        level.parse::<Targets>().map_err(|cause| Failure::new(SH0009, format!("`log.level` `{level}` cannot be used: {cause}")))?;
    let access = if settings.log.access { LevelFilter::INFO } else { LevelFilter::OFF };
    // Spans are for a collector: in the log the line of access says the same.
    let targets = targets.with_target(ACCESS, access).with_target(spans::TARGET, LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer().with_writer(LINES.get_or_init(Lines::start).clone()).with_ansi(false);
    let lines = match settings.log.form {
        LogForm::Text => lines.boxed(),
        LogForm::Json => lines.json().flatten_event(true).boxed(),
    };
    // A log that has begun already, as in a test, stays.
    let _ = tracing_subscriber::registry().with(lines.with_filter(targets)).with(spans::begin(&settings.telemetry)?).try_init();
    Ok(())
}

/// Waits until what was said so far is written and sent, for a moment at most.
pub fn end() {
    spans::end();
    let Some(Lines(lines)) = LINES.get() else { return };
    let (written, all) = sync_channel(1);
    if lines.try_send(Word::End(written)).is_ok() {
        let _ = all.recv_timeout(LAST_LINES);
    }
}

static LINES: OnceLock<Lines> = OnceLock::new();

/// Hands lines to the thread that writes them.
#[derive(Clone)]
struct Lines(SyncSender<Word>);

enum Word {
    Line(Vec<u8>),
    End(SyncSender<()>),
}

impl Lines {
    fn start() -> Lines {
        let (lines, waiting) = sync_channel(LINES_MAX);
        std::thread::spawn(move || {
            for word in waiting {
                let _ = match word {
                    Word::Line(line) => io::stderr().write_all(&line).ok(),
                    Word::End(written) => written.send(()).ok(),
                };
            }
        });
        Lines(lines)
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { text: Vec::new(), lines: self.clone() }
    }
}

/// One line in the making.
struct Line {
    text: Vec<u8>,
    lines: Lines,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.lines.0.try_send(Word::Line(std::mem::take(&mut self.text)));
    }
}
