//! Where a setting was given.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A setting and what gave it its value. `Display` is how messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Key in the file, blocks separated by a dot.
    pub key: String,
    /// What gave the value.
    pub source: Source,
}

/// What gave a setting its value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Nothing did.
    Default,
    /// A variable, by name.
    Variable(&'static str),
    /// A flag, with its dashes.
    Flag(&'static str),
    /// The file; line and column, from 1, are those of the key.
    File {
        /// The file's name without its directory.
        name: String,
        /// Line.
        line: usize,
        /// Column, in characters.
        column: usize,
    },
}

impl Origin {
    pub(super) fn new(key: &str, source: Source) -> Self {
        Self { key: key.to_owned(), source }
    }
}

/// A key as a terminal may be shown it: the file may spell any.
fn shown(key: &str) -> String {
    const LONGEST: usize = 200;
    let safe = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    key.chars().take(LONGEST).map(safe).collect()
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = shown(&self.key);
        match &self.source {
            Source::Default => f.write_str(&key),
            Source::Variable(name) => write!(f, "{name} ({key})"),
            Source::Flag(flag) => f.write_str(flag),
            Source::File { name, line, column } => {
                write!(f, "{key} ({name} line {line}, column {column})")
            }
        }
    }
}

/// Of a machine's use: `key`, and of `variable`, `flag` or `file`, `line`, `column` what applies.
impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &self.key)?;
        match &self.source {
            Source::Default => {}
            Source::Variable(name) => map.serialize_entry("variable", name)?,
            Source::Flag(flag) => map.serialize_entry("flag", flag)?,
            Source::File { name, line, column } => {
                map.serialize_entry("file", name)?;
                map.serialize_entry("line", line)?;
                map.serialize_entry("column", column)?;
            }
        }
        map.end()
    }
}
