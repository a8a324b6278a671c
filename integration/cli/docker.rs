//! `codemode docker`, as far as it goes without an engine.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::harness::{Desk, binary, free_port, text};

/// No docker and no docker-compose.
const NO_DOCKER: (&str, &str) = ("PATH", "/nowhere");

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docker")
}

/// The files of the repository's directory, without what people make there.
fn repository_files() -> Vec<String> {
    let made = |name: &String| {
        matches!(name.as_str(), "codemode" | ".env") || name.contains("__pycache__")
    };
    files(&repository(), "").into_iter().filter(|name| !made(name)).collect()
}

/// All files below a directory, by their names in it.
fn files(directory: &Path, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(files(&entry.path(), &format!("{name}/")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

#[test]
fn assets_are_the_repositorys_files_and_this_binary() {
    let desk = Desk::new();
    let out = desk.run(&["docker", "assets", "--dest", "side/car"]).done();
    let written = files(&desk.path("side/car"), "");
    let mut listed: Vec<_> = out.lines().map(|line| line.trim_start_matches("side/car/")).collect();
    listed.sort_unstable();
    assert_eq!(listed, written);
    let mut want = repository_files();
    want.push("codemode".to_owned());
    want.sort();
    assert_eq!(written, want, "a file of docker/ is not in the table of src/cli/docker/assets.rs");
    for name in repository_files() {
        let same = fs::read(repository().join(&name)).unwrap()
            == fs::read(desk.path(&format!("side/car/{name}"))).unwrap();
        assert!(same, "{name}");
    }
    let copy = desk.path("side/car/codemode");
    assert!(fs::read(&copy).unwrap() == fs::read(binary()).unwrap());
    assert_eq!(desk.mode("side/car/codemode"), 0o755);
    let output = std::process::Command::new(copy).arg("--version").output().unwrap();
    assert!(output.status.success());
}

#[test]
fn nothing_is_overwritten_unless_forced() {
    let desk = Desk::new();
    desk.write("c/Dockerfile", "mine")
        .write("c/kubernetes/sidecar.yaml", "mine")
        .write("c/own", "mine");
    let words =
        ["c/Dockerfile, c/kubernetes/sidecar.yaml exist already", "nothing was written", "--force"];
    desk.run(&["docker", "assets", "--dest", "c"]).refused(2, &words);
    assert_eq!(files(&desk.path("c"), ""), ["Dockerfile", "kubernetes/sidecar.yaml", "own"]);
    let said = desk.run(&["docker", "assets", "--dest", "c", "--force", "--json"]);
    assert!(said.json()["written"].as_array().unwrap().iter().any(|name| name == "c/codemode"));
    assert_ne!(desk.read("c/Dockerfile"), "mine");
    assert_eq!(desk.read("c/own"), "mine");
    // What was beside its place while it was written is gone.
    assert!(desk.list("c").iter().all(|name| !name.starts_with(".codemode-")));
}

#[test]
fn check_names_what_is_missing_with_its_cure() {
    let desk = Desk::new();
    let port = free_port().to_string();
    let env = [NO_DOCKER, ("CODEMODE_SIDECAR_PORT", &port)];
    let check = |arguments: &[&str]| {
        let said = desk.run_with(&[&["docker", "check", "--json"], arguments].concat(), &env);
        assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
        said.json()
    };
    let of = |report: &serde_json::Value, name: &str| {
        let all = report["checks"].as_array().unwrap();
        all.iter().find(|check| check["name"] == name).unwrap().clone()
    };
    let report = check(&[]);
    for name in [
        "docker",
        "engine",
        "compose",
        "Dockerfile",
        "binary",
        "compose file",
        "seccomp profile",
        "variables",
        "key",
    ] {
        let check = of(&report, name);
        assert_eq!(check["ok"], false, "{check}");
        assert!(!check["cure"].as_str().unwrap().is_empty(), "{check}");
    }
    assert_eq!(of(&report, "port")["ok"], true);

    desk.run(&["docker", "assets", "--dest", "codemode-docker"]).done();
    desk.write("codemode-docker/.env", "CODEMODE_API_KEY='s3cret'\n");
    let report = check(&[]);
    for name in ["Dockerfile", "binary", "compose file", "seccomp profile", "variables", "key"] {
        assert_eq!(of(&report, name)["ok"], true, "{report}");
    }
    assert!(!report.to_string().contains("s3cret"));
    let directory = text(&desk.path("codemode-docker")).to_owned();
    assert_eq!(of(&check(&["--dir", &directory]), "Dockerfile")["ok"], true);

    let said = desk.run_with(&["docker", "check"], &env);
    assert_eq!(said.code, Some(1));
    assert!(
        said.out.contains("MISSING  there is no docker command")
            && said.out.contains("fix: install Docker Engine"),
        "{}",
        said.out
    );
}

#[test]
fn check_sees_a_port_that_is_taken() {
    let desk = Desk::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    desk.write(".env", &format!("CODEMODE_SIDECAR_PORT={}\n", taken.local_addr().unwrap().port()));
    let port = || {
        let said = desk.run_with(&["docker", "check", "--json"], &[NO_DOCKER]);
        let report = said.json();
        report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|check| check["name"] == "port")
            .unwrap()
            .clone()
    };
    assert_eq!(port()["ok"], false);
    drop(taken);
    assert_eq!(port()["ok"], true);
}

#[test]
fn without_a_docker_command_each_command_says_so() {
    let desk = Desk::new();
    desk.run(&["docker", "assets", "--dest", "."]).done();
    desk.write(".env", "CODEMODE_API_KEY=k\n");
    for command in ["build", "start", "stop", "remove", "status"] {
        let words = ["no docker command", "install Docker Engine"];
        desk.run_with(&["docker", command], &[NO_DOCKER]).refused(1, &words);
    }
}

#[test]
fn what_a_command_needs_is_asked_for_first() {
    let desk = Desk::new();
    let words = ["elsewhere has no Dockerfile", "codemode docker assets", "--dir"];
    desk.run(&["docker", "build", "--dir", "elsewhere"]).refused(2, &words);
    // Where no directory is there at all it would make one, but not without an engine to build with.
    desk.run_with(&["docker", "build"], &[NO_DOCKER]).refused(1, &["no docker command"]);
    desk.run(&["docker", "start"]).refused(2, &["no docker-compose.yml", "codemode docker assets"]);
    desk.run(&["docker", "assets", "--dest", "."]).done();
    let words = ["CODEMODE_API_KEY is not set", ".env.template"];
    desk.run(&["docker", "start"]).refused(2, &words);
}

#[test]
fn the_compose_file_passes_every_variable_on() {
    let compose = fs::read_to_string(repository().join("docker-compose.yml")).unwrap();
    let example =
        fs::read_to_string(repository().join("../examples/codemode-sidecar.yaml")).unwrap();
    let variables: Vec<_> = example
        .split(|c: char| !c.is_ascii_uppercase() && c != '_')
        .filter(|word| ["CODEMODE_", "OTEL_", "EXECUTOR_"].iter().any(|p| word.starts_with(p)))
        // The image names its interpreter; the file is what it is mounted as.
        .filter(|word| !["CODEMODE_PYTHON", "CODEMODE_SIDECAR_CONFIG"].contains(word))
        .filter(|word| !word.ends_with('_'))
        .collect();
    assert!(variables.len() > 40, "{variables:?}");
    for variable in variables {
        assert!(compose.contains(&format!("      {variable}: ")), "{variable}");
    }
}
