//! `codemode bench`: figures that were measured, and nothing left running. No test looks at how large they are.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::harness::{Desk, Said, python, skipped};

/// Process → command line, for every living process with this home directory.
pub fn with_home(home: &str) -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let environment = String::from_utf8_lossy(&read("environ")).into_owned();
        if environment.split('\0').any(|variable| variable == format!("HOME={home}")) {
            found.insert(pid, String::from_utf8_lossy(&read("cmdline")).replace('\0', " "));
        }
    }
    found
}

/// All processes below `pid`, whoever they belong to.
fn below(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(pid) = all.get(next).copied() {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(list.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()));
        }
        next += 1;
    }
    all.split_off(1)
}

/// What a bench starts has its home directory, and no other process has this one.
pub fn home(desk: &Desk) -> String {
    let home = desk.path("home");
    fs::create_dir_all(&home).unwrap();
    home.to_str().unwrap().to_owned()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process has ended, reaped or not.
fn ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

pub fn positive(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number > 0.0)
}

pub fn json(said: &Said) -> Value {
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.err.lines().all(|line| line.starts_with("codemode: ")), "{}", said.err);
    said.json()
}

#[test]
fn latency_is_measured_for_each_way_to_start_and_nothing_stays() {
    let desk = Desk::new();
    let home = home(&desk);
    let arguments = ["bench", "--quick", "--only", "latency", "--runs", "8", "--json"];
    let said = desk.run_with(&arguments, &[("HOME", &home)]);
    let results = json(&said);
    let rows = results["latency"].as_array().unwrap();
    let modes = |program: &str| -> Vec<(&str, bool, u64)> {
        let rows = rows.iter().filter(|row| row["program"] == program);
        let mode =
            |row: &'_ Value| (row["ahead"].as_bool().unwrap(), row["pause_ms"].as_u64().unwrap());
        rows.map(|row| (row["start"].as_str().unwrap(), mode(row).0, mode(row).1)).collect()
    };
    let paces = [(true, 100), (true, 0), (false, 0)];
    let each = ["warm", "fresh"].map(|start| paces.map(|(ahead, pause)| (start, ahead, pause)));
    assert_eq!(modes("add"), each.concat(), "{}", said.out);
    let numpy = ["warm", "fresh"].map(|start| [(start, true, 100), (start, false, 0)]).concat();
    match results["skipped"].as_array().unwrap().as_slice() {
        [] => assert_eq!(modes("numpy"), numpy, "{}", said.out),
        skips => {
            assert_eq!(skips[0]["part"], "latency of numpy");
            assert!(skips[0]["why"].as_str().unwrap().contains("no numpy") && rows.len() == 6);
            skipped("bench", "the interpreter of these tests has no numpy");
        }
    }
    for row in rows {
        let runs = if row["program"] == "numpy" && row["start"] == "fresh" { 2 } else { 8 };
        assert_eq!((&row["samples"], &row["failures"]), (&runs.into(), &0.into()), "{row}");
        assert!(positive(&row["dropped"]), "{row}");
        let figures = ["p50_ms", "p90_ms", "p99_ms", "max_ms"].map(|name| &row[name]);
        assert!(figures.iter().all(|figure| positive(figure)), "{row}");
        let figures = figures.map(|figure| figure.as_f64().unwrap());
        assert!(figures.is_sorted(), "{row}");
    }
    let machine = &results["machine"];
    assert_eq!(machine["codemode"], env!("CARGO_PKG_VERSION"));
    assert!(positive(&machine["cpus"]) && positive(&machine["memory_mib"]), "{machine}");
    assert_eq!(machine["root"], nix::unistd::geteuid().is_root());
    let others =
        ["callers", "throughput", "tools", "waiting", "memory", "peers", "limit", "endurance"];
    for absent in others {
        assert!(results.get(absent).is_none(), "{absent}");
    }
    assert_eq!(with_home(&home), BTreeMap::new());
}

#[test]
fn waiting_runs_tools_and_memory_have_their_figures() {
    let desk = Desk::new();
    let arguments =
        ["bench", "--only", "tools,waiting,memory", "--runs", "5", "--waiting", "3", "--json"];
    let results = json(&desk.run(&arguments));
    let tools = &results["tools"];
    assert_eq!((&tools["samples"], &tools["failures"]), (&25.into(), &0.into()), "{tools}");
    assert!(positive(&tools["p50_ms"]), "{tools}");
    let waiting = both_starts(&results["waiting"]);
    for name in ["runs", "waited", "answered", "samples"] {
        assert!(waiting.iter().all(|row| row[name] == 3), "{name}: {waiting:?}");
    }
    let memory = &results["memory"];
    if nix::unistd::geteuid().is_root() {
        assert!(waiting.iter().all(|row| positive(&row["per_run_mib"])), "{waiting:?}");
        let figures = ["idle_mib", "ready_mib", "per_ready_mib"].map(|name| &memory[name]);
        assert!(figures.into_iter().all(positive), "{memory}");
    } else {
        skipped("bench", "the kernel tells root alone what the service's processes hold");
        let unknown =
            |row: &Value| row["per_run_mib"].is_null() && row["memory_unknown"].is_string();
        assert!(waiting.iter().all(unknown), "{waiting:?}");
    }
    assert_eq!(results["failures"], 0);
}

/// A row for each start, in their order.
fn both_starts(rows: &Value) -> &[Value] {
    let rows = rows.as_array().unwrap();
    let starts: Vec<_> = rows.iter().map(|row| row["start"].as_str().unwrap()).collect();
    assert_eq!(starts, ["warm", "fresh"]);
    rows
}

#[test]
fn runs_are_seen_in_namespaces_of_their_own_while_they_are_under_load() {
    let desk = Desk::new();
    let results = json(&desk.run(&["bench", "--only", "throughput", "--seconds", "3", "--json"]));
    for row in both_starts(&results["throughput"]) {
        assert_eq!((&row["callers"], &row["seconds"]), (&8.into(), &3.0.into()), "{row}");
        assert!(positive(&row["runs_per_s"]) && row["failures"] == 0, "{row}");
        let seen = &row["namespaces"];
        assert_eq!((&seen["shared_pairs"], &seen["in_the_hosts"]), (&0.into(), &0.into()), "{row}");
        if seen.get("unknown").is_some() && !nix::unistd::geteuid().is_root() {
            skipped("bench", seen["unknown"].as_str().unwrap());
        } else {
            assert!(["looks", "runs", "at_once"].iter().all(|name| positive(&seen[name])), "{row}");
        }
    }
    assert_eq!(results["failures"], 0);
}

#[test]
fn the_machines_limit_is_measured_without_a_sandbox() {
    let desk = Desk::new();
    let results = json(&desk.run(&["bench", "--only", "limit", "--seconds", "1", "--json"]));
    let rows = results["limit"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["bare"].as_str().unwrap()).collect();
    assert_eq!(names, ["seven_namespaces", "without_network", "fork"]);
    for row in rows {
        if row["bare"] != "fork" && row["failures"] != 0 {
            // The kernel's refusal is none of codemode's failures.
            skipped("bench", row["first_failure"].as_str().unwrap());
            assert_eq!(results["failures"], 0);
            continue;
        }
        assert!(positive(&row["processors"]) && positive(&row["samples"]), "{row}");
        assert!(positive(&row["per_s"]) && row["failures"] == 0, "{row}");
    }
    // Its process is for the bench alone.
    assert!(desk.run_code(&["__bench_limit", "nonsense", "5"], 2).contains("codemode bench"));
}

#[test]
fn what_a_service_holds_is_counted_after_its_first_runs_and_after_its_last() {
    let desk = Desk::new();
    let arguments = ["bench", "--only", "endurance", "--runs", "60", "--json"];
    let said = desk.run(&arguments);
    let results = json(&said);
    let all = &results["endurance"];
    assert_eq!((&all["runs"], &all["failures"]), (&60.into(), &0.into()), "{all}");
    assert!(
        said.err.contains("6 runs, and a census") && said.err.contains("of 60 runs"),
        "{}",
        said.err
    );
    for (side, runs) in [("before", 6), ("after", 60)] {
        let side = &all[side];
        assert_eq!((&side["runs"], &side["samples"]), (&runs.into(), &6.into()), "{side}");
        assert_eq!(side["measured"], 6, "{side}");
        let census = &side["census"];
        let held = census["held"].as_array().unwrap();
        let names: Vec<_> = held.iter().filter_map(|held| held["name"].as_str()).collect();
        assert!(names.starts_with(&["front", "keeper", "launcher"]), "{census}");
        assert!(held.iter().all(|held| positive(&held["rss_mib"])), "{census}");
        // Those that stand ready have two processes each.
        assert!(census["processes"].as_u64().unwrap() >= held.len() as u64 + 8, "{census}");
        assert!(census["namespaces_on_machine"].as_u64() >= census["namespaces"].as_u64());
        if nix::unistd::geteuid().is_root() {
            let figures = ["descriptors", "mounts", "pss_mib"];
            let all_there = |held: &Value| figures.iter().all(|name| positive(&held[name]));
            assert!(held.iter().all(all_there), "{census}");
            // Seven for each that stands ready.
            assert!(census["namespaces"].as_u64().unwrap() >= 4 * 7, "{census}");
        } else {
            skipped("bench", "the kernel tells root alone what the service's processes hold");
        }
    }
    assert!(all["difference"]["processes"].is_i64(), "{all}");
    assert!(positive(&all["p50_ratio"]) && positive(&all["seconds"]), "{all}");
}

#[test]
fn the_curve_is_drawn_as_well_formed_xml() {
    let desk = Desk::new();
    let only = "callers,latency";
    let arguments =
        ["bench", "--only", only, "--seconds", "1", "--runs", "2", "--svg", "curve.svg"];
    let said = desk.run(&arguments);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("runs/s") && said.out.contains("Nothing failed."), "{}", said.out);
    let svg = desk.read("curve.svg");
    let rows = ["One caller", "warm, made ahead, 10 a second", "fresh, none ahead, back to back"];
    for words in
        rows.iter().chain(&["Runs per second", "warm p50", "fresh p99", "codemode", ">64<"])
    {
        assert!(svg.contains(words), "{words:?} is missing in: {svg}");
    }
    let parse =
        "import sys, xml.dom.minidom as dom; print(dom.parse(sys.argv[1]).documentElement.tagName)";
    let mut command = std::process::Command::new(python());
    let output = command.args(["-c", parse]).arg(desk.path("curve.svg")).output().unwrap();
    assert_eq!(output.stdout, b"svg\n", "{}", String::from_utf8_lossy(&output.stderr));
    // A second time it would have to replace the picture: refused before anything is measured.
    desk.run(&arguments).refused(2, &["curve.svg", "--force"]);
}

#[test]
fn mistakes_are_told_before_anything_is_measured() {
    let desk = Desk::new();
    let words = ["--svg", "callers"];
    desk.run(&["bench", "--only", "latency", "--svg", "curve.svg"]).refused(2, &words);
    assert!(!desk.path("curve.svg").exists());
    assert!(desk.run_code(&["bench", "--only", "nonsense"], 2).contains("latency"));
    desk.run_code(&["bench", "--runs", "0"], 2);
    desk.run(&["bench", "--python", "/nonexistent"]).refused(2, &["/nonexistent"]);
    let reference = ["bench", "--reference", "/nonexistent"];
    desk.run(&reference).refused(2, &["/nonexistent", "opencodemode"]);
    let left_out = ["bench", "--only", "latency", "--reference", "/bin/sh"];
    desk.run(&left_out).refused(2, &["--reference", "add peers"]);
}

#[test]
fn failures_are_counted_and_told_and_are_the_exit_code() {
    let desk = Desk::new();
    // Fewer open files than a run is to have: its walls can't stand, and it is refused.
    let binary = crate::harness::binary();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -n 100 && exec \"$0\" bench --only latency --runs 1 --json"]);
    let output = command.arg(binary).current_dir(desk.path("")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    for row in results["latency"].as_array().unwrap() {
        assert!(row.get("p50_ms").is_none() && positive(&row["failures"]), "{row}");
        assert!(row["first_failure"].as_str().unwrap().contains("rlimits"), "{row}");
    }
    assert!(results["failures"].as_u64() > results["latency"][0]["failures"].as_u64());
}

/// A bench under way, whose service is up and runs.
fn under_way(desk: &Desk) -> (Child, Vec<u32>) {
    let arguments = ["bench", "--only", "throughput", "--seconds", "600"];
    let home = home(desk);
    let scratch = desk.path("tmp");
    fs::create_dir_all(&scratch).unwrap();
    let environment = [("HOME", &*home), ("TMPDIR", scratch.to_str().unwrap())];
    let mut command = desk.command(&arguments, &environment);
    let bench = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut started = Vec::new();
    // Below the guard: the front, the keeper, the launcher, and a run's two.
    eventually("runs are under way", || {
        started = below(bench.id());
        let is_guard = |pid: &&u32| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.contains("guard")
        };
        started.iter().find(is_guard).is_some_and(|guard| below(*guard).len() >= 5)
    });
    assert!(!with_home(&home).is_empty(), "what the first test looks for can be seen");
    (bench, started)
}

#[test]
fn whatever_ends_the_bench_ends_all_that_it_started() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        let desk = Desk::new();
        let (mut bench, started) = under_way(&desk);
        kill(Pid::from_raw(bench.id() as i32), signal).unwrap();
        let status = bench.wait().unwrap();
        let code = (signal != Signal::SIGKILL).then_some(130);
        assert_eq!(status.code(), code, "{signal}");
        if code.is_some() {
            let left: Vec<_> = started.iter().filter(|pid| !ended(**pid)).collect();
            assert!(left.is_empty(), "after {signal}: {left:?}");
            assert_eq!(desk.list("tmp"), Vec::<String>::new(), "after {signal}");
        }
        // The guard has its sign from the kernel, and some seconds for it.
        eventually("all have ended", || started.iter().all(|pid| ended(*pid)));
    }
}
