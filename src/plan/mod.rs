//! From a policy to a [`Plan`]: everything a launcher needs to know, found out once.
//!
//! Looks at the host (which paths exist, where Python lives) but changes nothing.

mod cache;
mod command;
mod discovery;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod hierarchies;
pub mod host;
mod interpreter;
pub mod off;
mod rootfs;
pub mod seccomp;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::policy::{NetworkMode, Policy, Start, Wall, WallPolicy};

pub use discovery::find;
pub use interpreter::Interpreter;
pub use rootfs::{Entry, Rootfs, WRITABLE};

/// Port of the proxy inside a sandbox with network mode `restricted`.
pub const PROXY_PORT: u16 = 3128;

/// Where the compiled guest lies inside.
pub const GUEST_PATH: &str = "/codemode/guest.pyc";

/// Where the library lies inside that a warm interpreter forks runs with.
pub const LIBRARY_PATH: &str = "/codemode/libcodemode_warm.so";

/// Where the program lies inside that inits are forked from.
pub const CRADLE_PATH: &str = "/codemode/cradle";

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No candidate was a usable Python.
    #[error(
        "no usable Python 3.9 or newer ({0}); install one, or name it with --python or \
         CODEMODE_PYTHON"
    )]
    Interpreter(String),
    /// Something the root must hold can't be read.
    #[error("cannot show {path} inside the sandbox: {source}")]
    Root {
        /// The path on the host.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// An allowed command doesn't exist, or its name is no name.
    #[error("allowed command {name:?}: {why}")]
    Command {
        /// The name as configured.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A wall is to be left down that can't be.
    #[error(transparent)]
    Off(#[from] off::OffError),
    /// A host directory to be mounted isn't one.
    #[error("{what} {path}: {why}")]
    Mount {
        /// `workspace` or `outputs`.
        what: &'static str,
        /// As configured.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// All that a launcher needs to know. Travels from the front to the launcher once, at start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The minimal root.
    pub rootfs: Rootfs,
    /// Path of the interpreter inside.
    pub executable: String,
    /// Its arguments, `argv[0]` first.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<String>,
    /// The only files that may be started, by real path (the loader among them).
    pub executables: Vec<String>,
    /// Whether nothing at all may be started once the interpreter runs.
    pub exec_closed: bool,
    /// Where the interpreter of a run comes from.
    pub start: Start,
    /// Which network the code sees.
    pub network: NetworkMode,
    /// Which walls must stand.
    pub walls: WallPolicy,
    /// Walls that a build for tests leaves down.
    pub off: BTreeSet<Wall>,
    /// Host directory that receives what is left in `/outputs`.
    pub outputs: Option<PathBuf>,
    /// Whether the launcher is started again should it die.
    pub keep: bool,
    /// The compiled guest; travels beside the rest, as it is.
    #[serde(skip)]
    pub guest: Vec<u8>,
}

impl Plan {
    /// Whether control groups may count `controller` for a run.
    #[must_use]
    pub fn counts_by(&self, controller: &str) -> bool {
        self.puts_up(match controller {
            "memory" => Wall::CgroupMemory,
            "pids" => Wall::CgroupPids,
            _ => Wall::CgroupCpu,
        })
    }

    /// Whether a run has a network namespace of its own.
    #[must_use]
    pub fn has_own_network(&self) -> bool {
        self.network != NetworkMode::All && self.puts_up(Wall::NetworkNamespace)
    }

    /// Whether a wall is to be put up: always, but in a build for tests.
    #[must_use]
    pub fn puts_up(&self, wall: Wall) -> bool {
        !off::POSSIBLE || !self.off.contains(&wall)
    }
}

/// Makes the plan for `policy` with `interpreter`.
///
/// # Errors
/// [`PlanError`] for anything the root must hold and the host doesn't have.
pub fn make(policy: &Policy, interpreter: &Interpreter, keep: bool) -> Result<Plan, PlanError> {
    let mut root = Rootfs::default();
    let mut executables = Vec::new();
    for path in interpreter.needs() {
        let optional = path != interpreter.executable;
        let included = if optional {
            root.include_if_present(&path).map(|()| path.clone())
        } else {
            root.include(&path)
        };
        let real = included.map_err(|source| PlanError::Root { path: path.clone(), source })?;
        if !optional {
            executables.push(real);
        }
    }
    executables.extend(interpreter.loader().map(Path::to_owned));
    if let crate::policy::Execution::Commands(names) = &policy.execution {
        for name in names {
            executables.push(command::include(&mut root, name)?);
        }
    }
    system_files(&mut root, policy.network)?;
    skeleton(&mut root, policy.network);
    if let Some(workspace) = &policy.workspace {
        let source = directory("workspace", workspace)?;
        refuse_sockets(workspace)?;
        root.add("/workspace", Entry::Bind { source, directory: true, device: false });
    }
    let outputs = match &policy.outputs {
        Some(outputs) => Some(PathBuf::from(directory("outputs", outputs)?)),
        None => None,
    };
    root.simplify();
    let off = off::walls()?;
    let executable = interpreter.executable.to_string_lossy().into_owned();
    Ok(Plan {
        rootfs: root,
        arguments: vec![executable.clone(), "-I".into(), "-u".into(), GUEST_PATH.into()],
        executable,
        environment: environment(policy.network, &off),
        executables: executables
            .into_iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect(),
        exec_closed: policy.execution.is_closed(),
        start: policy.start.clone(),
        network: policy.network,
        walls: walls(policy, &off),
        off,
        outputs,
        keep,
        guest: interpreter.compiled_guest(),
    })
}

/// The wall policy, less what the network mode gives up on purpose (reports still name it).
fn walls(policy: &Policy, off: &BTreeSet<Wall>) -> WallPolicy {
    let mut walls = policy.walls.clone();
    for wall in off {
        walls.required.remove(wall);
        walls.wanted.insert(*wall);
    }
    if policy.network == NetworkMode::All {
        walls.required.remove(&Wall::NetworkNamespace);
        walls.wanted.extend([Wall::NetworkNamespace]);
    }
    walls
}

fn directory(what: &'static str, path: &Path) -> Result<String, PlanError> {
    let refuse = |why: String| PlanError::Mount { what, path: path.to_owned(), why };
    let real = fs::canonicalize(path).map_err(|error| refuse(error.to_string()))?;
    if !real.is_dir() {
        return Err(refuse("not a directory".to_owned()));
    }
    if real == Path::new("/") {
        return Err(refuse("the whole file system can't be mounted".to_owned()));
    }
    let text = real.to_str().ok_or_else(|| refuse("the path is not UTF-8".to_owned()))?;
    Ok(text.to_owned())
}

/// Entries of a workspace that are looked at.
const MOST_ENTRIES: usize = 20_000;

/// A socket can be connected to through a read-only mount, and neither Landlock nor seccomp can tell
/// it from the program's own: none may lie in what is shown.
fn refuse_sockets(workspace: &Path) -> Result<(), PlanError> {
    use std::os::unix::fs::FileTypeExt;
    let mut pending = vec![workspace.to_owned()];
    let mut seen = 0;
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            seen += 1;
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_socket() {
                let why = format!(
                    "holds the socket {}, to which a program could connect; move it elsewhere",
                    entry.file_name().to_string_lossy()
                );
                return Err(PlanError::Mount {
                    what: "workspace",
                    path: workspace.to_owned(),
                    why,
                });
            }
            if kind.is_dir() && seen < MOST_ENTRIES {
                pending.push(entry.path());
            }
        }
    }
    Ok(())
}

fn environment(network: NetworkMode, off: &BTreeSet<Wall>) -> Vec<String> {
    let mut variables: Vec<String> = [
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "HOME=/sandbox",
        "TMPDIR=/tmp",
        "LANG=C.UTF-8",
        "USER=sandbox",
    ]
    .map(str::to_owned)
    .into();
    if network == NetworkMode::Restricted {
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            variables.push(format!("{name}=http://127.0.0.1:{PROXY_PORT}"));
        }
    }
    if off.contains(&Wall::Environment) {
        let pair = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some(format!("{}={}", name.to_str()?, value.to_str()?))
        };
        variables.extend(std::env::vars_os().filter_map(pair));
    }
    variables
}

/// Files of the host that programs and the loader expect, where it has them.
fn system_files(root: &mut Rootfs, network: NetworkMode) -> Result<(), PlanError> {
    let mut paths = vec![
        "/lib64/ld-linux-x86-64.so.2",
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/usr/share/zoneinfo",
        // What LANG names is a directory here: without it `setlocale` fails.
        "/usr/lib/locale",
    ];
    if network != NetworkMode::None {
        paths.extend(["/etc/ssl/certs", "/etc/ssl/cert.pem", "/usr/share/ca-certificates"]);
    }
    if network == NetworkMode::All {
        paths.extend(["/etc/resolv.conf"]);
    }
    for path in paths {
        let path = Path::new(path);
        root.include_if_present(path)
            .map_err(|source| PlanError::Root { path: path.to_owned(), source })?;
    }
    for name in ["/lib", "/lib64"] {
        if let Ok(target) = fs::read_link(name)
            && let Some(target) = target.to_str()
        {
            root.add(name, Entry::Link(target.to_owned()));
        }
    }
    Ok(())
}

/// The run's own user; root, which programs look up; and nobody, whose files all of the host's are inside.
const USERS: &str = "root:x:0:0::/nonexistent:/usr/sbin/nologin
sandbox:x:1000:1000::/sandbox:/usr/sbin/nologin
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
";
/// Their groups.
const GROUPS: &str = "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n";

/// Directories, devices and files of ours that every root has.
fn skeleton(root: &mut Rootfs, network: NetworkMode) {
    for path in ["/proc", "/tmp", "/sandbox", "/outputs", "/dev/shm"] {
        root.add(path, Entry::Directory);
    }
    for name in ["null", "zero", "random", "urandom"] {
        let path = format!("/dev/{name}");
        let entry = Entry::Bind { source: path.clone(), directory: false, device: true };
        root.add(&path, entry);
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        root.add(&format!("/dev/{name}"), Entry::Link(target.to_owned()));
    }
    let resolution = if network == NetworkMode::All { "files dns" } else { "files" };
    for (path, contents) in [
        ("/etc/passwd", USERS.to_owned()),
        ("/etc/group", GROUPS.to_owned()),
        ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n".to_owned()),
        ("/etc/nsswitch.conf", format!("passwd: files\ngroup: files\nhosts: {resolution}\n")),
    ] {
        root.add(path, Entry::File(contents));
    }
}
