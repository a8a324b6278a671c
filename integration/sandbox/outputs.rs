//! What a program leaves in `/outputs`: regular files come out, everything else stays.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::harness::{Outcome, run};

fn run_into(target: &Path, text: &str) -> Outcome {
    run(&["--outputs", target.to_str().unwrap()], text)
}

fn outputs(outcome: &Outcome, field: &str) -> u64 {
    outcome.report["usage"]["outputs"][field].as_u64().unwrap_or_else(|| panic!("{outcome:#?}"))
}

#[test]
fn regular_files_are_kept_with_their_contents() {
    let target = tempfile::tempdir().unwrap();
    let outcome = run_into(
        target.path(),
        r#"
            import os
            os.makedirs("/outputs/a/b")
            for path, contents in (("plain", b"one"), ("a/b/deep", bytes(range(256)) * 4096), ("empty", b"")):
                with open("/outputs/" + path, "wb") as file:
                    file.write(contents)
        "#,
    );
    outcome.expect("ok", 0);
    assert_eq!(fs::read(target.path().join("plain")).unwrap(), b"one");
    let deep = fs::read(target.path().join("a/b/deep")).unwrap();
    assert_eq!(deep, (0..=255).cycle().take(256 * 4096).collect::<Vec<u8>>());
    assert_eq!(fs::read(target.path().join("empty")).unwrap(), b"");
    assert_eq!((outputs(&outcome, "files"), outputs(&outcome, "skipped")), (3, 0));
    assert_eq!(outputs(&outcome, "bytes"), 3 + 256 * 4096);
}

#[test]
fn links_and_special_files_are_left_behind_and_counted() {
    let target = tempfile::tempdir().unwrap();
    let outcome = run_into(
        target.path(),
        r#"
            import os, socket
            open("/outputs/file", "w").write("kept")
            os.symlink("/etc/passwd", "/outputs/link")
            os.symlink("/", "/outputs/root")
            os.symlink("..", "/outputs/up")
            os.mkfifo("/outputs/fifo")
            socket.socket(socket.AF_UNIX).bind("/outputs/socket")
        "#,
    );
    outcome.expect("ok", 0);
    assert_eq!((outputs(&outcome, "files"), outputs(&outcome, "skipped")), (1, 5));
    let names: Vec<_> = fs::read_dir(target.path()).unwrap().flatten().collect();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].file_name(), "file");
}

#[test]
fn a_link_in_the_target_is_never_written_through() {
    let (target, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let canary = elsewhere.path().join("canary");
    fs::write(&canary, "untouched").unwrap();
    symlink(&canary, target.path().join("trap")).unwrap();
    symlink(elsewhere.path(), target.path().join("directory")).unwrap();
    let outcome = run_into(
        target.path(),
        r#"
            import os
            open("/outputs/trap", "w").write("overwritten")
            os.mkdir("/outputs/directory")
            open("/outputs/directory/canary", "w").write("overwritten")
        "#,
    );
    outcome.expect("ok", 0);
    assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched");
    assert_eq!(fs::read_to_string(target.path().join("trap")).unwrap(), "overwritten");
    assert_eq!(outputs(&outcome, "failed"), 1);
}

#[test]
fn modes_and_owners_are_ours() {
    let target = tempfile::tempdir().unwrap();
    let outcome = run_into(
        target.path(),
        r#"
            import os
            os.mkdir("/outputs/closed")
            for name, mode in (("setuid", 0o6777), ("unreadable", 0), ("closed/inside", 0o400)):
                with open("/outputs/" + name, "w") as file:
                    file.write(name)
                os.chmod("/outputs/" + name, mode)
            os.chmod("/outputs/closed", 0)
            os.chmod("/outputs", 0)
        "#,
    );
    outcome.expect("ok", 0);
    for name in ["setuid", "unreadable", "closed/inside"] {
        let path = target.path().join(name);
        let meta =
            fs::metadata(&path).unwrap_or_else(|error| panic!("{name}: {error} {outcome:#?}"));
        assert_eq!(meta.permissions().mode() & 0o7111, 0, "{name}");
        assert_eq!(meta.uid(), nix::unistd::geteuid().as_raw(), "{name}");
        assert_eq!(fs::read_to_string(&path).unwrap(), name);
    }
}

#[test]
fn over_deep_directories_are_left_behind() {
    let target = tempfile::tempdir().unwrap();
    let outcome = run_into(
        target.path(),
        r#"
            import os
            path = "/outputs"
            for depth in range(100):
                path += "/d"
                os.mkdir(path)
                open(path + "/file", "w").close()
        "#,
    );
    outcome.expect("ok", 0);
    assert_eq!((outputs(&outcome, "files"), outputs(&outcome, "skipped")), (32, 1));
}

#[test]
fn hard_links_and_sparse_files_cost_no_more_than_the_limit_lets_them() {
    let target = tempfile::tempdir().unwrap();
    let outcome = run(
        &[
            "--outputs",
            target.path().to_str().unwrap(),
            "--scratch-size",
            "4M",
            "--file-size",
            "4M",
        ],
        r#"
            import os
            with open("/outputs/0", "wb") as file:
                file.truncate(4 << 20)
            for at in range(1, 200):
                os.link("/outputs/0", "/outputs/%d" % at)
        "#,
    );
    outcome.expect("ok", 0);
    let allocated: u64 = fs::read_dir(target.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.metadata().unwrap().blocks() * 512)
        .sum();
    assert!(allocated <= 4 << 20, "4 MiB of scratch became {allocated} bytes on the host");
}

#[test]
fn files_of_a_failed_run_are_kept_too() {
    let target = tempfile::tempdir().unwrap();
    let text = "open('/outputs/file', 'w').write('kept')\nraise ValueError";
    run_into(target.path(), text).expect("exception", 1);
    assert_eq!(fs::read_to_string(target.path().join("file")).unwrap(), "kept");
    let text = "open('/outputs/late', 'w').write('kept')\nimport time; time.sleep(60)";
    let target_text = target.path().to_str().unwrap();
    run(&["--outputs", target_text, "--timeout", "0.5"], text).expect("timeout", 124);
    assert_eq!(fs::read_to_string(target.path().join("late")).unwrap(), "kept");
}

#[test]
fn without_the_flag_nothing_is_kept_or_counted() {
    let outcome = run(&[], "open('/outputs/file', 'w').write('x')");
    outcome.expect("ok", 0);
    assert!(outcome.report["usage"]["outputs"].is_null());
}
