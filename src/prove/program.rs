//! A program with what prove puts in front of it, and what it told of itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::patience::Patience;

const PRELUDE: &str = include_str!("prelude.py");
const VALUES: &str = "@VALUES@";
/// The most that a program may tell, in steps.
const MOST_STEPS: usize = 200;

/// How a program that waits to be looked at is let go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// By a byte on its standard input.
    Input,
    /// By the answer of a tool.
    Tool,
    /// By time.
    Time,
}

/// Puts the prelude in front of `source`. `tag` is how its lines are known among the program's own; no more
/// than `budget` bytes of loot are told. Whoever waits to be looked at waits with `patience`.
#[must_use]
pub fn compose(
    source: &str,
    aim: &Map<String, Value>,
    tag: &str,
    hold: Hold,
    budget: u64,
    patience: Patience,
) -> String {
    let way = match hold {
        Hold::Input => "input",
        Hold::Tool => "tool",
        Hold::Time => "time",
    };
    let (aim, tag, factor) = (literal(&aim.clone().into()), quoted(tag), patience.factor());
    let values = format!("{aim}, {tag}, {way:?}, {budget}, {factor}");
    format!("{}\n{source}", PRELUDE.replace(VALUES, &values))
}

/// A value as Python writes it; addresses are tuples there.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(all) => {
            format!("({},)", all.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Value::Object(all) => {
            let pairs =
                all.iter().map(|(key, value)| format!("{}: {}", quoted(key), literal(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

/// JSON's escapes are Python's.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// What a program told through its prelude.
#[derive(Debug, Default)]
pub struct Told {
    /// The steps that it carried out.
    pub tried: Vec<String>,
    /// What worked, by its own word, and was not taken back.
    pub gained: Vec<String>,
    /// What it got hold of, piece by piece.
    pub loot: Vec<Vec<u8>>,
    /// What it printed besides.
    pub rest: String,
}

impl Told {
    /// Reads what `stdout` holds of it.
    #[must_use]
    pub fn read(stdout: &str, tag: &str) -> Self {
        let mut told = Self::default();
        let mut loot: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mark = format!("@{tag} ");
        for line in stdout.lines() {
            let Some(rest) = line.strip_prefix(&mark) else {
                if !line.is_empty() {
                    told.rest += line;
                    told.rest.push('\n');
                }
                continue;
            };
            match rest.split_once(' ') {
                Some(("tried", what)) if told.tried.len() < MOST_STEPS => {
                    told.tried.push(what.to_owned());
                }
                Some(("gained", what)) if told.gained.len() < MOST_STEPS => {
                    told.gained.push(what.to_owned());
                }
                Some(("retracted", what)) => told.gained.retain(|gained| gained != what),
                Some(("loot", piece)) => {
                    if let Some((number, hex)) = piece.split_once(' ') {
                        loot.entry(number.to_owned()).or_default().extend(unhex(hex));
                    }
                }
                _ => {}
            }
        }
        told.loot = loot.into_values().collect();
        told
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map_while(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_its_aims_in_front() {
        let aim = serde_json::json!({ "file": "/a\"b", "tcp4": ["127.0.0.1", 7], "tcp6": null });
        let program = compose(
            "print(1)\n",
            aim.as_object().unwrap(),
            "t",
            Hold::Input,
            9,
            Patience::default(),
        );
        assert!(program.ends_with("print(1)\n"));
        let values = "{\"file\": \"/a\\\"b\", \"tcp4\": (\"127.0.0.1\", 7,), \"tcp6\": None}";
        assert!(
            program.contains(&format!("_prelude({values}, \"t\", \"input\", 9, 1)")),
            "{program}"
        );
    }

    #[test]
    fn what_was_told_is_read_back_among_what_was_printed() {
        let text = "hello\n\n@t tried one\n\n@t loot 1.1 6162\n\n@t loot 1.1 63\n\n@t loot 1.2 zz\n@u tried two\n";
        let told = Told::read(text, "t");
        assert_eq!(told.tried, ["one"]);
        assert_eq!(told.loot, [b"abc".to_vec(), Vec::new()]);
        assert_eq!(told.rest, "hello\n@u tried two\n");
        assert!(told.gained.is_empty());
    }

    #[test]
    fn what_is_taken_back_was_not_gained() {
        let told = Told::read("@t gained one\n@t gained two\n@t retracted one\n", "t");
        assert_eq!(told.gained, ["two"]);
    }
}
