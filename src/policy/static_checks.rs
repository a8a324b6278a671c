//! The text matching that older deployments relied on, for those who ask for it (`security.static_checks: compat`).
//!
//! It is off by default because it is no wall. Any program gets round it (`getattr` can be spelled in a hundred ways, a
//! module can be reached through another one), and it refuses honest programs (`profile(`, a docstring that says
//! "import signal", eleven small functions). What a run may do is decided by the kernel, with these checks or without.
//!
//! Words, order of the checks and wording of the reasons are those that callers of the older sidecar know. The length
//! of the program and the paths it names are checked elsewhere. Every check takes time linear in the program.

mod imports;

use std::fmt;

/// Texts that may not occur anywhere, sorted.
const PATTERNS: [&str; 18] = [
    "__builtins__",
    "__import__",
    "compile(",
    "delattr(",
    "dir(",
    "eval(",
    "exec(",
    "execfile(",
    "file(",
    "getattr(",
    "globals(",
    "input(",
    "locals(",
    "open(",
    "raw_input(",
    "reload(",
    "setattr(",
    "vars(",
];

/// Modules that may not be imported, nor anything below them.
const IMPORTS: [&str; 25] = [
    "asyncio.subprocess",
    "ctypes",
    "ftplib",
    "grp",
    "http.client",
    "httplib",
    "multiprocessing",
    "os.exec",
    "os.popen",
    "os.spawn",
    "os.system",
    "pty",
    "pwd",
    "resource",
    "signal",
    "smtplib",
    "socket",
    "ssl",
    "subprocess",
    "sys.exit",
    "telnetlib",
    "threading",
    "urllib",
    "urllib2",
    "urllib3",
];

/// Why a program was refused. `Display` is the sentence for the caller, without `Security violation: ` in front.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// Texts that may not occur.
    Patterns(Vec<String>),
    /// Modules that may not be imported.
    Imports(Vec<String>),
    /// Shapes that looked suspicious to the older sidecar.
    Suspicious(Vec<String>),
    /// Commands that are not on the list.
    Commands(Vec<String>),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, found) = match self {
            Self::Patterns(found) => ("Blocked pattern(s)", found),
            Self::Imports(found) => ("Blocked import(s)", found),
            Self::Suspicious(found) => ("Suspicious pattern(s)", found),
            Self::Commands(found) => ("Unauthorized command(s)", found),
        };
        write!(f, "{what} detected: {}", found.join(", "))
    }
}

impl std::error::Error for Violation {}

/// Matches `code` against the word lists. With `allow_direct_execution`, `open(`, `subprocess` and the `os` functions
/// are let through; a non-empty `allowed_commands` then restricts the commands named in `subprocess` calls.
///
/// # Errors
/// The first kind of violation found, with all its instances.
pub fn check(
    code: &str,
    allow_direct_execution: bool,
    allowed_commands: &[String],
) -> Result<(), Violation> {
    refuse(patterns(code, allow_direct_execution), Violation::Patterns)?;
    refuse(imports::blocked(code, allow_direct_execution), Violation::Imports)?;
    refuse(suspicious(code), Violation::Suspicious)?;
    if allow_direct_execution && !allowed_commands.is_empty() {
        refuse(commands(code, allowed_commands), Violation::Commands)?;
    }
    Ok(())
}

fn refuse(found: Vec<String>, kind: fn(Vec<String>) -> Violation) -> Result<(), Violation> {
    if found.is_empty() { Ok(()) } else { Err(kind(found)) }
}

fn patterns(code: &str, direct: bool) -> Vec<String> {
    PATTERNS
        .iter()
        .filter(|pattern| !(direct && **pattern == "open("))
        .filter(|pattern| code.contains(**pattern))
        .map(|pattern| (*pattern).to_owned())
        .collect()
}

fn suspicious(code: &str) -> Vec<String> {
    const LONGEST_STRING: usize = 1000;
    let mut found = Vec::new();
    if occurrences(code, "while").any(has_endless_condition) {
        found.push("infinite_loop");
    }
    if code.matches("def ").count() > 10 {
        found.push("excessive_functions");
    }
    if code.contains("\\x") || code.contains("\\u") {
        found.push("unicode_encoding");
    }
    if between_quotes(code).any(|text| text.chars().nth(LONGEST_STRING - 1).is_some()) {
        found.push("long_embedded_string");
    }
    found.into_iter().map(str::to_owned).collect()
}

/// Whether the text after a `while` goes on as ` True:`.
fn has_endless_condition(after: &str) -> bool {
    skip_space(after)
        .and_then(|rest| rest.strip_prefix("True"))
        .is_some_and(|rest| rest.trim_start_matches(is_space).starts_with(':'))
}

/// The pieces with a quote, of either kind, on both sides.
fn between_quotes(code: &str) -> impl Iterator<Item = &str> {
    let inner = code.find(['"', '\'']).zip(code.rfind(['"', '\'']));
    let inner = inner.and_then(|(first, last)| code.get(first + 1..last));
    inner.into_iter().flat_map(|inner| inner.split(['"', '\'']))
}

/// Commands named in `subprocess` calls that are not in `allowed`, by function, then in the order of the program.
fn commands(code: &str, allowed: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for function in
        ["subprocess.run(", "subprocess.call(", "subprocess.Popen(", "subprocess.check_output("]
    {
        for text in occurrences(code, function).filter_map(first_argument) {
            let name = text.split(is_space).find(|word| !word.is_empty()).unwrap_or(text);
            if !allowed.iter().any(|command| command == name) {
                found.push(format!("unauthorized_command:{name}"));
            }
        }
    }
    found
}

/// The quoted text with which the arguments begin, possibly inside a list.
fn first_argument(after: &str) -> Option<&str> {
    let rest = after.trim_start_matches(is_space);
    let rest = rest.strip_prefix('[').unwrap_or(rest).trim_start_matches(is_space);
    let text = rest.strip_prefix(['"', '\''])?;
    let end = text.find(['"', '\'', ']'])?;
    let (text, tail) = text.split_at(end);
    (!text.is_empty() && !tail.starts_with(']')).then_some(text)
}

/// What follows each occurrence of `needle`.
fn occurrences<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(needle).filter_map(|(at, found)| code.get(at + found.len()..))
}

/// `text` after its leading white space, of which there must be some.
fn skip_space(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(is_space);
    (rest.len() < text.len()).then_some(rest)
}

/// White space as Python's regular expressions have it: Unicode's, and the four ASCII separators.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

#[cfg(test)]
mod tests;
