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

    use super::*;

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
