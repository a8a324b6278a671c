//! What a program sees of its host: next to nothing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use serde_json::{Value, json};

use super::harness::{
    CANARY, SECRET, START, ask_python, canary, is_root, outside, python, run, run_with, skip,
};
use super::live::Live;
use super::processes;

const WAIT: &str = "
    import time
    mark()
    time.sleep(60)
";

#[test]
fn the_environment_is_our_five_variables() {
    let seen = run(&[], "import os; result = dict(os.environ)").result();
    let names: BTreeSet<&str> = seen.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["HOME", "LANG", "PATH", "TMPDIR", "USER"]));
    assert_eq!(seen["TMPDIR"], "/tmp");
}

#[test]
fn the_locale_that_the_environment_names_is_there() {
    let here =
        ask_python(python(), "import locale; print(locale.setlocale(locale.LC_ALL, 'C.UTF-8'))");
    if here.is_none() {
        return skip("the_locale_that_the_environment_names_is_there", "this host has no C.UTF-8");
    }
    let seen = run(&[], "import locale; result = locale.setlocale(locale.LC_ALL, '')").result();
    assert_eq!(seen, "C.UTF-8");
}

#[test]
fn the_secret_is_in_the_front_but_in_no_process_behind_it() {
    let live = Live::start(&[], WAIT);
    let environ = |pid: i32| fs::read(format!("/proc/{pid}/environ"));
    let holds = |bytes: &[u8], text: &str| {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    assert!(holds(&environ(live.front_pid).unwrap(), SECRET), "the control");
    assert!(holds(&environ(live.guest.pid).unwrap(), "TMPDIR=/tmp"), "the control");
    for process in live.everything() {
        // An ordinary user may not look into init, which is undumpable.
        match environ(process.pid) {
            Ok(bytes) => assert!(!holds(&bytes, SECRET), "{process:?}"),
            Err(error) => assert!(!is_root() && process != live.guest, "{process:?}: {error}"),
        }
    }
}

#[test]
fn files_of_the_host_are_not_there() {
    let program = r#"
        import sys
        result = {}
        for path in sys.argv[1:]:
            try:
                with open(path) as file:
                    result[path] = len(file.read())
            except OSError as error:
                result[path] = type(error).__name__
    "#;
    let canary = canary();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let paths = [canary.to_str().unwrap(), source, "/etc/shadow", "/etc/hostname", "/etc/passwd"];
    let control = outside(program, &paths[..1]);
    assert_eq!(control[paths[0]], CANARY.len());
    let seen = run_with(&[], program, &paths).result();
    for path in &paths[..4] {
        assert_eq!(seen[path], "FileNotFoundError", "{path}");
    }
    assert!(seen["/etc/passwd"].is_number(), "ours is there: {seen}");
}

#[test]
fn whoever_owns_a_file_has_a_name() {
    let program = r#"
        import grp, os, pathlib, pwd, sys
        own = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
        files = pathlib.Path("/"), pathlib.Path(sys.executable), pathlib.Path("/sandbox")
        result = [own, pwd.getpwnam("root").pw_uid, [(file.owner(), file.group()) for file in files]]
    "#;
    let seen = run(&[], program).result();
    assert_eq!(seen[0], serde_json::json!(["sandbox", "sandbox"]), "{seen}");
    assert_eq!(seen[1], 0, "{seen}");
    for names in seen[2].as_array().unwrap() {
        assert!(names.as_array().unwrap().iter().all(serde_json::Value::is_string), "{seen}");
    }
}

#[test]
fn files_of_the_host_are_not_written() {
    let program = r#"
        import os, sys
        link = sys.argv[2]
        result = []
        for attempt in (
            lambda path: open(path, "w").write("overwritten"),
            lambda path: os.unlink(path),
            lambda path: os.makedirs(os.path.dirname(path)),
            lambda path: os.symlink(path, link) or open(link, "w").write("overwritten"),
        ):
            try:
                attempt(sys.argv[1])
                result.append("done")
            except OSError as error:
                result.append(type(error).__name__)
    "#;
    let directory = tempfile::tempdir().unwrap();
    let (target, link) = (directory.path().join("target"), directory.path().join("link"));
    fs::write(&target, "before").unwrap();
    run_with(&[], program, &[target.to_str().unwrap(), "/tmp/link"]).result();
    assert_eq!(fs::read_to_string(&target).unwrap(), "before");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let control = outside(program, &[target.to_str().unwrap(), link.to_str().unwrap()]);
    assert_eq!(control[1], "done", "the control: outside, the same code gets through");
    assert_eq!(fs::read_to_string(&target).unwrap(), "overwritten");
}

#[test]
fn only_its_own_processes_are_listed() {
    let program = r#"
        import os, time
        child = os.fork()
        if child == 0:
            time.sleep(60)
        listed = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
        result = {"listed": listed, "own": sorted([1, os.getpid(), child])}
    "#;
    let seen = run(&[], program).result();
    assert_eq!(seen["listed"], seen["own"]);
}

#[test]
fn no_process_of_the_host_is_signalled() {
    let mut bystander = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
    let program = r#"
        import os
        delivered = []
        for pid in list(range(2, 70000)) + [-1]:
            if pid == os.getpid():
                continue
            try:
                os.kill(pid, 9)
                delivered.append(pid)
            except OSError:
                pass
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), 9)
        result = {"delivered": delivered, "child": os.waitpid(child, 0)[1]}
    "#;
    let seen = run(&[], program).result();
    let survived = bystander.try_wait().unwrap().is_none();
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    assert!(survived);
    // kill(-1) answers success if it found anyone, ESRCH otherwise; there is nobody but init.
    assert!(seen["delivered"].as_array().unwrap().iter().all(|pid| *pid == -1), "{seen}");
    assert_eq!(seen["child"], 9, "the control: a signal to its own child arrives");
}

#[test]
fn no_descriptor_of_ours_reaches_it() {
    let inherited = File::open(canary()).unwrap();
    fcntl(&inherited, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let live = Live::start(&[], WAIT);
    let open = |pid: i32| {
        let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.collect::<BTreeSet<i32>>()
    };
    assert!(open(live.front_pid).contains(&inherited.as_raw_fd()), "the control");
    assert_eq!(open(live.guest.pid), BTreeSet::from([0, 1, 2, 3]));
}

#[test]
fn the_host_name_says_nothing() {
    let here = nix::unistd::gethostname().unwrap();
    let seen = run(&[], "import socket; result = socket.gethostname()").result();
    assert_eq!(seen, "sandbox");
    assert_ne!(seen, json!(here.to_str().unwrap()));
}

#[test]
fn ids_inside_and_outside() {
    let live = Live::start(&[], WAIT);
    let inside = run(&[], "import os; result = [os.getresuid(), os.getresgid(), os.getgroups()]");
    assert_eq!(inside.result()[0], json!([1000, 1000, 1000]));
    assert_eq!(inside.result()[1], json!([1000, 1000, 1000]));
    let ids = |live: &Live, field| {
        let text = processes::status(live.guest.pid, field);
        text.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>()
    };
    if is_root() {
        for field in ["Uid", "Gid"] {
            let all = ids(&live, field);
            assert!(all.iter().all(|id| *id == all[0] && *id >= 0x7000_0000), "{all:?}");
        }
        assert!(ids(&live, "Groups").is_empty());
    } else {
        let own = nix::unistd::geteuid().as_raw();
        assert_eq!(ids(&live, "Uid"), vec![own; 4]);
    }
}

#[test]
fn two_runs_at_a_time_have_host_ids_of_their_own() {
    if !is_root() {
        return skip("two_runs_at_a_time_have_host_ids_of_their_own", "needs root");
    }
    let (one, other) = (Live::start(&[], WAIT), Live::start(&[], WAIT));
    let uid = |live: &Live| processes::status(live.guest.pid, "Uid");
    assert_ne!(uid(&one), uid(&other), "the wall distinct_uid is said to stand");
}

#[test]
fn no_capability_in_any_set() {
    let live = Live::start(&[], WAIT);
    let inside = run(&[], "result = open('/proc/self/status').read()").result();
    let inside = inside.as_str().unwrap();
    for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(processes::status_line(inside, field), "0000000000000000", "{field}");
        assert_eq!(processes::status(live.guest.pid, field), "0000000000000000", "{field}");
    }
    for (field, value) in [("NoNewPrivs", "1"), ("Seccomp", "2")] {
        assert_eq!(processes::status_line(inside, field), value);
        assert_eq!(processes::status(live.guest.pid, field), value);
    }
}

#[test]
fn init_is_sealed_too() {
    let live = Live::start(&[], WAIT);
    let init = live.init();
    for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(processes::status(init.pid, field), "0000000000000000", "{field}");
    }
    for (field, value) in [("NoNewPrivs", "1"), ("Seccomp", "2")] {
        assert_eq!(processes::status(init.pid, field), value);
    }
}

#[test]
fn every_namespace_is_its_own() {
    let kinds = ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"];
    let program = r#"
        import os
        result = {name: os.readlink("/proc/self/ns/" + name) for name in os.listdir("/proc/self/ns")}
    "#;
    let link = |pid: &str, kind: &str| {
        let link = fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
        Value::from(link.to_str().unwrap())
    };
    let inside = run(&[], program).result();
    let control = outside(program, &[]);
    let live = Live::start(&[], WAIT);
    for kind in kinds {
        let ours = link("self", kind);
        assert_eq!(control[kind], ours, "the control: {kind}");
        assert_ne!(inside[kind], ours, "{kind}");
        assert_ne!(link(&live.guest.pid.to_string(), kind), ours, "{kind} from outside");
    }
}

#[test]
fn only_a_warm_run_has_its_memory_in_large_pages() {
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if numbers < vec![6, 1] || !Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        return skip("only_a_warm_run_has_its_memory_in_large_pages", "this kernel can't");
    }
    // What was the interpreter's file, loaded for all, is memory without a name then.
    let text = "
        sizes = {True: 0, False: 0}
        with open('/proc/self/maps') as maps:
            for line in maps:
                area, mode, *_, last = line.split()
                start, end = (int(number, 16) for number in area.split('-'))
                if mode == 'r-xp':
                    sizes[last.startswith('/')] += end - start
        result = sizes[False] > 1 << 20
    ";
    let outcome = run(&[], text);
    assert_eq!(outcome.result(), json!(START == "warm"), "{outcome:?}");
}
