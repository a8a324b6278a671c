//! Types and ranges of settings, whatever file they belong to.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::parse;
use super::secret::Secret;
use super::table::Draft;

/// One setting of a file that is read into a `D`.
pub(super) struct Row<D: 'static = Draft> {
    /// Key in the file, blocks separated by a dot.
    pub key: &'static str,
    /// Variables that set it; the first one that is set wins.
    pub vars: &'static [&'static str],
    /// Its type, range and place.
    pub slot: Slot<D>,
}

pub(super) const fn row<D>(
    key: &'static str,
    vars: &'static [&'static str],
    slot: Slot<D>,
) -> Row<D> {
    Row { key, vars, slot }
}

/// What a kind of file may hold.
pub(super) struct Schema<D: 'static = Draft> {
    /// Its settings.
    pub rows: &'static [Row<D>],
    /// Blocks that may hold other keys too, of somebody else's.
    pub open: &'static [&'static str],
}

impl<D> Schema<D> {
    /// The row of `key`.
    pub(super) fn find(&self, key: &str) -> Option<&'static Row<D>> {
        self.rows.iter().find(|row| row.key == key)
    }

    /// Whether `path` is a block of settings.
    pub(super) fn is_block(&self, path: &str) -> bool {
        let below = |row: &Row<D>| row.key.strip_prefix(path).is_some_and(|k| k.starts_with('.'));
        self.rows.iter().any(below)
    }

    /// The keys of a block, or of the top level, without the block's name.
    pub(super) fn allowed_in(&self, parent: Option<&str>) -> Vec<&'static str> {
        let inside = |row: &Row<D>| match parent {
            None => Some(row.key),
            Some(parent) => row.key.strip_prefix(parent)?.strip_prefix('.'),
        };
        let first = |key: &'static str| key.split('.').next().unwrap_or(key);
        let mut keys: Vec<_> = self.rows.iter().filter_map(inside).map(first).collect();
        // Rows of one block stand together.
        keys.dedup();
        keys
    }
}

type Place<D, T> = fn(&mut D) -> &mut T;
type Parse = fn(&str) -> Option<String>;
type Choose<D> = fn(&mut D, &str) -> bool;

/// Type and range of a setting, and its place in a draft `D`. Ranges are inclusive.
pub(super) enum Slot<D: 'static = Draft> {
    Whole(u64, u64, Place<D, u64>),
    WholeSeconds(u64, u64, Place<D, Duration>),
    Seconds(u64, u64, Place<D, Duration>),
    Size(u64, u64, Place<D, u64>),
    /// A share from 0 to 1.
    Ratio(Place<D, f64>),
    Bool(Place<D, bool>),
    /// Names, how one of them is set, and which is.
    Choice(&'static [&'static str], Choose<D>, fn(&D) -> &'static str),
    Text(&'static str, Parse, Place<D, Option<String>>),
    Secret(&'static str, Parse, Place<D, Option<String>>),
    List(&'static str, Parse, Place<D, Option<Vec<String>>>),
    /// At most so many items; one that stands twice counts once.
    Names(usize, &'static str, Parse, Place<D, Option<Vec<String>>>),
}

/// A value as found, before its type is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    /// Text: a YAML string, or a variable.
    Text(String),
    /// A YAML number or boolean. Its spelling is lost, so it can't stand for text.
    Bare(String),
    /// A YAML list of strings.
    List(Vec<String>),
}

use Slot::{Bool, Choice, List, Names, Ratio, Seconds, Size, Text, Whole, WholeSeconds};

impl<D> Slot<D> {
    /// What is accepted, as the end of "give …".
    pub(super) fn allowed(&self) -> String {
        match self {
            Whole(min, max, _) => format!("a whole number from {min} to {max}"),
            WholeSeconds(min, max, _) => format!("whole seconds from {min} to {max}"),
            Seconds(min, max, _) => format!("seconds from {min} to {max}, fractions allowed"),
            Size(min, max, _) => format!(
                "a size from {} to {}, in bytes or with K, M, G or T",
                parse::show_size(*min),
                parse::show_size(*max)
            ),
            Ratio(_) => "a number from 0 to 1".to_owned(),
            Bool(_) => "true, 1, yes, on, false, 0, no or off".to_owned(),
            Choice(names, ..) => format!("one of {}", names.join(", ")),
            Text(allowed, ..)
            | Slot::Secret(allowed, ..)
            | List(allowed, ..)
            | Names(_, allowed, ..) => (*allowed).to_owned(),
        }
    }

    /// Puts `given` in its place.
    ///
    /// # Errors
    /// The part that is not accepted, as it may be shown.
    pub(super) fn set(&self, draft: &mut D, given: &Given) -> Result<(), String> {
        if let List(_, parse, place) = self {
            *place(draft) = Some(items(given, *parse)?);
            return Ok(());
        }
        if let Names(most, _, parse, place) = self {
            *place(draft) = Some(distinct(items(given, *parse)?, *most)?);
            return Ok(());
        }
        let text = match (given, self) {
            (_, Slot::Secret(..)) if !matches!(given, Given::Text(_)) => {
                return Err("a value that is not text in quotes".to_owned());
            }
            (Given::List(_), _) => return Err("a list".to_owned()),
            (Given::Bare(text), Text(..)) => return Err(format!("{} without quotes", show(text))),
            (Given::Text(text) | Given::Bare(text), _) => text.as_str(),
        };
        self.set_text(draft, text).ok_or_else(|| match self {
            Slot::Secret(..) => "the value (not shown)".to_owned(),
            // A password may stand before it.
            _ if text.contains('@') => "the value (not shown)".to_owned(),
            _ => show(text),
        })
    }

    /// The value in `draft`, null if it is not set; a secret only says that it is. Sizes are bytes, times seconds.
    pub(super) fn value(&self, draft: &mut D) -> Value {
        match self {
            Whole(_, _, place) | Size(_, _, place) => (*place(draft)).into(),
            WholeSeconds(_, _, place) => place(draft).as_secs().into(),
            Seconds(_, _, place) => place(draft).as_secs_f64().into(),
            Ratio(place) => (*place(draft)).into(),
            Bool(place) => (*place(draft)).into(),
            Choice(_, _, chosen) => chosen(draft).into(),
            Text(_, _, place) => place(draft).clone().into(),
            Slot::Secret(_, _, place) => place(draft).as_ref().map(|_| "(set)").into(),
            List(_, _, place) | Names(_, _, _, place) => place(draft).clone().into(),
        }
    }

    /// The secret in `draft`, if the setting is one and is set.
    pub(super) fn secret(&self, draft: &mut D) -> Option<Secret> {
        match self {
            Slot::Secret(_, _, place) => place(draft).clone().map(Secret::new),
            _ => None,
        }
    }

    fn set_text(&self, draft: &mut D, text: &str) -> Option<()> {
        let secs = Duration::from_secs;
        match self {
            Whole(min, max, place) => *place(draft) = within(parse::whole(text)?, min, max)?,
            WholeSeconds(min, max, place) => {
                *place(draft) = secs(within(parse::whole(text)?, min, max)?)
            }
            Seconds(min, max, place) => {
                *place(draft) = within(parse::seconds(text)?, &secs(*min), &secs(*max))?
            }
            Size(min, max, place) => *place(draft) = within(parse::size(text)?, min, max)?,
            Ratio(place) => *place(draft) = parse::ratio(text)?,
            Bool(place) => *place(draft) = parse::boolean(text)?,
            Choice(_, choose, _) => return choose(draft, text).then_some(()),
            Text(_, parse, place) | Slot::Secret(_, parse, place) => {
                *place(draft) = Some(parse(text)?)
            }
            // `set` has dealt with lists.
            List(..) | Names(..) => return None,
        }
        Some(())
    }
}

fn within<T: PartialOrd>(value: T, min: &T, max: &T) -> Option<T> {
    (*min <= value && value <= *max).then_some(value)
}

fn items(given: &Given, parse: Parse) -> Result<Vec<String>, String> {
    let texts = match given {
        Given::Text(text) => parse::comma_list(text),
        Given::Bare(text) => return Err(format!("{} without quotes", show(text))),
        Given::List(texts) => texts.clone(),
    };
    texts.iter().map(|text| parse(text.trim()).ok_or_else(|| show(text))).collect()
}

fn distinct(items: Vec<String>, most: usize) -> Result<Vec<String>, String> {
    let mut seen = BTreeSet::new();
    let items: Vec<_> = items.into_iter().filter(|item| seen.insert(item.clone())).collect();
    if items.len() > most { Err(format!("a list of {}", items.len())) } else { Ok(items) }
}

/// A value in quotes, control characters escaped, cut to a readable length.
fn show(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
