//! `codemode bench --only peers`: what is compared, and the reference's sidecar among it.

use std::collections::BTreeMap;
use std::fs;

use crate::bench::{home, json, positive, with_home};
use crate::harness::{Desk, skipped};

#[test]
fn what_the_machine_has_is_compared_and_the_rest_is_named() {
    let desk = Desk::new();
    let said = desk.run(&["bench", "--only", "peers", "--runs", "5", "--json"]);
    let results = json(&said);
    let peers = results["peers"].as_array().unwrap();
    let names: Vec<_> = peers.iter().map(|peer| peer["name"].as_str().unwrap()).collect();
    assert_eq!(names, PEERS);
    for peer in peers {
        let (here, failed) = (peer.get("command").is_some(), peer.get("failure").is_some());
        let measured = positive(&peer["p50_ms"]) && positive(&peer["ratio_to_codemode_run"]);
        assert_eq!(measured, here && !failed, "{peer}");
    }
    assert!(positive(&peers[0]["p50_ms"]) && peers[0]["ratio_to_codemode_run"] == 1.0);
    assert!(positive(&peers[1]["p50_ms"]), "{}", peers[1]);
    for row in peers.iter().filter(|peer| peer["name"].as_str().unwrap().starts_with("Execute")) {
        assert!(positive(&row["p50_ms"]) && positive(&row["ratio_to_execute"]), "{row}");
    }
    assert!(peers[10].get("command").is_none(), "{}", peers[10]);
}

const PEERS: [&str; 11] = [
    "codemode run",
    "python3 alone",
    "bwrap, narrow binds",
    "bwrap, / whole",
    "nsjail",
    "crun",
    "runc",
    "runsc",
    "Execute, warm",
    "Execute, fresh",
    "reference sidecar",
];

/// A Python with the reference in it, if there is one: `CODEMODE_TEST_REFERENCE`, or the virtual
/// environment of the client's tests.
fn reference() -> Option<String> {
    let made = concat!(env!("CARGO_TARGET_TMPDIR"), "/client-venv/bin/python").to_owned();
    let named = std::env::var("CODEMODE_TEST_REFERENCE").ok();
    named.into_iter().chain([made]).find(|path| std::path::Path::new(path).exists())
}

#[test]
fn the_reference_is_one_more_peer_and_the_rows_are_compared_with_it() {
    let Some(python) = reference() else {
        return skipped("bench", "no Python with opencodemode; CODEMODE_TEST_REFERENCE names one");
    };
    let desk = Desk::new();
    let home = home(&desk);
    let mut arguments = vec!["bench", "--only", "latency,peers", "--runs", "5", "--json"];
    arguments.extend(["--reference", &python]);
    let results = json(&desk.run_with(&arguments, &[("HOME", &home)]));
    let peer = &results["peers"][10];
    assert!(peer["command"].as_str().unwrap().contains(&python), "{peer}");
    assert!(positive(&peer["samples"]) && positive(&peer["ratio_to_execute"]), "{peer}");
    for row in results["latency"].as_array().unwrap() {
        assert_eq!(positive(&row["reference_ratio"]), row["program"] == "add", "{row}");
        let bwrap = results["peers"][2].get("p50_ms").is_some() && row["program"] == "add";
        assert_eq!(positive(&row["bwrap_ratio"]), bwrap, "{row}");
    }
    assert_eq!(with_home(&home), BTreeMap::new());
}

#[test]
fn a_reference_that_does_not_come_up_is_told_and_is_no_failure_of_ours() {
    let desk = Desk::new();
    desk.write("python", "#!/bin/sh\necho nothing here to serve >&2\nexit 3\n");
    let file = desk.path("python");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let arguments = [
        "bench",
        "--only",
        "peers",
        "--runs",
        "5",
        "--json",
        "--reference",
        file.to_str().unwrap(),
    ];
    let results = json(&desk.run(&arguments));
    let peer = &results["peers"][10];
    assert_eq!(peer["name"], "reference sidecar");
    assert!(peer["failure"].as_str().unwrap().contains("nothing here to serve"), "{peer}");
    assert_eq!(results["failures"], 0);
}
