//! Where the interpreter of a run came from.

use serde::{Deserialize, Serialize};

use crate::supervise::Observed;

/// Where the interpreter of a run came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Started {
    /// It was forked from a warm one.
    Warm,
    /// It had an `execve` of its own.
    Fresh,
}

impl Started {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Warm, Self::Fresh];

    /// The name in reports, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Fresh => "fresh",
        }
    }

    /// That of a run; `None` if it got no sandbox.
    pub(super) fn of(observed: &Observed) -> Option<Self> {
        observed.started_warm.map(|warm| if warm { Self::Warm } else { Self::Fresh })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_said_to_have_had_the_start_that_was_seen() {
        let of = |started_warm| Started::of(&Observed { started_warm, ..Observed::default() });
        assert_eq!(of(Some(true)), Some(Started::Warm));
        assert_eq!(of(Some(false)), Some(Started::Fresh));
        assert_eq!(of(None), None);
    }

    #[test]
    fn names_are_those_of_json() {
        for start in Started::ALL {
            assert_eq!(serde_json::to_value(start).unwrap(), start.name());
        }
    }
}
