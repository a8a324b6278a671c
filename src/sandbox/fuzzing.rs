//! What holds of what the child side and the launcher say, and of what the launcher reads of a run.

use serde::{Serialize, de::DeserializeOwned};

use super::launcher;
use super::messages::{Event, Request, decode_setup, encode_setup};
use super::order::{Order, Word};
use super::record::Record;

/// The bytes as each of the messages, and as each of the texts of /proc.
pub fn messages(bytes: &[u8]) {
    if let Some(record) = Record::decode(bytes) {
        assert_eq!(record.encode(), *bytes, "{record:?} has two forms");
    }
    if let Some(plan) = decode_setup(bytes) {
        let again = encode_setup(&plan).expect("its paths are text");
        let plan = decode_setup(&again).expect("it was written");
        assert_eq!(encode_setup(&plan).ok(), Some(again), "a plan changes on its way");
    }
    one_form::<Event>(bytes);
    one_form::<Request>(bytes);
    one_form::<Order>(bytes);
    one_form::<Word>(bytes);
    launcher::fuzzing::texts(bytes);
}

/// What was read is written and read again as the same.
fn one_form<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(message) = serde_json::from_slice::<T>(bytes) else { return };
    let text = serde_json::to_string(&message).expect("it was JSON");
    let again: T = serde_json::from_str(&text).expect("it was written");
    assert_eq!(serde_json::to_string(&again).ok(), Some(text), "a message changes on its way");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kept_inputs_hold() {
        crate::fuzzing::replay("launcher", super::messages);
    }
}
