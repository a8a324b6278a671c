//! `codemode tls generate-certs`. That service and client accept them, the tests of health and of the client show.

use std::process::Command;

use crate::harness::{Desk, has, skipped};

const FILES: [&str; 6] =
    ["ca.crt", "ca.key", "client.crt", "client.key", "server.crt", "server.key"];

#[test]
fn keys_are_the_owners_alone() {
    let desk = Desk::new();
    let said = desk.run(&["tls", "generate-certs", "--output", "deep/certs", "--json"]);
    assert_eq!(said.json()["files"].as_array().unwrap().len(), 6);
    assert_eq!(desk.list("deep/certs"), FILES);
    assert_eq!(desk.mode("deep/certs"), 0o700);
    for name in FILES {
        let mode = if name.ends_with(".key") { 0o600 } else { 0o644 };
        assert_eq!(desk.mode(&format!("deep/certs/{name}")), mode, "{name}");
    }
}

#[test]
fn files_that_exist_are_all_named_and_kept_unless_forced() {
    let desk = Desk::new();
    desk.write("certs/ca.key", "mine").write("certs/client.crt", "mine");
    let words = ["certs/ca.key", "certs/client.crt", "--force"];
    desk.run(&["tls", "generate-certs", "--output", "certs"]).refused(2, &words);
    assert_eq!(desk.list("certs"), ["ca.key", "client.crt"]);
    assert_eq!(desk.read("certs/ca.key"), "mine");
    desk.run(&["tls", "generate-certs", "--output", "certs", "--force"]).done();
    assert_eq!(desk.list("certs"), FILES);
    assert!(desk.read("certs/ca.key").contains("PRIVATE KEY"));
    assert_eq!(desk.mode("certs/ca.key"), 0o600);
}

#[test]
fn the_chain_names_and_purposes_are_right() {
    if !has("openssl") {
        return skipped("tls", "the openssl command is not installed");
    }
    let desk = Desk::new();
    let names = ["--san", "sidecar.example.com", "--san", "10.1.2.3"];
    let arguments =
        [&["tls", "generate-certs", "--output", "c", "--days", "2"][..], &names].concat();
    desk.run(&arguments).done();
    let openssl = |arguments: &[&str]| {
        let output =
            Command::new("openssl").args(arguments).current_dir(desk.path("c")).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let verify = |purpose: &str, host: &str, file: &str| {
        let mut arguments =
            vec!["verify", "-x509_strict", "-CAfile", "ca.crt", "-purpose", purpose];
        if !host.is_empty() {
            arguments.extend(["-verify_hostname", host]);
        }
        arguments.push(file);
        openssl(&arguments).0
    };
    for host in [
        "localhost",
        "host.docker.internal",
        "codemode-executor",
        "codemode-sidecar",
        "sidecar.example.com",
    ] {
        assert!(verify("sslserver", host, "server.crt"), "{host}");
    }
    assert!(!verify("sslserver", "elsewhere.example.com", "server.crt"));
    assert!(verify("sslclient", "", "client.crt"));
    assert!(!verify("sslserver", "", "client.crt") && !verify("sslclient", "", "server.crt"));
    let (_, text) = openssl(&["x509", "-in", "server.crt", "-noout", "-ext", "subjectAltName"]);
    for address in ["127.0.0.1", "0:0:0:0:0:0:0:1", "10.1.2.3"] {
        assert!(text.contains(&format!("IP Address:{address}")), "{text}");
    }
    let day = 24 * 60 * 60;
    let lives = |days: u32| {
        openssl(&["x509", "-in", "server.crt", "-noout", "-checkend", &(days * day).to_string()]).0
    };
    assert!(lives(1) && !lives(3));
}

#[test]
fn names_that_are_none_are_refused() {
    let desk = Desk::new();
    for name in ["a b", "http://x", "", "-x.org"] {
        let san = format!("--san={name}");
        desk.run(&["tls", "generate-certs", "--output", "c", &san])
            .refused(2, &["--san", "IP address"]);
    }
    assert!(desk.list("").is_empty());
}
