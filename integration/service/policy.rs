//! Configuration that reaches the sandbox, and walls that callers insist on.

use std::fs;

use crate::harness::{Sidecar, is_root, request};

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_refused_rather_than_run_with_less_than_it_asks_for() {
    let sidecar = Sidecar::start(&[]).await;
    let ask = |wall: &str| {
        let mut request = request("result = 1");
        request.required_walls = vec![wall.to_owned()];
        request
    };
    assert!(sidecar.execute(ask("seccomp")).await.unwrap().success);
    let wants_uid = sidecar.execute(ask("distinct_uid")).await.unwrap();
    assert_eq!(wants_uid.success, is_root(), "{}", wants_uid.error);
    if !is_root() {
        assert_eq!(wants_uid.error_type, "SandboxRefused");
        assert_eq!(wants_uid.report.as_ref().unwrap().start, "", "no interpreter was started");
        assert!(wants_uid.error.contains("distinct_uid"), "{}", wants_uid.error);
        assert!(wants_uid.error.contains("as root"), "no fix: {}", wants_uid.error);
    }
    let unknown = sidecar.execute(ask("moat")).await.unwrap();
    assert_eq!(unknown.error_type, "ValueError");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_which_walls_stood_and_what_proves_the_verdict() {
    let sidecar = Sidecar::start(&[("CODEMODE_CODE_TIMEOUT", "1")]).await;
    let report = sidecar.run("result = 1").await.report.expect("a report");
    assert_eq!(report.verdict, "ok");
    assert!(report.walls.len() > 20);
    let seccomp = report.walls.iter().find(|wall| wall.name == "seccomp").unwrap();
    assert!(seccomp.standing);
    for wall in report.walls.iter().filter(|wall| !wall.standing) {
        assert!(!wall.fix.is_empty(), "{} has no fix", wall.name);
    }
    let late = sidecar.run("print('before')\nwhile True: pass").await;
    assert_eq!(late.error, "Execution timeout after 1 seconds");
    assert_eq!(late.stdout, "before\n");
    let report = late.report.unwrap();
    assert!(report.evidence.contains("wall clock 1."), "{}", report.evidence);
    assert!(report.usage.unwrap().wall_ms >= 1000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_execution_is_what_exists_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (workspace, outputs) = (dir.path().join("workspace"), dir.path().join("outputs"));
    fs::create_dir(&workspace).unwrap();
    fs::create_dir(&outputs).unwrap();
    fs::write(workspace.join("data.txt"), "needle\nhay\n").unwrap();
    open_to_all(&[dir.path(), &workspace, &outputs, &workspace.join("data.txt")]);
    let sidecar = Sidecar::start(&[
        ("CODEMODE_ALLOW_DIRECT_EXECUTION", "true"),
        ("CODEMODE_ALLOWED_COMMANDS", "grep,cat"),
        ("CODEMODE_WORKSPACE", workspace.to_str().unwrap()),
        ("CODEMODE_OUTPUTS", outputs.to_str().unwrap()),
    ])
    .await;
    let answer = sidecar
        .run(
            "import os, shutil, subprocess\n\
             found = subprocess.run(['grep', 'needle', '/workspace/data.txt'],\n\
                                    capture_output=True, text=True).stdout\n\
             def tried(call):\n\
             \x20   try:\n\
             \x20       call()\n\
             \x20       return 'done'\n\
             \x20   except OSError as error:\n\
             \x20       return type(error).__name__\n\
             shutil.copy(shutil.which('cat'), '/sandbox/cat')\n\
             os.chmod('/sandbox/cat', 0o755)\n\
             open('/outputs/kept.txt', 'w').write(found)\n\
             result = {\n\
             \x20   'found': found,\n\
             \x20   'which': [shutil.which(name) for name in ('ls', 'sh', 'python')],\n\
             \x20   'ls': tried(lambda: subprocess.run(['/usr/bin/ls'])),\n\
             \x20   'copy': tried(lambda: subprocess.run(['/sandbox/cat', '/dev/null'])),\n\
             \x20   'workspace': tried(lambda: open('/workspace/data.txt', 'w')),\n\
             }",
        )
        .await;
    assert!(answer.success, "{} {}", answer.error, answer.stderr);
    let result: serde_json::Value = serde_json::from_str(&answer.result).unwrap();
    assert_eq!(result["found"], "needle\n");
    assert_eq!(result["which"], serde_json::json!([null, null, null]));
    assert_eq!(result["ls"], "FileNotFoundError");
    assert_eq!(result["copy"], "PermissionError");
    assert_eq!(result["workspace"], "OSError");
    assert_eq!(fs::read_to_string(outputs.join("kept.txt")).unwrap(), "needle\n");
    assert_eq!(fs::read_to_string(workspace.join("data.txt")).unwrap(), "needle\nhay\n");
}

fn open_to_all(paths: &[&std::path::Path]) {
    use std::os::unix::fs::PermissionsExt;
    for path in paths {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn static_checks_are_off_unless_asked_for() {
    let code = "result = eval('1 + 1')";
    assert_eq!(Sidecar::start(&[]).await.run(code).await.result, "2");
    let compat = Sidecar::start(&[("CODEMODE_STATIC_CHECKS", "compat")]).await;
    let refused = compat.run(code).await;
    assert_eq!(refused.error_type, "SecurityViolation");
    assert!(refused.error.starts_with("Security violation: "), "{}", refused.error);
    assert!(compat.run("result = 1 + 1").await.success);
}
