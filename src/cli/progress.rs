//! What is being done, on standard error: on a terminal in one line that changes.

use std::io::{self, IsTerminal as _, Write as _};

pub(super) struct Progress {
    terminal: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { terminal: io::stderr().is_terminal() }
    }

    pub(super) fn say(&self, step: &str) {
        let mut err = io::stderr();
        let _ = if self.terminal {
            write!(err, "\r\x1b[K{step}").and_then(|()| err.flush())
        } else {
            writeln!(err, "codemode: {step}")
        };
    }

    pub(super) fn finish(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
