//! The guest's messages: four bytes of length, little-endian, then one JSON document. Pure.
//!
//! All of it is hostile. A frame is bounded before it is stored, and read into a type that holds
//! only what is expected.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// What the guest may say.
#[derive(Debug)]
pub enum Message {
    /// It has the program, which runs from now on.
    Go,
    /// It calls a tool.
    Call(Call),
    /// The code has ended.
    Done(Done),
}

/// A tool call.
#[derive(Debug)]
pub struct Call {
    /// The guest's number for it.
    pub id: u64,
    /// The tool's name, unchecked.
    pub tool: String,
    /// The arguments, or why they can't be passed on.
    pub arguments: Result<Value, String>,
    /// The context given with the call, if one was.
    pub context: Option<Result<Value, String>>,
    /// What both take in memory on their way, at most, in bytes.
    pub weight: usize,
}

/// How the code ended, in its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Whether it ended without an uncaught exception.
    pub ok: bool,
    /// The result as JSON text.
    pub result: Option<String>,
    /// Names of the exception's type and its bases.
    pub types: Vec<String>,
    /// The exception's text.
    pub message: String,
    /// The errno it says it met.
    pub errno: Option<i32>,
}

/// Why what came is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A frame says that it is longer than any may be.
    #[error("a frame of {0} bytes, where {1} are the most")]
    TooLong(usize, usize),
    /// A result is longer than this run's may be.
    #[error("a result of {0} bytes, where {1} are the most")]
    LongResult(usize, usize),
    /// A frame holds something else.
    #[error("a frame that is no message ({0})")]
    Malformed(String),
}

#[derive(Deserialize)]
struct Raw<'a> {
    t: &'a str,
    id: Option<u64>,
    tool: Option<String>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(borrow)]
    ctx: Option<&'a RawValue>,
    ok: Option<bool>,
    result: Option<String>,
    types: Option<Types>,
    message: Option<String>,
    errno: Option<i32>,
}

/// Names of an exception's bases that are kept.
const MOST_TYPES: usize = 16;

/// The first names of a list that may be as long as a frame.
#[derive(Debug, Default)]
struct Types(Vec<String>);

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FirstTypes)
    }
}

struct FirstTypes;

impl<'de> Visitor<'de> for FirstTypes {
    type Value = Types;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Types, A::Error> {
        let mut types = Vec::new();
        while types.len() < MOST_TYPES {
            let Some(name) = list.next_element::<String>()? else { return Ok(Types(types)) };
            types.push(cut(&name, 200));
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Types(types))
    }
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

/// Whether a text is JSON, or what Python's `json` makes of numbers that JSON lacks.
fn is_document(text: &str) -> bool {
    let is_json = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
    is_json(text) || is_json(&without_odd_numbers(text))
}

/// Puts `null` in the place of `NaN` and the infinities outside of strings: a word, which makes no number
/// longer that stands beside it.
fn without_odd_numbers(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    while let Some(first) = rest.chars().next() {
        let odd = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|word| !in_string && rest.starts_with(word));
        if let Some(word) = odd {
            plain.push_str("null");
            rest = rest.get(word.len()..).unwrap_or_default();
            continue;
        }
        if first == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && first == '\\' && !escaped;
        plain.push(first);
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    plain
}

/// The most that one call's values may take.
const HEAVIEST: usize = 64 << 20;

/// What JSON takes in memory, at most, once it is read and made ready for the main application:
/// `{"":1}` has six bytes, and becomes two maps of half a KiB each.
fn weight(text: &str) -> usize {
    const MAP: usize = 1400;
    const ENTRY: usize = 256;
    const ITEM: usize = 96;
    let (mut in_string, mut escaped) = (false, false);
    // Of the blocks around, innermost last: 1 is a map. What is deeper than this is not read.
    let mut blocks = 0_u128;
    let mut weight = text.len();
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' => {
                blocks = blocks << 1 | 1;
                weight += MAP;
            }
            b'[' => {
                blocks <<= 1;
                weight += 2 * ITEM;
            }
            b'}' | b']' => blocks >>= 1,
            b',' => weight += if blocks & 1 == 1 { ENTRY } else { ITEM },
            _ => {}
        }
    }
    weight
}

/// A JSON value, parsed apart from its frame so that one too deep or too long fails its call and not
/// its run.
fn value(raw: &RawValue, longest: usize) -> Result<Value, String> {
    let length = raw.get().len();
    if length > longest {
        return Err(format!("{length} bytes of JSON, where {longest} are the most"));
    }
    if weight(raw.get()) > HEAVIEST {
        return Err("too many values for one call; pass fewer, or pass them as one text".to_owned());
    }
    serde_json::from_str(raw.get()).map_err(|error| error.to_string())
}

impl Message {
    /// Reads one frame's body; a call's arguments may take `longest` bytes.
    ///
    /// # Errors
    /// [`FrameError::Malformed`].
    pub fn parse(body: &[u8], longest: usize) -> Result<Self, FrameError> {
        // The reader may quote what it read.
        let malformed = |why: &str| FrameError::Malformed(cut(why, 200));
        let raw: Raw<'_> =
            serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
        match raw.t {
            "go" => Ok(Self::Go),
            "call" => Ok(Self::Call(Call {
                id: raw.id.ok_or_else(|| malformed("a call without id"))?,
                tool: raw.tool.ok_or_else(|| malformed("a call without tool"))?,
                arguments: raw
                    .args
                    .map_or_else(|| Err("no arguments".to_owned()), |raw| value(raw, longest)),
                context: raw.ctx.map(|raw| value(raw, longest)),
                weight: [raw.args, raw.ctx]
                    .into_iter()
                    .flatten()
                    .map(|raw| weight(raw.get()))
                    .sum(),
            })),
            "done" => {
                if !raw.result.as_deref().is_none_or(is_document) {
                    return Err(malformed("a result that is no JSON"));
                }
                Ok(Self::Done(Done {
                    ok: raw.ok.ok_or_else(|| malformed("an end without ok"))?,
                    result: raw.result,
                    types: raw.types.unwrap_or_default().0,
                    message: cut(&raw.message.unwrap_or_default(), 2000),
                    errno: raw.errno,
                }))
            }
            _ => Err(malformed("an unknown kind")),
        }
    }
}

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Bytes at the front that were handed out already.
    taken: usize,
    longest: usize,
}

const HEADER: usize = 4;

impl Frames {
    /// Frames of at most `longest` bytes.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        Self { buffer: Vec::new(), taken: 0, longest }
    }

    /// Adds what arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that are kept.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole frame's body; `None` until more has arrived.
    ///
    /// # Errors
    /// [`FrameError::TooLong`], as soon as the length says so.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let waiting = self.buffer.get(self.taken..).unwrap_or_default();
        let Some(header) = waiting.first_chunk::<HEADER>() else { return Ok(None) };
        let length = u32::from_le_bytes(*header) as usize;
        if length > self.longest {
            return Err(FrameError::TooLong(length, self.longest));
        }
        let (from, to) = (self.taken + HEADER, self.taken + HEADER + length);
        if self.buffer.len() < to {
            return Ok(None);
        }
        self.taken = to;
        Ok(self.buffer.get(from..to))
    }
}

/// Puts a length in front of a body.
#[must_use]
pub fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(HEADER + body.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(body);
    frame
}

#[cfg(test)]
mod tests;
