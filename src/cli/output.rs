//! Standard output for answers. A reader that has seen enough (`| head`) is no fault.

use std::fmt;
use std::io::{self, Write as _};

use super::Stop;

/// Prints a line, as `println!` does, which would panic if nobody reads.
macro_rules! say {
    () => { crate::cli::output::line(format_args!("")) };
    ($($text:tt)*) => { crate::cli::output::line(format_args!($($text)*)) };
}
pub(super) use say;

pub(super) fn line(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints text that a program may read to its end, so that a full disk is noticed.
pub(super) fn whole(text: &[u8]) -> Result<(), Stop> {
    let mut out = io::stdout();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Stop::failed(format!(
            "standard output cannot be written ({error}); see where it leads"
        ))),
        _ => Ok(()),
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<(), Stop> {
    let mut text = serde_json::to_vec_pretty(value).map_err(Stop::sandbox)?;
    text.push(b'\n');
    whole(&text)
}
