//! Finding a Python, and asking it once where it lives.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::interpreter::{GUEST, Interpreter};
use super::{PlanError, cache};

const QUESTION: &str = include_str!("discover.py");

/// The oldest Python that runs the guest.
const OLDEST: [u32; 2] = [3, 9];

/// Finds the interpreter named by `wanted` (a path or a name), or the first usable `python3`.
///
/// `python3` on `PATH` may be a shim, a link into a venv, or something the caller may not
/// execute; each candidate is asked, and the first that answers is taken.
///
/// # Errors
/// [`PlanError::Interpreter`] with every candidate and why it was not taken.
pub fn find(wanted: Option<&Path>) -> Result<Interpreter, PlanError> {
    let candidates = candidates(wanted);
    let mut refusals = Vec::new();
    for candidate in &candidates {
        match ask_or_remember(candidate) {
            Ok(interpreter) => return Ok(interpreter),
            Err(why) => refusals.push(format!("{}: {why}", candidate.display())),
        }
    }
    if refusals.is_empty() {
        let name = wanted.unwrap_or(Path::new("python3"));
        refusals.push(format!("no {} on PATH", name.display()));
    }
    Err(PlanError::Interpreter(refusals.join("; ")))
}

fn candidates(wanted: Option<&Path>) -> Vec<PathBuf> {
    let name = wanted.unwrap_or(Path::new("python3"));
    if name.components().count() > 1 {
        return vec![env::current_dir().unwrap_or_default().join(name)];
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> =
        env::split_paths(&path).filter(|place| place.is_absolute()).collect();
    places.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from));
    let mut found = Vec::new();
    for candidate in places.into_iter().map(|place| place.join(name)) {
        if candidate.is_file() && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found
}

fn ask_or_remember(candidate: &Path) -> Result<Interpreter, String> {
    // A shim's answer depends on more than the shim; only a program's own answer is kept.
    let cacheable = is_elf(candidate);
    if cacheable && let Some(interpreter) = cache::load(candidate) {
        return Ok(interpreter);
    }
    let interpreter = ask(candidate)?;
    if cacheable {
        cache::store(candidate, &interpreter);
    }
    Ok(interpreter)
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    fs::File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic))
        .is_ok_and(|()| magic == *b"\x7fELF")
}

/// What the answer must not be about: our secrets, and what the loader (ld.so(8)) is told to bring into our own
/// processes. No run is told so, and its root would show those libraries.
const NOT_ASKED_WITH: [&str; 4] = ["CODEMODE_API_KEY", "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH"];

fn ask(candidate: &Path) -> Result<Interpreter, String> {
    let mut command = Command::new(candidate);
    for name in NOT_ASKED_WITH {
        command.env_remove(name);
    }
    let mut child = command
        .args(["-I", "-c", QUESTION])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(GUEST.as_bytes()).map_err(|error| error.to_string())?;
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.trim_end().lines().last().unwrap_or("no message").to_owned();
        return Err(format!("{} ({last})", output.status));
    }
    let interpreter: Interpreter = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("its answer is not understood ({error})"))?;
    if interpreter.version[..2] < OLDEST[..] {
        return Err(format!("Python {} is older than 3.9", interpreter.version_text()));
    }
    Ok(interpreter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_only_candidate() {
        assert_eq!(candidates(Some(Path::new("/x/python"))), [PathBuf::from("/x/python")]);
    }

    #[test]
    fn a_missing_interpreter_is_named() {
        let error = find(Some(Path::new("/nowhere/python"))).unwrap_err().to_string();
        assert!(error.contains("/nowhere/python"), "{error}");
    }

    #[test]
    fn something_else_than_python_is_refused_with_its_name() {
        let error = find(Some(Path::new("/bin/false"))).unwrap_err().to_string();
        assert!(error.contains("/bin/false"), "{error}");
    }
}
