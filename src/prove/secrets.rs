//! Secrets that nothing which comes out of a sandbox may hold.

use std::io;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};

/// Characters of a secret. Half of them give it away as well.
const LENGTH: usize = 32;

/// Something random that was put where the code must not get at it.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Where it lies, in words.
    pub place: &'static str,
    /// What it is.
    pub value: String,
}

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// If the kernel gives no randomness.
    pub fn new(place: &'static str) -> io::Result<Self> {
        Ok(Self { place, value: random(LENGTH)? })
    }
}

/// So many random letters and digits.
///
/// # Errors
/// If the kernel gives no randomness.
pub fn random(length: usize) -> io::Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0; length];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the kernel gives none"))?;
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied().map(char::from);
    Ok(bytes.iter().filter_map(letter).collect())
}

/// Looks for secrets in what came out, for all in one pass: that may be many megabytes.
pub struct Search {
    places: Vec<(&'static str, &'static str)>,
    needles: AhoCorasick,
}

impl Search {
    /// For all of these.
    ///
    /// # Errors
    /// If they are too many to be looked for.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Result<Self, String> {
        let (mut places, mut needles) = (Vec::new(), Vec::new());
        // A service without a key has none that could come out.
        for secret in secrets.into_iter().filter(|secret| !secret.value.is_empty()) {
            let value = secret.value.as_bytes();
            for half in value.chunks((value.len() / 2).max(8)) {
                for (form, text) in forms(half) {
                    places.push((secret.place, form));
                    needles.push(text);
                }
            }
        }
        // Little is searched once: what takes longest is to build it, and this one is built soonest.
        let kind = AhoCorasickKind::NoncontiguousNFA;
        // Hexadecimal digits may be capitals. For base 64 a capital is another letter, but no text of this length
        // differs in that alone.
        let needles =
            AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(kind)).build(needles);
        let needles =
            needles.map_err(|error| format!("the secrets can't be looked for: {error}"))?;
        Ok(Self { places, needles })
    }

    /// Which secret is in `text`, and how it is written there.
    #[must_use]
    pub fn find(&self, text: &[u8]) -> Option<String> {
        let found = self.needles.find(text)?;
        let (place, form) = self.places.get(found.pattern().as_usize())?;
        Some(format!("the secret {place} came out ({form})"))
    }
}

/// A piece of a secret in every form that is looked for.
fn forms(piece: &[u8]) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let hex = piece.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let reversed: Vec<u8> = piece.iter().rev().copied().collect();
    // Encoded by itself, or behind one or two other bytes; what those share with it is left out.
    let base64 = (0..3).map(|before| {
        let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(piece.iter().copied()).collect();
        let text = STANDARD_NO_PAD.encode(padded).into_bytes();
        let shared = (before * 8).div_ceil(6);
        let whole = (before + piece.len()) * 8 / 6;
        ("base64", text.get(shared..whole).unwrap_or_default().to_vec())
    });
    [("as it is", piece.to_vec()), ("hex", hex.into_bytes()), ("reversed", reversed)]
        .into_iter()
        .chain(base64.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_in_half() {
        let secret = Secret::new("of a file").unwrap();
        let search = Search::new([&secret]).unwrap();
        let value = secret.value.as_bytes();
        let half = &value[16..];
        let hex: String = value.iter().map(|byte| format!("{byte:02X}")).collect();
        let reversed: Vec<u8> = value.iter().rev().copied().collect();
        for text in [value.to_vec(), half.to_vec(), hex.into_bytes(), reversed] {
            let text = [b"before ".to_vec(), text, b" after".to_vec()].concat();
            assert!(search.find(&text).is_some(), "{}", String::from_utf8_lossy(&text));
        }
        for before in ["", "a", "ab", "abc"] {
            let text = STANDARD_NO_PAD.encode(format!("{before}{}tail", secret.value));
            assert!(search.find(text.as_bytes()).unwrap().contains("base64"), "{before}");
        }
        assert!(search.find(Secret::new("other").unwrap().value.as_bytes()).is_none());
        assert!(search.find(b"").is_none());
    }
}
