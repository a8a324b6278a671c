//! A bundle for container runtimes: a root directory and what to run in it.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use serde_json::{Value, json};

use super::commands::Shown;

/// On disk. What a runtime still has of it when this is dropped is deleted.
pub struct Bundle {
    dir: PathBuf,
    runtime: PathBuf,
}

impl Bundle {
    /// Writes it to `dir`: `config.json`, `rootfs` with places for what is mounted, and `state`.
    pub fn lay_down(
        dir: &Path,
        runtime: &Path,
        shown: &Shown,
        python: &[OsString],
    ) -> io::Result<Self> {
        let root = dir.join("rootfs");
        let inside = |place: &Path| root.join(place.strip_prefix("/").unwrap_or(place));
        let own = ["/proc", "/dev", "/tmp"].map(PathBuf::from);
        for place in own.iter().chain(&shown.binds) {
            fs::create_dir_all(inside(place))?;
        }
        for (target, place) in &shown.links {
            symlink(target, inside(place))?;
        }
        fs::create_dir(dir.join("state"))?;
        let config = config(shown, python).to_string();
        fs::write(dir.join("config.json"), config)?;
        Ok(Self { dir: dir.to_owned(), runtime: runtime.to_owned() })
    }

    /// Runs it as a container of its own.
    pub fn command(&self, runtime: &Path, options: &[&str], number: usize) -> Vec<OsString> {
        let mut words = vec![runtime.as_os_str().to_owned(), "--root".into()];
        words.push(self.dir.join("state").into());
        words.extend(options.iter().map(OsString::from));
        words.extend(["run".into(), "--bundle".into(), self.dir.clone().into_os_string()]);
        words.push(format!("codemode-bench-{}-{number}", std::process::id()).into());
        words
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let state = self.dir.join("state");
        for left in fs::read_dir(&state).into_iter().flatten().flatten() {
            let mut delete = Command::new(&self.runtime);
            delete.arg("--root").arg(&state).args(["delete", "--force"]).arg(left.file_name());
            let quiet = delete.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let _ = quiet.status();
        }
    }
}

fn config(shown: &Shown, python: &[OsString]) -> Value {
    let mount = |kind: &str, place: &str, options: &[&str]| json!({"destination": place, "type": kind, "source": kind, "options": options});
    let mut mounts = vec![
        mount("proc", "/proc", &["nosuid", "noexec", "nodev"]),
        mount("tmpfs", "/dev", &["nosuid", "mode=755", "size=65536k"]),
        mount("tmpfs", "/tmp", &["nosuid", "nodev", "noexec"]),
    ];
    mounts.extend(shown.binds.iter().map(|bind| {
        let options = ["rbind", "ro", "nosuid", "nodev"];
        json!({"destination": bind, "type": "bind", "source": bind, "options": options})
    }));
    let namespaces = ["user", "pid", "mount", "network", "ipc", "uts", "cgroup"];
    let namespaces = namespaces.map(|kind| json!({ "type": kind }));
    let words: Vec<_> = python.iter().map(|word| word.to_string_lossy()).collect();
    let own = |id: u32| json!([{"containerID": 0, "hostID": id, "size": 1}]);
    json!({
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs", "readonly": true},
        "hostname": "bench",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": words,
            "env": ["PATH=/usr/bin:/bin"],
            "cwd": "/",
            "capabilities": {"bounding": [], "effective": [], "permitted": []},
            "noNewPrivileges": true,
        },
        "mounts": mounts,
        "linux": {
            "namespaces": namespaces,
            "uidMappings": own(nix::unistd::geteuid().as_raw()),
            "gidMappings": own(nix::unistd::getegid().as_raw()),
        },
    })
}
