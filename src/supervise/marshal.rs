//! Python's `marshal` format, the few types of it that a request takes.
//!
//! The interpreter reads it with a built-in; reading JSON would import modules first, in every run.
//! Only written here: what comes back is JSON, since it is hostile. Format: CPython's
//! `Python/marshal.c`, version 2 types, which every version since reads.

/// A document being written.
#[derive(Default)]
pub struct Document {
    bytes: Vec<u8>,
}

fn length(of: usize) -> [u8; 4] {
    // Requests are bounded far below 2^31 bytes.
    u32::try_from(of).unwrap_or(0).to_le_bytes()
}

impl Document {
    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A `str`.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes.push(b'u');
        self.bytes.extend(length(text.len()));
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    /// A `bool`.
    pub fn truth(&mut self, truth: bool) -> &mut Self {
        self.bytes.push(if truth { b'T' } else { b'F' });
        self
    }

    /// A `float`.
    pub fn float(&mut self, number: f64) -> &mut Self {
        self.bytes.push(b'g');
        self.bytes.extend(number.to_le_bytes());
        self
    }

    /// The start of a `list`; `items` values follow.
    pub fn list(&mut self, items: usize) -> &mut Self {
        self.bytes.push(b'[');
        self.bytes.extend(length(items));
        self
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    /// What was written, read again.
    #[derive(Clone, Debug, PartialEq)]
    enum Value {
        Text(String),
        Truth(bool),
        Float(f64),
        List(Vec<Value>),
    }

    impl Value {
        fn write(&self, document: &mut Document) {
            match self {
                Self::Text(text) => drop(document.text(text)),
                Self::Truth(truth) => drop(document.truth(*truth)),
                Self::Float(number) => drop(document.float(*number)),
                Self::List(values) => {
                    document.list(values.len());
                    values.iter().for_each(|value| value.write(document));
                }
            }
        }

        fn read(bytes: &mut &[u8]) -> Self {
            let mut take = |length: usize| {
                let (taken, rest) = bytes.split_at(length);
                *bytes = rest;
                taken
            };
            let kind = take(1)[0];
            let mut length = || u32::from_le_bytes(take(4).try_into().unwrap()) as usize;
            match kind {
                b'T' => Self::Truth(true),
                b'F' => Self::Truth(false),
                b'g' => Self::Float(f64::from_le_bytes(take(8).try_into().unwrap())),
                b'[' => Self::List((0..length()).map(|_| Self::read(bytes)).collect()),
                b'u' => {
                    let length = length();
                    Self::Text(String::from_utf8(take(length).to_vec()).unwrap())
                }
                other => panic!("{other}"),
            }
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            ".*".prop_map(Value::Text),
            any::<bool>().prop_map(Value::Truth),
            proptest::num::f64::NORMAL.prop_map(Value::Float),
        ];
        leaf.prop_recursive(4, 32, 8, |inner| {
            proptest::collection::vec(inner, 0..8).prop_map(Value::List)
        })
    }

    proptest! {
        #[test]
        fn whatever_the_values_they_are_read_as_written(value in any_value()) {
            let mut document = Document::default();
            value.write(&mut document);
            let bytes = document.into_bytes();
            let mut rest = bytes.as_slice();
            prop_assert_eq!(Value::read(&mut rest), value);
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn python_reads_what_is_written() {
        let mut document = Document::default();
        document.list(5).text("é\u{10ffff}\0").truth(true).truth(false).float(0.5);
        document.list(1).text("");
        let mut python = Command::new("python3")
            .args(["-c", "import marshal, sys; print(ascii(marshal.load(sys.stdin.buffer)))"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        python.stdin.take().unwrap().write_all(&document.into_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.trim(), r"['\xe9\U0010ffff\x00', True, False, 0.5, ['']]");
    }
}
