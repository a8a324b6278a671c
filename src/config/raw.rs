//! From YAML text to a flat list of known keys and their untyped values.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::{Mapping, Value};

use super::fault::Fault;
use super::table::{Given, Row, TABLE, find};

/// A key of the table with its value as it stands in the file.
pub(super) struct Setting {
    /// The value.
    pub given: Given,
    /// Key, file and line, for messages.
    pub at: String,
}

/// What the file says.
#[derive(Default)]
pub(super) struct Document {
    /// Known keys.
    pub settings: BTreeMap<&'static str, Setting>,
    /// Known keys whose value has an impossible shape.
    pub failed: BTreeSet<&'static str>,
    /// Unknown keys and impossible shapes.
    pub faults: Vec<Fault>,
}

/// Sorts a parsed file into known keys and faults. `text` is the file, for line numbers; `file` its name in messages.
///
/// # Errors
/// What the top level is instead of a block of keys.
pub(super) fn read(value: Value, text: &str, file: &str) -> Result<Document, String> {
    let mut reader = Reader { lines: lines_of_keys(text), file, document: Document::default() };
    match value {
        Value::Null => {}
        Value::Mapping(mapping) => reader.block(None, mapping),
        _ => {
            return Err("does not hold `key: value` lines; see that each key is followed by `: `"
                .to_owned());
        }
    }
    Ok(reader.document)
}

struct Reader<'a> {
    lines: BTreeMap<String, usize>,
    file: &'a str,
    document: Document,
}

impl Reader<'_> {
    fn block(&mut self, parent: Option<&str>, mapping: Mapping) {
        for (key, value) in mapping {
            let name = match key {
                Value::String(name) => name,
                other => {
                    scalar_text(&other).unwrap_or_else(|| "(a key that is not text)".to_owned())
                }
            };
            let path = parent.map_or_else(|| name.clone(), |parent| format!("{parent}.{name}"));
            let at = self.place(&path);
            if let Some(row) = find(&path) {
                self.setting(row, at, value);
            } else if parent.is_none() && is_block(&path) {
                self.nested(&path, at, value);
            } else {
                self.document.faults.push(unknown_key(parent, &path, at));
            }
        }
    }

    fn nested(&mut self, path: &str, at: String, value: Value) {
        match value {
            Value::Mapping(mapping) => self.block(Some(path), mapping),
            Value::Null => {}
            _ => self.document.faults.push(Fault::Invalid {
                at,
                value: "a single value or list".to_owned(),
                allowed: format!("a block of keys: {}", allowed_in(Some(path)).join(", ")),
            }),
        }
    }

    fn setting(&mut self, row: &'static Row, at: String, value: Value) {
        match given(value) {
            Ok(Some(given)) => {
                self.document.settings.insert(row.key, Setting { given, at });
            }
            Ok(None) => {}
            Err(what) => {
                self.document.failed.insert(row.key);
                self.document.faults.push(Fault::Invalid {
                    at,
                    value: what.to_owned(),
                    allowed: row.slot.allowed(),
                });
            }
        }
    }

    fn place(&self, path: &str) -> String {
        match self.lines.get(path) {
            Some(line) => format!("{path} ({} line {line})", self.file),
            None => format!("{path} ({})", self.file),
        }
    }
}

/// The value, `None` if it is null, or what it is instead.
fn given(value: Value) -> Result<Option<Given>, &'static str> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(Given::Text(text))),
        Value::Sequence(items) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err("a list with an item that is not text in quotes"),
            })
            .collect::<Result<_, _>>()
            .map(|items| Some(Given::List(items))),
        Value::Mapping(_) => Err("a block of keys"),
        Value::Tagged(_) => Err("a value with a `!` tag"),
        other => Ok(scalar_text(&other).map(Given::Bare)),
    }
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is_block(name: &str) -> bool {
    TABLE.iter().any(|row| row.key.split_once('.').is_some_and(|(block, _)| block == name))
}

/// The keys of a block, or of the top level, without the block's name.
fn allowed_in(parent: Option<&str>) -> Vec<&'static str> {
    let mut keys: Vec<_> = TABLE
        .iter()
        .filter_map(|row| match (parent, row.key.split_once('.')) {
            (None, None) => Some(row.key),
            (None, Some((block, _))) => Some(block),
            (Some(parent), Some((block, leaf))) if parent == block => Some(leaf),
            _ => None,
        })
        .collect();
    // Rows of one block stand together.
    keys.dedup();
    keys
}

fn unknown_key(parent: Option<&str>, path: &str, at: String) -> Fault {
    let leaf = path.rsplit('.').next().unwrap_or(path);
    let allowed = allowed_in(parent);
    // The right name in the wrong block is commoner than a misspelling.
    let elsewhere =
        TABLE.iter().map(|row| row.key).find(|key| key.rsplit('.').next() == Some(leaf));
    let near = || {
        allowed
            .iter()
            .map(|key| (distance(leaf, key), *key))
            .filter(|(distance, key)| *distance <= 2.max(key.len() / 3))
            .min()
            .map(|(_, key)| {
                parent.map_or_else(|| key.to_owned(), |parent| format!("{parent}.{key}"))
            })
    };
    Fault::UnknownKey {
        at,
        nearest: elsewhere.map(str::to_owned).or_else(near),
        allowed: allowed.join(", "),
    }
}

/// Number of single-character edits from `a` to `b`; `a` is cut, for it comes from the file.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut costs: Vec<usize> = (0..=b.len()).collect();
    for (row, from) in a.chars().take(64).enumerate() {
        let mut diagonal = row;
        let mut left = row + 1;
        for (cost, to) in costs.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = *cost;
            *cost = replaced.min(diagonal + 1).min(left + 1);
            left = *cost;
        }
        if let Some(first) = costs.first_mut() {
            *first = row + 1;
        }
    }
    costs.last().copied().unwrap_or_default()
}

/// Line, from 1, of each key in block-style YAML. The parser keeps no positions in its values, so this reads
/// indentation; keys in flow style (`{a: 1}`) are not found.
fn lines_of_keys(text: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    let mut open: Vec<(usize, String)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let content = line.trim_start();
        let Some((key, _)) = content.split_once(':') else {
            continue;
        };
        let indent = line.len() - content.len();
        while open.last().is_some_and(|(depth, _)| *depth >= indent) {
            open.pop();
        }
        // No setting is deeper than two levels.
        if content.starts_with(['#', '-']) || open.len() >= 2 {
            continue;
        }
        let key = key.trim().trim_matches(['"', '\'']);
        let path =
            open.last().map_or_else(|| key.to_owned(), |(_, parent)| format!("{parent}.{key}"));
        lines.entry(path.clone()).or_insert(number + 1);
        open.push((indent, path));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_block_style_only() {
        let text = "# port: 1\nport: 1\n\nlimits:\n  # memory: 2\n  memory: 2\n    x: 3\n      y: 4\n\
                    tls: {enabled: true}\n\"host\": x\n";
        let lines = lines_of_keys(text);
        let line = |path: &str| lines.get(path).copied();
        assert_eq!(line("port"), Some(2));
        assert_eq!(line("limits.memory"), Some(6));
        assert_eq!(line("tls"), Some(9));
        assert_eq!(line("host"), Some(10));
        assert_eq!(line("memory"), None);
        assert_eq!(line("tls.enabled"), None);
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn edit_distance() {
        assert_eq!(distance("memory", "memory"), 0);
        assert_eq!(distance("memroy", "memory"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance(&"x".repeat(100_000), "abc"), 64);
    }
}
