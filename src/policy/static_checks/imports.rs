//! Finding import statements in text.

use std::collections::HashSet;

use super::{IMPORTS, is_space, skip_space};

/// Bounds on what a reason lists. Module times names would otherwise be quadratic in a program made for it.
const MOST_NAMES: usize = 64;
const LONGEST_MODULE: usize = 256;

/// Names that appear in the reason, each once, in the order found.
#[derive(Default)]
struct Found {
    names: Vec<String>,
    seen: HashSet<String>,
}

impl Found {
    fn add(&mut self, name: &str) {
        if self.names.len() < MOST_NAMES && self.seen.insert(name.to_owned()) {
            self.names.push(name.to_owned());
        }
    }
}

/// The forbidden imports in `code`. `direct` permits `subprocess` and the `os` functions.
pub(super) fn blocked(code: &str, direct: bool) -> Vec<String> {
    let mut found = Found::default();
    let mut rest = code;
    while let Some(at) = after(rest, "import") {
        rest = at;
        if let Some((module, tail)) = skip_space(at).and_then(dotted_name) {
            if blocker(module, direct).is_some() {
                found.add(module);
            }
            rest = tail;
        }
    }
    let mut rest = code;
    while let Some(at) = after(rest, "from") {
        rest = at;
        if let Some((module, names, tail)) = from_import(at) {
            judge(module, names, direct, &mut found);
            rest = tail;
        }
    }
    found.names
}

/// The entry that forbids `path`: itself, or a module above it.
fn blocker(path: &str, direct: bool) -> Option<&'static str> {
    IMPORTS
        .into_iter()
        .filter(|entry| !(direct && (entry.starts_with("subprocess") || entry.starts_with("os."))))
        .find(|entry| {
            path.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
}

/// `from module import names`: the module itself, and each name as a module below it.
fn judge(module: &str, names: &str, direct: bool, found: &mut Found) {
    if let Some(entry) = blocker(module, direct) {
        found.add(entry);
        found.add(module);
    }
    // So long a module is either forbidden, and named above, or not the parent of anything that is.
    if module.len() > LONGEST_MODULE {
        return;
    }
    let names = names.replace('*', "");
    for name in
        names.split(',').map(|name| name.trim_matches(is_space)).filter(|name| !name.is_empty())
    {
        let path = format!("{module}.{name}");
        if let Some(entry) = blocker(&path, direct) {
            found.add(module.split('.').next().unwrap_or(module));
            found.add(entry);
            found.add(&path);
        }
    }
}

/// What follows the first `needle`.
fn after<'a>(text: &'a str, needle: &str) -> Option<&'a str> {
    text.split_once(needle).map(|(_, after)| after)
}

/// A run of word characters and dots, and what follows it.
fn dotted_name(text: &str) -> Option<(&str, &str)> {
    split_run(text, |c| is_word(c) || c == '.')
}

/// Module, names and the rest after a `from`. The names run on to the first character that can't be part of them,
/// over line ends too, as the older expression had it.
fn from_import(after_from: &str) -> Option<(&str, &str, &str)> {
    let (module, rest) = dotted_name(skip_space(after_from)?)?;
    let after_import = skip_space(rest)?.strip_prefix("import")?;
    // One space separates; more of them may already count as the (empty) list of names.
    let separator = after_import.chars().next().filter(|c| is_space(*c))?;
    let names = after_import.get(separator.len_utf8()..)?;
    let (names, tail) = split_run(names, |c| is_word(c) || is_space(c) || matches!(c, ',' | '*'))?;
    Some((module, names, tail))
}

fn split_run(text: &str, belongs: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
