//! The file tree of a run: minimal, read-only, with four places of its own to write to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::harness::{outside, run, run_with};

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[test]
fn everything_is_read_only_but_four_places() {
    let program = r#"
        import os, sys, sysconfig
        result = {}
        places = ["/", "/usr", "/usr/lib", "/etc", "/dev", "/proc", "/lib64", "/codemode",
                  sysconfig.get_path("stdlib"), os.path.dirname(sys.executable),
                  "/tmp", "/sandbox", "/outputs", "/dev/shm"]
        for place in places:
            path = place.rstrip("/") + "/written"
            try:
                with open(path, "w") as file:
                    file.write("x")
                result[place] = os.path.getsize(path)
            except OSError as error:
                result[place] = type(error).__name__
    "#;
    let seen = run(&[], program).result();
    for (place, answer) in seen.as_object().unwrap() {
        let writable = ["/tmp", "/sandbox", "/outputs", "/dev/shm"].contains(&place.as_str());
        assert_eq!(answer == 1, writable, "{place}: {answer}");
    }
}

#[test]
fn files_that_are_there_can_t_be_changed() {
    let program = r#"
        import os, sys
        result = {}
        for path in ("/etc/passwd", "/etc/hosts", "/codemode/guest.pyc", sys.executable, os.__file__):
            for name, attempt in (
                ("write", lambda: os.open(path, os.O_WRONLY)),
                ("truncate", lambda: os.truncate(path, 0)),
                ("unlink", lambda: os.unlink(path)),
                ("rename", lambda: os.rename(path, path + ".old")),
                ("chmod", lambda: os.chmod(path, 0o777)),
                ("chown", lambda: os.chown(path, 1000, 1000)),
                ("utime", lambda: os.utime(path, (0, 0))),
                ("link", lambda: os.link(path, "/tmp/link")),
                ("setxattr", lambda: os.setxattr(path, "user.x", b"x")),
            ):
                try:
                    attempt()
                    result[path + " " + name] = "done"
                except OSError as error:
                    result[path + " " + name] = type(error).__name__
    "#;
    for (attempt, answer) in run(&[], program).result().as_object().unwrap() {
        assert_ne!(answer, "done", "{attempt}");
    }
}

#[test]
fn no_sys_and_a_dev_of_four_nodes() {
    let program = r#"
        import os, stat
        result = {
            "root": os.listdir("/"),
            "nodes": [name for name in os.listdir("/dev") if stat.S_ISCHR(os.lstat("/dev/" + name).st_mode)],
            "blocks": [name for name in os.listdir("/dev") if stat.S_ISBLK(os.lstat("/dev/" + name).st_mode)],
            "others": [name for name in os.listdir("/dev") if not stat.S_ISCHR(os.lstat("/dev/" + name).st_mode)],
            "null": open("/dev/null", "wb").write(b"x"),
            "random": len(open("/dev/urandom", "rb").read(8)),
            "zero": os.path.exists("/dev/zero") and open("/dev/zero", "rb").read(2).hex(),
        }
    "#;
    let outcome = run(&[], program);
    let seen = outcome.result();
    let root = names(&seen["root"]);
    for absent in
        ["sys", "boot", "home", "mnt", "media", "srv", "opt", "run", "old", "new", ".late"]
    {
        assert!(!root.contains(absent), "{absent}: {root:?}");
    }
    let mut nodes = BTreeSet::from(["null", "random", "urandom"]);
    // Mapped as shared it is memory that only a control group counts.
    let zero = outcome.stood("cgroup_memory");
    if zero {
        nodes.insert("zero");
    }
    assert_eq!(names(&seen["nodes"]), nodes);
    assert_eq!(seen["blocks"], json!([]));
    assert_eq!(names(&seen["others"]), BTreeSet::from(["fd", "stdin", "stdout", "stderr", "shm"]));
    assert_eq!((&seen["null"], &seen["random"]), (&json!(1), &json!(8)));
    assert_eq!(seen["zero"], if zero { json!("0000") } else { json!(false) });
}

#[test]
fn proc_shows_processes_only() {
    let program = r#"
        import os
        names = [name for name in os.listdir("/proc") if not name.isdigit()]
        there = [path for path in ("/proc/sys", "/proc/kcore", "/proc/meminfo", "/proc/cmdline", "/proc/kallsyms",
                                   "/proc/sysrq-trigger", "/proc/keys", "/proc/mounts")
                 if os.path.exists(path)]
        result = {"names": sorted(names), "there": there, "cgroup": open("/proc/self/cgroup").read()}
    "#;
    let outcome = run(&[], program);
    let seen = outcome.result();
    assert!(outcome.stood("proc"));
    assert_eq!(seen["names"], json!(["self", "thread-self"]));
    assert_eq!(seen["there"], json!([]));
    let groups = seen["cgroup"].as_str().unwrap();
    assert!(!groups.is_empty() && groups.lines().all(|line| line.ends_with(":/")), "{groups}");
}

#[test]
fn init_gives_nothing_away() {
    let program = r#"
        import os
        result = {}
        for name in ("environ", "maps", "mem", "root", "cwd", "exe", "fd", "ns/mnt"):
            path = "/proc/1/" + name
            for way, attempt in (("open", lambda: open(path, "rb").read(1)), ("list", lambda: os.listdir(path)),
                                 ("link", lambda: os.readlink(path))):
                try:
                    result[name + " " + way] = repr(attempt())
                except OSError as error:
                    pass
        control = open("/proc/self/environ", "rb").read(1)
    "#;
    let seen = run(&[], program).result();
    let given: Vec<_> =
        seen.as_object().unwrap().iter().filter(|(_, text)| *text != "b''").collect();
    assert!(given.is_empty(), "{given:?}");
}

#[test]
fn mounts_carry_their_flags() {
    let seen = run(&[], "result = open('/proc/self/mountinfo').read()").result();
    let mounts = seen.as_str().unwrap();
    assert!(mounts.lines().count() > 4, "{mounts}");
    // What is mounted last at a place covers the rest.
    let place_of = |line: &'_ str| line.split(' ').nth(4).unwrap_or_default().to_owned();
    let on_top: BTreeMap<String, &str> =
        mounts.lines().map(|line| (place_of(line), line)).collect();
    for (place, line) in on_top {
        let options: BTreeSet<&str> = line.split(' ').nth(5).unwrap().split(',').collect();
        let has = |option| options.contains(option);
        assert!(has("nosuid"), "{line}");
        assert!(has("nodev") || place.starts_with("/dev/"), "{line}");
        let writable = ["/tmp", "/sandbox", "/outputs", "/dev/shm"].contains(&place.as_str());
        if writable {
            assert!(has("noexec") && has("rw"), "{line}");
        } else {
            assert!(has("ro") || place == "/proc" && has("noexec"), "{line}");
        }
        assert!(!line.contains("shared:") && !line.contains("master:"), "propagates: {line}");
    }
}

#[test]
fn scratch_is_fresh_in_every_run_and_not_the_host_s() {
    let name = super::live::marker();
    let program = r#"
        import os, sys
        found = []
        for place in ("/tmp", "/sandbox", "/outputs", "/dev/shm"):
            found += os.listdir(place)
            with open(os.path.join(place, sys.argv[1]), "w") as file:
                file.write("x")
        result = found
    "#;
    assert_eq!(run_with(&[], program, &[&name]).result(), json!([]));
    assert_eq!(run_with(&[], program, &[&name]).result(), json!([]), "the second run");
    for place in ["/tmp", "/dev/shm"] {
        assert!(!std::path::Path::new(place).join(&name).exists(), "{place} of the host");
    }
}

#[test]
fn the_workspace_is_readable_and_nothing_more() {
    let workspace = tempfile::tempdir().unwrap();
    fs::create_dir(workspace.path().join("deep")).unwrap();
    fs::write(workspace.path().join("deep/file"), "contents").unwrap();
    for path in [workspace.path().to_owned(), workspace.path().join("deep")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let file = workspace.path().join("deep/file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let program = r#"
        import os, sys
        root = sys.argv[1]
        path = root + "/deep/file"
        result = {"read": open(path).read(), "list": os.listdir(root)}
        for name, attempt in (
            ("write", lambda: open(path, "w").write("changed")),
            ("append", lambda: open(path, "a").write("changed")),
            ("create", lambda: open(root + "/new", "w").close()),
            ("mkdir", lambda: os.mkdir(root + "/directory")),
            ("symlink", lambda: os.symlink("/etc/shadow", root + "/link")),
            ("chmod", lambda: os.chmod(path, 0o600)),
            ("rename", lambda: os.rename(path, root + "/moved")),
            ("unlink", lambda: os.unlink(path)),
        ):
            try:
                attempt()
                result[name] = "done"
            except OSError as error:
                result[name] = type(error).__name__
    "#;
    let flags = ["--workspace", workspace.path().to_str().unwrap()];
    let seen = run_with(&flags, program, &["/workspace"]).result();
    assert_eq!((&seen["read"], &seen["list"]), (&json!("contents"), &json!(["deep"])));
    for (attempt, answer) in seen.as_object().unwrap() {
        assert_ne!(answer, "done", "{attempt}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "contents");
    assert_eq!(fs::read_dir(workspace.path()).unwrap().count(), 1);
    let control = outside(program, &[workspace.path().to_str().unwrap()]);
    assert_eq!(control["write"], "done", "the control: outside, the same code changes it");
}

#[test]
fn without_a_workspace_there_is_none() {
    let seen = run(&[], "import os; result = os.path.exists('/workspace')").result();
    assert_eq!(seen, false);
}
