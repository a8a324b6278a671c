//! What holds of the guest's messages, whatever it sends.

use serde_json::Value;

use super::frames::{Done, Frames, Message, frame};

/// Frames are this long at most here, so that an input can come near.
const LONGEST: usize = 1 << 10;
/// Bytes of a call's arguments.
const LONGEST_ARGUMENTS: usize = 512;

/// The bytes as a stream, in pieces as long as the first says, and as the body of one frame.
pub fn frames(bytes: &[u8]) {
    let Some((first, stream)) = bytes.split_first() else { return };
    let whole = bodies(stream, stream.len().max(1));
    let pieces = bodies(stream, usize::from(*first) + 1);
    assert_eq!(whole, pieces, "frames depend on how they arrive");
    let again: Vec<u8> = whole.iter().flat_map(|body| frame(body)).collect();
    assert!(stream.starts_with(&again), "a frame is not what was sent");
    for body in whole {
        message(&body);
    }
    message(stream);
}

/// A call's arguments, as they would be passed on.
#[must_use]
pub fn arguments(body: &[u8]) -> Option<Value> {
    match Message::parse(body, usize::MAX) {
        Ok(Message::Call(call)) => call.arguments.ok(),
        _ => None,
    }
}

/// What a call is said to take in memory.
#[must_use]
pub fn weight(body: &[u8]) -> usize {
    match Message::parse(body, 0) {
        Ok(Message::Call(call)) => call.weight,
        _ => body.len(),
    }
}

fn bodies(stream: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let mut frames = Frames::new(LONGEST);
    let mut bodies = Vec::new();
    for piece in stream.chunks(piece) {
        frames.push(piece);
        loop {
            match frames.next_frame() {
                Ok(Some(body)) => bodies.push(body.to_vec()),
                Ok(None) => break,
                Err(_) => return bodies,
            }
        }
        let held = frames.held();
        assert!(held < LONGEST + 4 + piece.len(), "{held} bytes are held");
    }
    bodies
}

fn message(body: &[u8]) {
    match Message::parse(body, LONGEST_ARGUMENTS) {
        Ok(Message::Go) => {}
        Ok(Message::Call(call)) => {
            passed_on(&call.arguments);
            call.context.iter().for_each(passed_on);
        }
        Ok(Message::Done(done)) => kept(&done),
        // It becomes the evidence of a verdict, which the program does not write.
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 400 && !text.contains(char::is_control), "{text:?}");
        }
    }
}

fn passed_on(value: &Result<Value, String>) {
    match value {
        Ok(value) => {
            let text = value.to_string();
            let again: Value = serde_json::from_str(&text).expect("it was JSON");
            assert_eq!(*value, again, "what is passed on is not what was read");
        }
        Err(why) => assert!(why.len() < 400, "{why:?}"),
    }
}

fn kept(done: &Done) {
    assert!(done.types.len() <= 16 && done.message.chars().count() <= 2000);
    assert!(done.types.iter().all(|name| name.chars().count() <= 200));
    if let Some(result) = &done.result {
        assert!(has_plain_numbers(result), "no reader of Python's takes {result:?}");
    }
}

/// Whether `NaN` and `Infinity` stand outside of strings only where a whole value may.
fn has_plain_numbers(document: &str) -> bool {
    let mut outside = String::new();
    let (mut in_string, mut escaped) = (false, false);
    for character in document.chars() {
        match (in_string, character) {
            (true, _) if escaped => escaped = false,
            (true, '\\') => escaped = true,
            (_, '"') => in_string = !in_string,
            (true, _) => {}
            (false, other) => outside.push(other),
        }
    }
    let separates = |c: char| c.is_ascii_whitespace() || "[]{},:".contains(c);
    let mut words = outside.split(separates).filter(|word| word.contains(['N', 'I']));
    words.all(|word| matches!(word, "NaN" | "Infinity" | "-Infinity"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_kept_inputs_hold() {
        crate::fuzzing::replay("frames", frames);
    }

    proptest! {
        #[test]
        fn a_double_arrives_as_python_wrote_it(number in any::<f64>()) {
            prop_assume!(number.is_finite());
            let body = format!(r#"{{"t":"call","id":1,"tool":"x","args":{{"n":{number:?}}}}}"#);
            let arguments = arguments(body.as_bytes()).unwrap();
            prop_assert_eq!(arguments["n"].as_f64(), Some(number));
        }
    }
}
