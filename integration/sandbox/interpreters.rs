//! Interpreters of all kinds: installed, versioned, virtual environments, shims.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::harness::{
    Outcome, Program, ask_python, codemode, home, is_root, outcome, python, run_args, skip,
};

fn run_by(python: &Path, text: &str) -> Outcome {
    let program = Program::new(text);
    let mut command = codemode(run_args(&["--python", python.to_str().unwrap()], &program, &[]));
    command.env_remove("CODEMODE_PYTHON");
    outcome(command)
}

/// CPythons of this host: pyenv's and the system's, with their versions.
fn installed() -> Vec<(PathBuf, (u32, u32))> {
    let entries = |directory: &str| fs::read_dir(directory).into_iter().flatten().flatten();
    let pyenv = entries("/root/.pyenv/versions").map(|entry| entry.path().join("bin/python3"));
    let system = entries("/usr/bin").map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let version = name.strip_prefix("python3").unwrap_or("x");
        version.chars().all(|c| c == '.' || c.is_ascii_digit())
    });
    pyenv
        .chain(system)
        .filter_map(|path| {
            let text = ask_python(&path, "import sys; print(*sys.version_info[:2])")?;
            let (major, minor) = text.split_once(' ')?;
            Some((path, (major.parse().ok()?, minor.parse().ok()?)))
        })
        .collect()
}

#[test]
fn every_python_of_this_host() {
    let text = r#"
        import ctypes, hashlib, json, math, socket, sqlite3, ssl, sys, threading, zlib
        result = [list(sys.version_info[:2]), sys.argv, hashlib.sha256(b"x").hexdigest()[:6]]
    "#;
    let installed = installed();
    assert!(!installed.is_empty());
    if installed.len() == 1 {
        skip("every_python_of_this_host", "there is only one");
    }
    for (python, version) in installed {
        let outcome = run_by(&python, text);
        if version >= (3, 9) {
            let seen = outcome.result();
            let expected = json!([[version.0, version.1], ["program.py"], "2d7116"]);
            assert_eq!(seen, expected, "{}", python.display());
        } else {
            assert_eq!(outcome.code, 2, "{}: {outcome:#?}", python.display());
            assert!(outcome.stderr.contains("older than 3.9"), "{outcome:#?}");
        }
    }
}

/// A virtual environment with one package of its own; `None` if this host can't make one.
pub fn virtual_environment(at: &Path, base: &Path) -> Option<PathBuf> {
    let made = Command::new(base).args(["-m", "venv", "--without-pip"]).arg(at).output().ok()?;
    if !made.status.success() {
        return None;
    }
    let python = at.join("bin/python");
    let site = ask_python(&python, "import sysconfig; print(sysconfig.get_path('purelib'))")?;
    let package = Path::new(&site).join("dropped");
    fs::create_dir(&package).ok()?;
    fs::write(package.join("__init__.py"), "WORD = 'from the venv'\n").ok()?;
    Some(python)
}

#[test]
fn virtual_environments_under_tmp_and_elsewhere() {
    let mut tried = 0;
    for parent in [std::env::temp_dir(), home().to_owned()] {
        let directory = tempfile::tempdir_in(&parent).unwrap();
        let Some(python) = virtual_environment(&directory.path().join("venv"), python()) else {
            continue;
        };
        tried += 1;
        let text = r#"
            import dropped, os, sys
            written = "no"
            try:
                open(os.path.dirname(dropped.__file__) + "/written", "w").write("x")
                written = "yes"
            except OSError as error:
                pass
            result = [dropped.WORD, sys.prefix != sys.base_prefix, written]
        "#;
        assert_eq!(run_by(&python, text).result(), json!(["from the venv", true, "no"]));
        // What lies beside the environment stays outside.
        fs::write(directory.path().join("beside"), "x").unwrap();
        let look =
            format!("import os; result = os.path.exists('{}/beside')", directory.path().display());
        assert_eq!(run_by(&python, &look).result(), false);
    }
    if tried == 0 {
        skip("virtual_environments_under_tmp_and_elsewhere", "python3 -m venv fails");
    }
}

#[test]
fn a_package_dropped_later_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let Some(python) = virtual_environment(&directory.path().join("venv"), python()) else {
        return skip("a_package_dropped_later_is_seen", "python3 -m venv fails");
    };
    // The first run fills the cache.
    assert_eq!(run_by(&python, "import dropped; result = dropped.WORD").result(), "from the venv");
    let site =
        ask_python(&python, "import sysconfig; print(sysconfig.get_path('purelib'))").unwrap();
    fs::write(Path::new(&site).join("later.py"), "WORD = 'later'\n").unwrap();
    assert_eq!(run_by(&python, "import later; result = later.WORD").result(), "later");
}

#[test]
fn numpy_from_the_registry() {
    let name = "numpy_from_the_registry";
    let directory = tempfile::tempdir().unwrap();
    let Some(python) = virtual_environment(&directory.path().join("venv"), python()) else {
        return skip(name, "python3 -m venv fails");
    };
    let site =
        ask_python(&python, "import sysconfig; print(sysconfig.get_path('platlib'))").unwrap();
    let installed = Command::new(super::harness::python())
        .args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--timeout", "5"])
        .args(["--retries", "0", "--disable-pip-version-check", "--target", &site, "numpy"])
        .output();
    match installed {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            return skip(name, text.lines().last().unwrap_or("pip fails"));
        }
        Err(error) => return skip(name, &error.to_string()),
    }
    let text = r#"
        import numpy
        matrix = numpy.arange(250000.0).reshape(500, 500)
        result = [float((matrix @ numpy.eye(500)).sum()), float(numpy.linalg.norm(numpy.ones(4)))]
    "#;
    assert_eq!(run_by(&python, text).result(), json!([31249875000.0, 2.0]));
}

fn shim(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
    let line = format!("#!/bin/sh\nexec '{}' \"$@\"\n", python().display());
    fs::write(&path, line).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_shim_leads_to_what_it_starts() {
    let directory = tempfile::tempdir().unwrap();
    let shim = shim(directory.path(), "python3");
    let seen = run_by(&shim, "import sys; result = sys.executable").result();
    assert_eq!(seen, python().to_str().unwrap());
}

#[test]
fn the_first_usable_python_of_path_is_taken() {
    let (broken, good) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = broken.path().join("python3");
    fs::write(&path, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    shim(good.path(), "python3");
    let program = Program::new("import sys; result = sys.executable");
    let mut command = codemode(run_args(&[], &program, &[]));
    let path = format!("{}:{}:/usr/bin:/bin", broken.path().display(), good.path().display());
    command.env_remove("CODEMODE_PYTHON").env("PATH", path);
    assert_eq!(outcome(command).result(), python().to_str().unwrap());
}

#[test]
fn a_library_preloaded_into_codemode_is_no_part_of_the_interpreter() {
    let directory = tempfile::tempdir().unwrap();
    let asked = "import zlib; print(next(line.split()[-1] for line in open('/proc/self/maps') if '/libz' in line))";
    let Some(library) = ask_python(python(), asked).filter(|library| !library.is_empty()) else {
        return skip(
            "a_library_preloaded_into_codemode…",
            "the interpreter has no libz of its own",
        );
    };
    let copy = directory.path().join("preloaded.so");
    fs::copy(library, &copy).unwrap();
    let text =
        format!("import os, zlib; result = [os.path.exists({copy:?}), zlib.crc32(b'positive')]");
    let program = Program::new(&text);
    let mut command = codemode(run_args(&[], &program, &[]));
    // Nothing is remembered there of an interpreter asked before.
    command.env("LD_PRELOAD", &copy).env("XDG_CACHE_HOME", directory.path());
    assert_eq!(outcome(command).result(), json!([false, 1_258_198_117_u64]));
}

/// Where Debian keeps its libraries.
const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu";

/// Shows them in `/usr/lib64`, and only there, to the command behind a directory of the caller's.
const MOVED: &str = "
    cd $1; shift
    mount --make-rprivate /
    mkdir empty; echo /usr/lib64 > conf
    mount --bind LIBRARIES /usr/lib64
    PATH=$PATH:/sbin:/usr/sbin ldconfig -iX -f conf -C cache
    mount --bind cache /etc/ld.so.cache
    mount --bind empty LIBRARIES
    exec \"$@\"";

/// As on Fedora and its kin: in one directory, which is no other's than theirs.
#[test]
fn a_system_whose_libraries_lie_in_lib64() {
    let name = "a_system_whose_libraries_lie_in_lib64";
    if !is_root() || !Path::new(LIBRARIES).join("libc.so.6").exists() {
        return skip(name, "to show Debian's libraries elsewhere takes root, and Debian");
    }
    let own = "import sys; print(sys.version_info >= (3, 9))";
    if ask_python(Path::new("/usr/bin/python3"), own).is_none_or(|answer| answer != "True") {
        return skip(name, "there is no Python of Debian's");
    }
    let directory = tempfile::tempdir().unwrap();
    let program = Program::new(
        "import ctypes, os, ssl, zlib; result = ['/usr/lib64/libc.so.6' in open('/proc/self/maps').read(), \
         os.listdir('/usr/lib')]",
    );
    let inner = codemode(run_args(&["--python", "/usr/bin/python3"], &program, &[]));
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-ec", &MOVED.replace("LIBRARIES", LIBRARIES), "sh"]);
    command.arg(directory.path()).arg(inner.get_program()).args(inner.get_args());
    let settings = inner.get_envs().filter_map(|(name, value)| Some((name, value?)));
    // Nothing is remembered there of the interpreter as it is otherwise.
    command.envs(settings).env("XDG_CACHE_HOME", directory.path()).env_remove("CODEMODE_PYTHON");
    let seen = outcome(command).result();
    assert_eq!(seen[0], true, "{seen}");
    assert!(
        !seen[1].as_array().unwrap().contains(&json!("systemd")),
        "no more than it needs: {seen}"
    );
}

#[test]
fn a_missing_interpreter_is_named() {
    let outcome = run_by(Path::new("/nowhere/python"), "");
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    assert!(outcome.stderr.contains("/nowhere/python"), "{outcome:#?}");
}

#[test]
fn a_bare_name_is_looked_up() {
    let directory = tempfile::tempdir().unwrap();
    shim(directory.path(), "my-python");
    let program = Program::new("import sys; result = sys.executable");
    let mut command = codemode(run_args(&["--python", "my-python"], &program, &[]));
    command.env("PATH", format!("{}:/usr/bin:/bin", directory.path().display()));
    assert_eq!(outcome(command).result(), python().to_str().unwrap());
}
