//! The guest's messages: four bytes of length, little-endian, then one JSON document. Pure.
//!
//! All of it is hostile. A frame is bounded before it is stored, and read into a type that holds
//! only what is expected.

use serde::Deserialize;
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
    types: Option<Vec<String>>,
    message: Option<String>,
    errno: Option<i32>,
}

/// Names of an exception's bases that are kept.
const MOST_TYPES: usize = 16;

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

/// Whether a text is JSON, or what Python's `json` makes of numbers that JSON lacks.
fn is_document(text: &str) -> bool {
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
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
                let types = raw.types.unwrap_or_default();
                Ok(Self::Done(Done {
                    ok: raw.ok.ok_or_else(|| malformed("an end without ok"))?,
                    result: raw.result,
                    types: types.iter().take(MOST_TYPES).map(|name| cut(name, 200)).collect(),
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_come_out_whole_however_they_arrive() {
        let mut stream = frame(br#"{"t":"done","ok":true,"result":"1"}"#);
        stream.extend(frame(br#"{"t":"call","id":7,"tool":"x","args":{}}"#));
        let mut frames = Frames::new(1024);
        let mut bodies = Vec::new();
        for byte in stream {
            frames.push(&[byte]);
            while let Some(body) = frames.next_frame().unwrap() {
                bodies.push(Message::parse(body, 1 << 20).unwrap());
            }
        }
        assert!(matches!(&bodies[0], Message::Done(done) if done.ok));
        assert!(matches!(&bodies[1], Message::Call(call) if call.id == 7));
    }

    #[test]
    fn a_length_beyond_the_bound_is_refused_before_it_arrives() {
        let mut frames = Frames::new(8);
        frames.push(&u32::MAX.to_le_bytes());
        assert!(matches!(frames.next_frame(), Err(FrameError::TooLong(_, 8))));
    }

    #[test]
    fn arguments_too_deep_fail_the_call_only() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        let body = format!(r#"{{"t":"call","id":1,"tool":"x","args":{deep}}}"#);
        let Message::Call(call) = Message::parse(body.as_bytes(), 1 << 20).unwrap() else {
            panic!()
        };
        assert!(call.arguments.is_err());
    }

    #[test]
    fn arguments_too_long_fail_the_call_only() {
        let body = r#"{"t":"call","id":1,"tool":"x","args":{"a":"0123456789"}}"#;
        let Message::Call(call) = Message::parse(body.as_bytes(), 8).unwrap() else { panic!() };
        assert!(call.arguments.unwrap_err().contains("8 are the most"));
    }

    #[test]
    fn small_values_weigh_what_they_become() {
        assert_eq!(weight("\"[{,\\\"{\""), 8);
        assert!(weight("[1,{\"a\":1,\"b\":[]}]") > 1400 + 256 + 4 * 96);
        let parsed = |document: &str| {
            let body = format!(r#"{{"t":"call","id":1,"tool":"x","args":{document}}}"#);
            let Ok(Message::Call(call)) = Message::parse(body.as_bytes(), 4 << 20) else {
                panic!()
            };
            call
        };
        let rows = |count: usize| format!("[{}1]", "{\"\":1},".repeat(count));
        assert!(parsed(&rows(20_000)).arguments.is_ok());
        let heavy = parsed(&rows(500_000));
        assert!(heavy.arguments.unwrap_err().contains("too many values"));
        assert!(heavy.weight > HEAVIEST);
    }

    #[test]
    fn what_is_said_of_a_bad_frame_is_short() {
        let body = format!(r#"{{"t":"call","id":"{}"}}"#, "x".repeat(100_000));
        let error = Message::parse(body.as_bytes(), 1 << 20).unwrap_err().to_string();
        assert!(error.len() < 300, "{error}");
    }

    #[test]
    fn a_result_is_json_or_what_python_makes_of_it() {
        for good in ["1", "\"NaN\"", "NaN", "[-Infinity, {\"a\\\"b\": NaN}]", r#""\\""#] {
            assert!(is_document(good), "{good}");
        }
        for bad in
            ["", "not json {", "\"NaN", "[NaN", "nan", r#""\\"NaN""#, "1NaN", "-NaN", "1e-Infinity"]
        {
            assert!(!is_document(bad), "{bad}");
        }
    }

    #[test]
    fn an_end_is_cut_to_what_is_kept() {
        let long = "x".repeat(10_000);
        let types = vec![long.clone(); 50];
        let body = serde_json::json!({"t": "done", "ok": false, "types": types, "message": long});
        let Message::Done(done) = Message::parse(body.to_string().as_bytes(), 1 << 20).unwrap()
        else {
            panic!()
        };
        assert_eq!((done.types.len(), done.types[0].len(), done.message.len()), (16, 200, 2000));
    }

    #[test]
    fn what_is_no_message_is_named() {
        for body in ["", "null", "{}", r#"{"t":"call"}"#, r#"{"t":"done"}"#, r#"{"t":"x"}"#] {
            assert!(Message::parse(body.as_bytes(), 1 << 20).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_stream_panics_or_grows_past_its_bound(
            chunks in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..64), 0..64),
        ) {
            let mut frames = Frames::new(128);
            'stream: for chunk in chunks {
                frames.push(&chunk);
                loop {
                    match frames.next_frame() {
                        Ok(Some(body)) => {
                            prop_assert!(body.len() <= 128);
                            let _ = Message::parse(body, 1 << 20);
                        }
                        Ok(None) => break,
                        Err(_) => break 'stream,
                    }
                }
                prop_assert!(frames.held() <= 128 + HEADER + 64);
            }
        }
    }
}
