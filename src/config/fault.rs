//! What can be wrong with a configuration, said to the person who can put it right.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::origin::{Origin, Source};

/// One fault. Its `Display` is one sentence that names the setting and the cure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The configuration file can't be read.
    #[error("configuration file {}: cannot be read ({source}); check the path given {from}", path.display())]
    FileUnreadable {
        /// Path as resolved.
        path: PathBuf,
        /// Which option or variable named it.
        from: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The configuration file is not one YAML document of keys, or is too large.
    #[error("configuration file {}: {problem}", path.display())]
    FileMalformed {
        /// Path as resolved.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The YAML parser gave up.
    #[error("configuration file {} line {line}, column {column}: is not valid YAML: {problem}", path.display())]
    Yaml {
        /// Path as resolved.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A key that does not exist.
    #[error("{at}: unknown key{}; allowed here: {allowed}", suggestion(nearest))]
    UnknownKey {
        /// The key, file and line.
        at: Origin,
        /// The allowed key that looks most like it.
        nearest: Option<String>,
        /// All allowed keys of that block.
        allowed: String,
    },
    /// A value that is not allowed.
    #[error("{at}: {value} is not allowed; give {allowed}")]
    Invalid {
        /// The key or variable.
        at: Origin,
        /// The value in quotes, or a description of it where it is secret.
        value: String,
        /// What would be accepted.
        allowed: String,
    },
    /// A `${…}` that can't be replaced.
    #[error("{at}: {problem}")]
    Substitution {
        /// The key, file and line.
        at: Origin,
        /// What is wrong, naming the variable.
        problem: String,
    },
    /// Settings that don't go together.
    #[error("{at}: {problem}")]
    Conflict {
        /// The key or keys.
        at: Origin,
        /// What is wrong and how to put it right.
        problem: String,
    },
    /// A certificate or key file can't be read.
    #[error("{at}: {} cannot be read ({source}); check the path and its permissions", path.display())]
    TlsUnreadable {
        /// The key.
        at: Origin,
        /// The path as given.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A certificate or key file does not hold what it should.
    #[error("{at}: {} {problem}", path.display())]
    TlsMalformed {
        /// The key.
        at: Origin,
        /// The path as given.
        path: PathBuf,
        /// What is wrong; never the content.
        problem: String,
    },
    /// The private key is not the certificate's.
    #[error("{at}: the key in {} does not belong to the certificate in {}; give the pair that was issued together",
        key.display(), cert.display())]
    TlsMismatch {
        /// The key of the private-key setting.
        at: Origin,
        /// The private key's path as given.
        key: PathBuf,
        /// The certificate's path as given.
        cert: PathBuf,
    },
    /// Listening for others without an API key.
    #[error(
        "host: {host:?} is reachable from other machines and no API key is set, so anyone could run code here; \
         set CODEMODE_API_KEY, or listen on this machine only with `--host 127.0.0.1`, or pass \
         `--allow-unauthenticated` to serve every caller without a key"
    )]
    Unauthenticated {
        /// The address to listen on.
        host: String,
    },
}

impl Fault {
    /// Line and column in the file, from 1, if the fault is at one place of it.
    #[must_use]
    pub fn place(&self) -> Option<(usize, usize)> {
        match self.origin().map(|origin| &origin.source) {
            Some(Source::File { line, column, .. }) => Some((*line, *column)),
            Some(_) => None,
            None => match self {
                Self::Yaml { line, column, .. } => Some((*line, *column)),
                _ => None,
            },
        }
    }

    /// The setting that is wrong, if it is one.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::UnknownKey { at, .. }
            | Self::Invalid { at, .. }
            | Self::Substitution { at, .. }
            | Self::Conflict { at, .. }
            | Self::TlsUnreadable { at, .. }
            | Self::TlsMalformed { at, .. }
            | Self::TlsMismatch { at, .. } => Some(at),
            _ => None,
        }
    }
}

fn suggestion(nearest: &Option<String>) -> String {
    match nearest {
        Some(key) => format!(", did you mean `{key}`?"),
        None => String::new(),
    }
}

/// All faults of one configuration. `Display` prints one per line.
#[derive(Debug)]
pub struct ConfigError {
    faults: Vec<Fault>,
}

impl ConfigError {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self { faults }
    }

    /// The faults: of the file's shape first, then of single settings, then of their combination.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.faults.first().and_then(std::error::Error::source)
    }
}
