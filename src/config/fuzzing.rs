//! What holds of a configuration file, whatever is in it.

use std::cell::RefCell;
use std::fs;
use std::io;

use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use super::{Environment, FileKind, Inspected, inspect, parse_modules, parse_seconds, parse_size};

/// The bytes as a file of each kind. Nothing that it names is opened.
pub fn config(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        values(text);
    }
    for kind in [FileKind::Sidecar, FileKind::Client, FileKind::Project] {
        let inspected = read(bytes, kind);
        faults(&inspected, bytes);
        if inspected.faults.is_empty() {
            printed_and_read_again(&inspected);
        }
    }
}

fn read(bytes: &[u8], kind: FileKind) -> Inspected {
    thread_local!(static FILE: RefCell<Option<NamedTempFile>> = const { RefCell::new(None) });
    let environment = Environment::from([("A".to_owned(), "one".into())]);
    FILE.with_borrow_mut(|file| -> io::Result<Inspected> {
        if file.is_none() {
            *file = Some(NamedTempFile::new()?);
        }
        let path = file.as_ref().map(NamedTempFile::path).unwrap_or("".as_ref());
        fs::write(path, bytes)?;
        Ok(inspect(path, Some(kind), &environment))
    })
    .expect("a file can be made")
}

/// Each fault is told in one line that a terminal can be shown, with a place that is in the file.
fn faults(inspected: &Inspected, bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| b"\n\r".contains(byte)).count() + 1;
    for fault in &inspected.faults {
        let text = fault.to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.len() < 8000, "{} bytes: {text:.500?}", text.len());
        if let Some((line, column)) = fault.place() {
            assert!(line >= 1 && column >= 1 && line <= lines + 1, "{text}");
        }
    }
}

/// What was read prints to a file that says the same.
fn printed_and_read_again(inspected: &Inspected) {
    let mut file = Map::new();
    for used in &inspected.settings {
        // A file may need its secret, which is not printed.
        let value = match &used.secret {
            Some(secret) => secret.expose().into(),
            None => used.value.clone(),
        };
        // What was put in for a variable may look like one, and is not looked at again.
        if !value.is_null() && !value.to_string().contains("${") {
            put(&mut file, used.key, value);
        }
    }
    let text = Value::Object(file.clone()).to_string();
    let again = read(text.as_bytes(), inspected.kind);
    assert!(again.faults.is_empty(), "{text}: {:?}", again.faults);
    for (one, two) in inspected.settings.iter().zip(&again.settings) {
        let printed = two.secret.is_none() && !one.value.to_string().contains("${");
        assert!(!printed || one.secret.is_some() || one.value == two.value, "{}", one.key);
    }
}

fn put(block: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(block.insert(key.to_owned(), value)),
        Some((parent, rest)) => {
            let inner = block.entry(parent).or_insert_with(|| Map::new().into());
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn values(text: &str) {
    if let Some(size) = parse_size(text) {
        assert_eq!(parse_size(&size.to_string()), Some(size));
    }
    if let Some(seconds) = parse_seconds(text) {
        assert!(seconds.as_secs_f64().is_finite());
    }
    if let Ok(modules) = parse_modules(text) {
        assert_eq!(parse_modules(&modules.join(",")), Ok(modules));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kept_inputs_hold() {
        crate::fuzzing::replay("config", super::config);
    }
}
