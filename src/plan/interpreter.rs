//! What an interpreter says of itself, and what follows from it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The guest's source; each interpreter compiles it once for itself.
pub const GUEST: &str = concat!(
    include_str!("guest/warm.py"),
    include_str!("guest/practice.py"),
    include_str!("guest/guest.py")
);

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
        // Beside the C library lies what modules, and whatever loads them, need of the system: wherever that is.
        let c_library = self.mapped.iter().find(|path| path.ends_with("libc.so.6"));
        let system = c_library.and_then(|path| path.parent());
        self.mapped.iter().filter(|path| is_library(path)).filter_map(move |path| {
            let parent = path.parent()?;
            // Another library straight in a shared directory is bound alone.
            let alone = is_shared(parent) && Some(parent) != system;
            Some(if alone { path.clone() } else { parent.to_owned() })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_prefixes_are_not_bound_whole() {
        assert!(is_shared(Path::new("/usr")));
        assert!(!is_shared(Path::new("/usr/lib/python3.11")));
    }

    fn path(text: &str) -> PathBuf {
        PathBuf::from(text)
    }

    fn in_a_venv(paths: Vec<PathBuf>, mapped: &[&str]) -> Interpreter {
        Interpreter {
            version: [3, 11, 0],
            implementation: "cpython".to_owned(),
            executable: path("/venv/bin/python"),
            prefix: path("/venv"),
            base_prefix: path("/usr"),
            exec_prefix: path("/venv"),
            base_exec_prefix: path("/usr"),
            stdlib: vec![path("/usr/lib/python3.11")],
            path: paths,
            mapped: mapped.iter().map(|text| path(text)).collect(),
            guest: String::new(),
        }
    }

    #[test]
    fn the_systems_libraries_are_bound_together_wherever_they_lie() {
        let needs = |mapped: &[&str]| in_a_venv(Vec::new(), mapped).needs();
        let debian = needs(&["/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/libodd.so.1"]);
        assert!(debian.contains(&path("/usr/lib/x86_64-linux-gnu")));
        assert!(debian.contains(&path("/usr/lib/libodd.so.1")));
        assert!(!debian.contains(&path("/usr/lib")));
        let fedora = needs(&["/usr/lib64/libc.so.6", "/usr/lib64/libpython3.11.so.1.0"]);
        assert!(fedora.contains(&path("/usr/lib64")));
    }

    #[test]
    fn a_directory_that_a_pth_file_adds_is_left_out() {
        let project = tempfile::tempdir().unwrap();
        let paths = vec![path("/venv/lib/python3.11/site-packages"), project.path().to_owned()];
        let interpreter = in_a_venv(paths, &[]);
        let needs = interpreter.needs();
        assert!(needs.contains(&path("/venv/lib/python3.11/site-packages")));
        assert!(!needs.iter().any(|need| need == project.path()));
        assert_eq!(interpreter.left_out(), [project.path()]);
    }
}
