//! What one observer saw.

use serde::Serialize;

use super::header::Observer;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// As it should be.
    Right(String),
    /// Not as it should be.
    Wrong(String),
    /// It could not be looked at, and why.
    Nothing(String),
}

/// What one observer saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which one.
    pub observer: String,
    /// Whether it saw what it should; `None` if it could not look.
    pub right: Option<bool>,
    /// What it saw, or why it could not look.
    pub saw: String,
}

impl Finding {
    /// That of an observer which a case can name.
    #[must_use]
    pub fn of(observer: Observer, seen: Seen) -> Self {
        Self::named(observer.to_string(), seen)
    }

    /// That of any.
    #[must_use]
    pub fn named(observer: impl Into<String>, seen: Seen) -> Self {
        let (right, saw) = match seen {
            Seen::Right(saw) => (Some(true), saw),
            Seen::Wrong(saw) => (Some(false), saw),
            Seen::Nothing(why) => (None, why),
        };
        Self { observer: observer.into(), right, saw }
    }
}

impl Seen {
    /// Right if nothing is in `wrong`.
    #[must_use]
    pub fn unless(wrong: Vec<String>, right: impl Into<String>) -> Self {
        const SHOWN: usize = 12;
        if wrong.is_empty() {
            return Self::Right(right.into());
        }
        let more = wrong.len().saturating_sub(SHOWN);
        let mut text = wrong.into_iter().take(SHOWN).collect::<Vec<_>>().join("; ");
        if more > 0 {
            text += &format!("; and {more} more");
        }
        Self::Wrong(text)
    }
}
