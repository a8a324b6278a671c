//! The log: lines to read, or JSON.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::lines::{LineWriter, Lines};
use crate::config::{LogFormat, LogLevel};

/// The log on standard error.
pub struct Log(Lines);

impl Log {
    /// Starts it for the whole process. Lines are written at once until the service observes.
    #[must_use]
    pub fn start(level: LogLevel, format: LogFormat) -> Self {
        let lines = Lines::stderr();
        let builder = tracing_subscriber::fmt()
            .with_writer(Writers(lines.clone()))
            .with_max_level(filter(level))
            .with_ansi(std::io::stderr().is_terminal());
        match format {
            LogFormat::Text => builder.init(),
            LogFormat::Json => {
                let builder = builder.json().flatten_event(true);
                builder.with_current_span(true).with_span_list(false).init();
            }
        }
        Self(lines)
    }

    pub(super) fn lines(&self) -> Lines {
        self.0.clone()
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error | LogLevel::Critical => LevelFilter::ERROR,
    }
}

struct Writers(Lines);

impl<'a> MakeWriter<'a> for Writers {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter(self.0.clone())
    }
}

/// Says something at most once a minute.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    const PAUSE: Duration = Duration::from_secs(60);

    /// Says it, unless it was said less than a minute ago.
    pub fn say(&self, what: impl FnOnce()) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= Self::PAUSE) {
            *last = Some(Instant::now());
            drop(last);
            what();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_seldom_is_said_at_once_and_not_again() {
        let (seldom, mut said) = (Seldom::default(), 0);
        (0..5).for_each(|_| seldom.say(|| said += 1));
        assert_eq!(said, 1);
    }
}
