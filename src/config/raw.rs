//! From a YAML tree to a flat list of known keys and their untyped values.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Fault;
use super::origin::{Origin, Source};
use super::slot::{Given, Row, Schema};
use super::yaml::{At, Entry, Node};

/// A known key with its value as it stands in the file.
pub(super) struct Setting {
    /// The value.
    pub given: Given,
    /// Key and place.
    pub at: Origin,
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

/// Sorts a parsed file into known keys and faults; `file` is its name in messages.
///
/// # Errors
/// What the top level is instead of a block of keys.
pub(super) fn read<D>(
    root: Node,
    schema: &'static Schema<D>,
    file: &str,
) -> Result<Document, String> {
    let mut reader = Reader { schema, file, document: Document::default() };
    match root {
        Node::Null => {}
        Node::Block(entries) => reader.block(None, entries),
        _ => {
            return Err("does not hold `key: value` lines; see that each key is followed by `: `"
                .to_owned());
        }
    }
    Ok(reader.document)
}

/// Faults of one file that are told; with so many it is another kind of file.
const MOST_FAULTS: usize = 100;

struct Reader<'a, D: 'static> {
    schema: &'static Schema<D>,
    file: &'a str,
    document: Document,
}

impl<D> Reader<'_, D> {
    fn block(&mut self, parent: Option<&str>, entries: Vec<Entry>) {
        for Entry { key, at, value } in entries {
            let path = parent.map_or_else(|| key.clone(), |parent| format!("{parent}.{key}"));
            let at = self.place(&path, at);
            if let Some(row) = self.schema.find(&path) {
                self.setting(row, at, value);
            } else if self.schema.is_block(&path) {
                self.nested(&path, at, value);
            } else if !self.is_somebody_elses(parent, &path)
                && self.document.faults.len() < MOST_FAULTS
            {
                self.document.faults.push(unknown_key(self.schema, parent, &path, at));
            }
        }
    }

    fn is_somebody_elses(&self, parent: Option<&str>, path: &str) -> bool {
        let open = self.schema.open;
        open.contains(&path) || parent.is_some_and(|parent| open.contains(&parent))
    }

    fn nested(&mut self, path: &str, at: Origin, value: Node) {
        match value {
            Node::Block(entries) => self.block(Some(path), entries),
            Node::Null => {}
            _ => self.document.faults.push(Fault::Invalid {
                at,
                value: "a single value or list".to_owned(),
                allowed: format!(
                    "a block of keys: {}",
                    self.schema.allowed_in(Some(path)).join(", ")
                ),
            }),
        }
    }

    fn setting(&mut self, row: &'static Row<D>, at: Origin, value: Node) {
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

    fn place(&self, path: &str, at: At) -> Origin {
        let At { line, column } = at;
        Origin::new(path, Source::File { name: self.file.to_owned(), line, column })
    }
}

/// The value, `None` if it is null, or what it is instead.
fn given(value: Node) -> Result<Option<Given>, &'static str> {
    match value {
        Node::Null => Ok(None),
        Node::Text(text) => Ok(Some(Given::Text(text))),
        Node::Bare(text) => Ok(Some(Given::Bare(text))),
        Node::List(items) => items
            .into_iter()
            .map(|item| match item {
                Node::Text(text) => Ok(text),
                _ => Err("a list with an item that is not text in quotes"),
            })
            .collect::<Result<_, _>>()
            .map(|items| Some(Given::List(items))),
        Node::Block(_) => Err("a block of keys"),
        Node::Tagged => Err("a value with a `!` tag"),
    }
}

fn unknown_key<D>(
    schema: &'static Schema<D>,
    parent: Option<&str>,
    path: &str,
    at: Origin,
) -> Fault {
    let leaf = path.rsplit('.').next().unwrap_or(path);
    let allowed = schema.allowed_in(parent);
    // The right name in the wrong block is commoner than a misspelling.
    let elsewhere =
        schema.rows.iter().map(|row| row.key).find(|key| key.rsplit('.').next() == Some(leaf));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance() {
        assert_eq!(distance("memory", "memory"), 0);
        assert_eq!(distance("memroy", "memory"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance(&"x".repeat(100_000), "abc"), 64);
    }
}
