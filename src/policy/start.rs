//! Where the interpreter of a run comes from.

use serde::{Deserialize, Serialize};

use crate::config;

/// What a warm interpreter has loaded in any case: what programs import most.
pub const USUAL_MODULES: [&str; 16] = [
    "json",
    "re",
    "math",
    "datetime",
    "collections",
    "itertools",
    "functools",
    "random",
    "statistics",
    "decimal",
    "string",
    "textwrap",
    "asyncio",
    "concurrent.futures",
    "dataclasses",
    "typing",
];

/// Where the interpreter of a run comes from. Whichever it is, the same walls stand around it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// From an `execve` of its own: it shares nothing with another run.
    #[default]
    Fresh,
    /// Forked from one that was started before. Runs then share its address-space layout and its seed of
    /// string hashes.
    Warm {
        /// Modules that it has loaded, in this order, by dotted name; each once.
        preload: Vec<String>,
    },
}

impl Start {
    /// A warm one that has loaded the usual modules and `more`.
    #[must_use]
    pub fn warm(more: &[String]) -> Self {
        let mut preload: Vec<String> = USUAL_MODULES.map(str::to_owned).into();
        for name in more {
            if !preload.contains(name) {
                preload.push(name.clone());
            }
        }
        Self::Warm { preload }
    }

    /// What a configuration asks for; `more` are its modules beside the usual ones.
    #[must_use]
    pub fn from_config(start: config::Start, more: &[String]) -> Self {
        match start {
            config::Start::Warm => Self::warm(more),
            config::Start::Fresh => Self::Fresh,
        }
    }

    /// The name in configuration: `warm` or `fresh`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Warm { .. } => "warm",
        }
    }

    /// The modules that are loaded before a run; none for a fresh start.
    #[must_use]
    pub fn preload(&self) -> &[String] {
        match self {
            Self::Fresh => &[],
            Self::Warm { preload } => preload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn modules_come_beside_the_usual_ones_and_once() {
        let usual = Start::warm(&[]);
        assert_eq!(usual.preload(), names(&USUAL_MODULES));
        let more = Start::warm(&names(&["numpy", "json", "numpy", "os.path"]));
        assert_eq!(more.preload(), [usual.preload(), &names(&["numpy", "os.path"])].concat());
    }

    #[test]
    fn a_fresh_start_loads_nothing() {
        let more = names(&["numpy"]);
        let start = Start::from_config(config::Start::Fresh, &more);
        assert_eq!((&start, start.preload()), (&Start::Fresh, &[][..]));
        assert_eq!(Start::from_config(config::Start::Warm, &more), Start::warm(&more));
    }

    #[test]
    fn it_travels_as_it_is_and_has_its_name_in_configuration() {
        for kind in [config::Start::Fresh, config::Start::Warm] {
            let start = Start::from_config(kind, &names(&["numpy"]));
            assert_eq!(start.name(), kind.as_str());
            let text = serde_json::to_string(&start).unwrap();
            assert_eq!(serde_json::from_str::<Start>(&text).unwrap(), start);
        }
    }

    #[test]
    fn the_usual_modules_are_names_that_a_configuration_may_hold() {
        let parsed = config::parse_modules(&USUAL_MODULES.join(","));
        assert_eq!(parsed, Ok(names(&USUAL_MODULES)));
    }
}
