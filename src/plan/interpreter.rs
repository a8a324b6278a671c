//! Finding a Python, and asking it once where it lives.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::PlanError;
use super::cache;

const QUESTION: &str = include_str!("discover.py");

/// The guest's source; each interpreter compiles it once for itself.
pub const GUEST: &str = include_str!("guest.py");

/// The oldest Python that runs the guest.
const OLDEST: [u32; 2] = [3, 9];

/// What an interpreter says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interpreter {
    /// Major, minor, micro.
    pub version: [u32; 3],
    /// `cpython`, or another implementation's name.
    pub implementation: String,
    /// The path to start it by: in a venv the venv's, so that it finds its packages.
    pub executable: PathBuf,
    /// `sys.prefix`; differs from `base_prefix` in a venv.
    pub prefix: PathBuf,
    /// Where the installation lives.
    pub base_prefix: PathBuf,
    exec_prefix: PathBuf,
    base_exec_prefix: PathBuf,
    stdlib: Vec<PathBuf>,
    path: Vec<PathBuf>,
    mapped: Vec<PathBuf>,
    /// The guest compiled, one character a byte.
    guest: String,
}

impl Interpreter {
    /// `3.11.2`.
    #[must_use]
    pub fn version_text(&self) -> String {
        self.version.map(|part| part.to_string()).join(".")
    }

    /// The guest, compiled for this interpreter.
    #[must_use]
    pub fn compiled_guest(&self) -> Vec<u8> {
        self.guest.chars().map(|byte| byte as u8).collect()
    }

    /// The directories and files that it needs to run.
    #[must_use]
    pub fn needs(&self) -> Vec<PathBuf> {
        let mut needs = vec![self.executable.clone()];
        for prefix in [&self.base_prefix, &self.base_exec_prefix] {
            if !is_shared(prefix) {
                needs.push(prefix.clone());
            }
        }
        if self.prefix != self.base_prefix {
            needs.push(self.prefix.join("pyvenv.cfg"));
        }
        needs.extend(self.stdlib.iter().cloned());
        needs.extend(self.path.iter().filter(|path| self.is_own(path)).cloned());
        needs.extend(self.libraries());
        needs
    }

    /// Whether a directory of `sys.path` belongs to the installation or the venv. A `.pth` file can
    /// add any other, a project with its secrets among them.
    fn is_own(&self, path: &Path) -> bool {
        let prefixes = [&self.prefix, &self.base_prefix, &self.exec_prefix, &self.base_exec_prefix];
        path.is_absolute()
            && !is_shared(path)
            && prefixes.iter().any(|prefix| path.starts_with(prefix))
    }

    /// Directories of `sys.path` that are not shown inside.
    #[must_use]
    pub fn left_out(&self) -> Vec<&Path> {
        let exists = |path: &&Path| path.is_absolute() && path.exists();
        let paths = self.path.iter().map(PathBuf::as_path);
        paths.filter(exists).filter(|path| !self.is_own(path)).collect()
    }

    /// Directories of the shared libraries it had loaded, and the program loader.
    fn libraries(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.mapped.iter().filter(|path| is_library(path)).filter_map(|path| {
            let parent = path.parent()?;
            // A library straight in a shared directory is bound alone.
            Some(if is_shared(parent) { path.clone() } else { parent.to_owned() })
        })
    }

    /// The mapped program loader (`ld-linux…`), which the kernel starts with the interpreter.
    #[must_use]
    pub fn loader(&self) -> Option<&Path> {
        let is_loader = |path: &&PathBuf| {
            path.file_name()
                .and_then(OsStr::to_str)
                .is_some_and(|name| name.starts_with("ld-") || name.starts_with("ld."))
        };
        self.mapped.iter().find(is_loader).map(PathBuf::as_path)
    }

    /// Everything whose change makes this answer stale.
    #[must_use]
    pub fn watched(&self) -> Vec<PathBuf> {
        let mut watched = vec![self.executable.clone(), self.prefix.join("pyvenv.cfg")];
        watched.extend(self.path.iter().cloned());
        watched.extend(self.stdlib.iter().cloned());
        watched
    }
}

fn is_library(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.contains(".so"))
}

/// Directories that hold much more than one Python, and are never bound whole.
fn is_shared(directory: &Path) -> bool {
    const SHARED: [&str; 12] = [
        "/",
        "/usr",
        "/usr/local",
        "/opt",
        "/home",
        "/root",
        "/var",
        "/srv",
        "/usr/lib",
        "/lib",
        "/usr/lib64",
        "/usr/bin",
    ];
    let home = env::var_os("HOME").map(PathBuf::from);
    SHARED.iter().any(|shared| directory == Path::new(shared))
        || home.is_some_and(|home| directory == home)
}

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

fn ask(candidate: &Path) -> Result<Interpreter, String> {
    let mut child = Command::new(candidate)
        .args(["-I", "-c", QUESTION])
        // The answer must be about the interpreter, not about our secrets.
        .env_remove("CODEMODE_API_KEY")
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

    #[test]
    fn shared_prefixes_are_not_bound_whole() {
        assert!(is_shared(Path::new("/usr")));
        assert!(!is_shared(Path::new("/usr/lib/python3.11")));
    }
}
