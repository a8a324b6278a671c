//! The Python that the tests' runs use.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// `$CODEMODE_PYTHON`, or the distribution's own, or what `python3` on the path says it is. The tests start one over a
/// thousand times, and whatever a user has put into his own to be loaded at each start is no subject of theirs.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let named = env::var_os("CODEMODE_PYTHON").filter(|name| !name.is_empty());
        let usual = ["/usr/bin/python3", "/usr/local/bin/python3", "python3"];
        let candidates = named.map_or_else(|| usual.map(Into::into).to_vec(), |named| vec![named]);
        // A shim would ask anew, in every service and run, which one it stands for.
        let answer = candidates.iter().find_map(|candidate| {
            ask_python(Path::new(candidate), "import sys; print(sys.executable)")
        });
        answer.expect("the tests need a python3, or one that CODEMODE_PYTHON names").into()
    })
}

/// What an unconfined interpreter prints for one line of Python; `None` if it fails.
pub fn ask_python(python: &Path, code: &str) -> Option<String> {
    let output =
        Command::new(python).args(["-I", "-c", code]).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
