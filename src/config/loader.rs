//! The state of one load: what was found so far, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use super::Sources;
use super::fault::Fault;
use super::origin::{Origin, Source};
use super::table::Draft;

/// State while loading. Everything in it is found in one pass and judged at the end.
pub(super) struct Loader<'a> {
    pub(super) sources: &'a Sources<'a>,
    pub(super) draft: Draft,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<String>,
    /// Where each setting that is not a default came from, for messages.
    pub(super) origins: BTreeMap<&'static str, Origin>,
    /// Settings whose value was refused: their default must not cause a second fault.
    pub(super) failed: BTreeSet<&'static str>,
    pub(super) file_failed: bool,
}

impl<'a> Loader<'a> {
    pub(super) fn new(sources: &'a Sources<'a>) -> Self {
        Self {
            sources,
            draft: Draft::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
            origins: BTreeMap::new(),
            failed: BTreeSet::new(),
            file_failed: false,
        }
    }

    /// Where `key` was set, or its name if nothing set it.
    pub(super) fn at(&self, key: &'static str) -> Origin {
        self.origins.get(key).cloned().unwrap_or_else(|| Origin::new(key, Source::Default))
    }

    /// Whether all settings whose key starts with `prefix` are as the user meant them.
    pub(super) fn sound(&self, prefix: &str) -> bool {
        !self.file_failed && !self.failed.iter().any(|key| key.starts_with(prefix))
    }
}
