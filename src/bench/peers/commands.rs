//! What is compared, and its command lines. Each shows the interpreter what it reads, read-only, with
//! a `/proc`, a `/dev` and a `/tmp` of its own, in namespaces of its own and without capabilities.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::oci::Bundle;
use crate::plan::Interpreter;

/// Something that may be on this machine.
pub struct Candidate {
    pub name: &'static str,
    /// Whether its failures are codemode's, or of the machine's Python.
    pub ours: bool,
    kind: Option<Kind>,
}

enum Kind {
    Plain(Vec<OsString>),
    Oci { runtime: PathBuf, options: &'static [&'static str], bundle: Bundle },
}

impl Candidate {
    /// Its words in this round, if it is on this machine.
    pub fn command(&self, round: usize) -> Option<Vec<OsString>> {
        Some(match self.kind.as_ref()? {
            Kind::Plain(words) => words.clone(),
            Kind::Oci { runtime, options, bundle } => bundle.command(runtime, options, round),
        })
    }

    /// For people.
    pub fn shown(&self) -> Option<String> {
        let words = self.command(0)?;
        let words = words.iter().map(|word| word.to_string_lossy().into_owned());
        let text = words.collect::<Vec<_>>().join(" ");
        Some(text.replacen("/proc/self/exe", "codemode", 1))
    }
}

/// The yardstick: it shows the program what a sandbox of ours does, and hides the rest of the host as
/// ours does. With `/` whole every file of the host can be read, which is another wall.
pub const NARROW: &str = "bwrap, narrow binds";

/// All, found or not; `codemode run` first. What they need is laid down in `dir`.
pub fn all(interpreter: &Interpreter, dir: &Path) -> io::Result<Vec<Candidate>> {
    let program = dir.join("empty.py");
    fs::write(&program, "")?;
    let python = interpreter.executable.as_os_str();
    let mut run: Vec<OsString> = ["/proc/self/exe", "run", "--python"].map(Into::into).into();
    run.extend([python.to_owned(), program.into()]);
    let mut bare = vec![python.to_owned()];
    bare.extend(["-I", "-c", "pass"].map(OsString::from));
    let shown = Shown::of(interpreter);
    let plain = |name, ours, words| Candidate { name, ours, kind: Some(Kind::Plain(words)) };
    let found = |name, program, words: fn(PathBuf, &Shown, &[OsString]) -> Vec<OsString>| {
        let kind = on_path(program).map(|path| Kind::Plain(words(path, &shown, &bare)));
        Candidate { name, ours: false, kind }
    };
    let mut all = vec![
        plain("codemode run", true, run),
        plain("python3 alone", true, bare.clone()),
        found(NARROW, "bwrap", bubblewrap),
        found("bwrap, / whole", "bwrap", bubblewrap_whole),
        found("nsjail", "nsjail", nsjail),
    ];
    for (name, options) in [("crun", &[][..]), ("runc", &[]), ("runsc", &["--network=none"])] {
        let kind = match on_path(name) {
            None => None,
            Some(runtime) => {
                let bundle = Bundle::lay_down(&dir.join(name), &runtime, &shown, &bare)?;
                Some(Kind::Oci { runtime, options, bundle })
            }
        };
        all.push(Candidate { name, ours: false, kind });
    }
    Ok(all)
}

/// What a sandbox shows of the host.
pub struct Shown {
    /// Directories.
    pub binds: Vec<PathBuf>,
    /// Links as the host has them: where it leads, and its place.
    pub links: Vec<(PathBuf, PathBuf)>,
}

impl Shown {
    fn of(interpreter: &Interpreter) -> Self {
        let mut shown = Self { binds: vec!["/usr".into(), "/etc".into()], links: Vec::new() };
        for place in ["/bin", "/sbin", "/lib", "/lib32", "/lib64"].map(PathBuf::from) {
            match fs::read_link(&place) {
                Ok(target) => shown.links.push((target, place)),
                Err(_) if place.is_dir() => shown.binds.push(place),
                Err(_) => {}
            }
        }
        for prefix in [&interpreter.base_prefix, &interpreter.prefix] {
            if !shown.binds.iter().any(|bind| prefix.starts_with(bind)) {
                shown.binds.push(prefix.clone());
            }
        }
        shown
    }
}

const BWRAP_WALLS: [&str; 5] =
    ["--unshare-all", "--new-session", "--die-with-parent", "--cap-drop", "ALL"];
const BWRAP_OWN: [&str; 6] = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];

fn bubblewrap_whole(program: PathBuf, _: &Shown, python: &[OsString]) -> Vec<OsString> {
    let mut words = vec![program.into_os_string()];
    words.extend(BWRAP_WALLS.map(OsString::from));
    // The root first: what is mounted later lies on top.
    words.extend(["--ro-bind", "/", "/"].map(OsString::from));
    // No `/tmp` of its own: the interpreter may lie there.
    words.extend(BWRAP_OWN.iter().take(4).map(OsString::from));
    words.extend(python.iter().cloned());
    words
}

fn bubblewrap(program: PathBuf, shown: &Shown, python: &[OsString]) -> Vec<OsString> {
    let mut words = vec![program.into_os_string()];
    words.extend(BWRAP_WALLS.iter().chain(&BWRAP_OWN).map(OsString::from));
    for bind in &shown.binds {
        words.extend(["--ro-bind".into(), bind.into(), bind.into()]);
    }
    for (target, place) in &shown.links {
        words.extend(["--symlink".into(), target.into(), place.into()]);
    }
    words.extend(python.iter().cloned());
    words
}

fn nsjail(program: PathBuf, shown: &Shown, python: &[OsString]) -> Vec<OsString> {
    let mut words = vec![program.into_os_string()];
    let mut add = |more: &[&str]| words.extend(more.iter().map(OsString::from));
    // Its new root is an empty tmpfs; capabilities, namespaces and /proc are as wanted by default.
    add(&["--mode", "o", "--quiet", "--tmpfsmount", "/tmp", "--tmpfsmount", "/dev"]);
    for bind in &shown.binds {
        words.extend(["--bindmount_ro".into(), bind.into()]);
    }
    for (target, place) in &shown.links {
        let mut link = target.clone().into_os_string();
        link.push(":");
        link.push(place);
        words.extend(["--symlink".into(), link]);
    }
    words.push("--".into());
    words.extend(python.iter().cloned());
    words
}

/// A program by its name. Daemons' directories are no part of an ordinary user's `PATH`.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    places.map(|place| place.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_has_as_links_is_shown_as_links() {
        let shown = Shown {
            binds: vec!["/usr".into(), "/opt/py".into()],
            links: vec![("usr/lib".into(), "/lib".into())],
        };
        let python = ["/opt/py/bin/python3".into()];
        let text = |words: Vec<OsString>| {
            words.iter().map(|word| word.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        let words = text(bubblewrap("/usr/bin/bwrap".into(), &shown, &python));
        assert!(words.contains("--ro-bind /opt/py /opt/py --symlink usr/lib /lib /opt"), "{words}");
        let words = text(bubblewrap_whole("/usr/bin/bwrap".into(), &shown, &python));
        assert!(words.contains("--ro-bind / / --proc /proc"), "{words}");
        let words = text(nsjail("/usr/bin/nsjail".into(), &shown, &python));
        assert!(words.ends_with("--symlink usr/lib:/lib -- /opt/py/bin/python3"), "{words}");
    }
}
