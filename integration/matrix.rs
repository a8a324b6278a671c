//! Each wall left down in turn, and the attacks that then break something: so it shows that the corpus would
//! notice. Needs a build that can leave walls down (`cargo test --features walls-off --test matrix`).
//!
//! `CODEMODE_TEST_WALLS` names some walls in place of all; `CODEMODE_TEST_WRITE=1` puts what came out into the
//! table of `docs/prove.md`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

// Shared with `prove.rs`, which uses the rest.
#[allow(dead_code)]
#[path = "prove/harness.rs"]
mod harness;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use codemode::policy::Wall;
use codemode::prove::{Corpus, Family};
use harness::{Desk, skipped};
use serde_json::Value;

/// Does it on a network of its own, with nobody on it.
fn off_the_network<T: Send>(proof: impl FnOnce() -> T + Send) -> nix::Result<T> {
    std::thread::scope(|scope| {
        let apart = scope.spawn(|| {
            // Of this thread, and of whatever it starts.
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)?;
            codemode::sys::loopback_up()?;
            Ok(proof())
        });
        apart.join().expect("the proof does not panic")
    })
}

/// What came of leaving one wall down.
enum Row {
    /// These broke; those which by their header should have, and did not.
    Tried {
        broken: BTreeSet<String>,
        held: BTreeSet<String>,
    },
    Impossible(String),
}

/// Whether something was seen of it. A program that fails before it attacked misses nothing, whatever its verdict; nor
/// does one that is late, as any is on a busy machine.
fn misses_the_wall(attempt: &Value) -> bool {
    let findings = attempt["findings"].as_array().unwrap().iter();
    let wrong = findings.filter(|finding| finding["right"] == false);
    let wrong: BTreeSet<_> = wrong.map(|finding| finding["observer"].as_str().unwrap()).collect();
    let of_its_end: &[&str] =
        if wrong.contains("tried") { &["tried", "verdict", "answer"] } else { &["answer"] };
    wrong.iter().any(|observer| !of_its_end.contains(observer))
}

/// Whose attacks take long, or are run one at a time.
const SLOW: [Family; 3] = [Family::Exhaustion, Family::Protocol, Family::Lifetime];

/// The attacks to be tried without a wall: all that press on it, but of the slow families only those that it alone
/// holds, by their header. The others end as ever.
fn attacks_on(wall: Wall) -> Vec<String> {
    let corpus = match std::env::var_os("CODEMODE_TEST_CORPUS") {
        Some(directory) => Corpus::in_directory(Path::new(&directory)),
        None => Corpus::embedded(),
    };
    let cases = corpus.unwrap().cases.into_iter().filter(|case| {
        let header = &case.header;
        let alone = header.walls.first() == Some(&wall) && !header.depth;
        alone || header.walls.contains(&wall) && !SLOW.contains(&case.family)
    });
    cases.map(|case| case.name).collect()
}

/// Names of the walls that don't stand on this host with all put up.
fn missing_walls() -> BTreeSet<String> {
    let mut doctor = Command::new(harness::binary());
    let output = doctor.args(["doctor", "--json"]).env_remove("CODEMODE_WALLS_OFF").output();
    let report: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    let walls = report["walls"].as_array().unwrap().iter();
    let missing = walls.filter(|wall| wall["standing"] == false);
    missing.map(|wall| wall["wall"].as_str().unwrap().to_owned()).collect()
}

fn leave_down(wall: &Wall, missing: &BTreeSet<String>) -> Row {
    let desk = Desk::new();
    // What nobody misses, since it was never there.
    if missing.contains(wall.name()) {
        return Row::Impossible("it does not stand here in any case".to_owned());
    }
    let off = [("CODEMODE_WALLS_OFF", wall.name())];
    let attacks = attacks_on(*wall);
    if attacks.is_empty() {
        return Row::Impossible("no attack presses on it".to_owned());
    }
    let each = attacks.iter().flat_map(|attack| ["--case", attack.as_str()]);
    let arguments: Vec<_> = each.chain(["--jobs", "4"]).collect();
    let said = if *wall == Wall::NetworkNamespace {
        match off_the_network(|| desk.prove_all(&arguments, &off)) {
            Ok(said) => said,
            Err(errno) => {
                let why =
                    "attacks would reach others' machines, and nothing keeps them off the network";
                return Row::Impossible(format!("{why} without root ({errno})"));
            }
        }
    } else {
        desk.prove_all(&arguments, &off)
    };
    let report = said.report();
    let refused: Vec<_> = report["walls"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|walls| walls["refused"].as_str())
        .collect();
    if let Some(why) = refused.first().filter(|_| refused.len() == 2) {
        let why = why.split_once("can't be left down alone: ").map_or(*why, |(_, why)| why);
        return Row::Impossible(why.to_owned());
    }
    let attempts = report["attempts"].as_array().unwrap();
    let name = |attempt: &Value| attempt["case"].as_str().unwrap().to_owned();
    let of = |outcome: &'static str| {
        attempts.iter().filter(move |attempt| attempt["outcome"] == outcome)
    };
    let broken: BTreeSet<_> =
        of("broken").filter(|attempt| misses_the_wall(attempt)).map(name).collect();
    let alone = |attempt: &&Value| attempt["walls"][0] == wall.name() && attempt["depth"] == false;
    let held = of("held").filter(alone).map(name).filter(|name| !broken.contains(name)).collect();
    Row::Tried { broken, held }
}

/// A row of the table, as `docs/prove.md` has it.
fn row(wall: Wall, cell: &str) -> String {
    format!("| `{wall}` | {cell} |")
}

/// Puts rows in the place of those that `docs/prove.md` has.
fn write(rows: &[(Wall, String)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/prove.md");
    let line = |line: &str| {
        let new = rows.iter().find(|(wall, _)| line.starts_with(&format!("| `{wall}` |")));
        new.map_or_else(|| line.to_owned(), |(wall, cell)| row(*wall, cell)) + "\n"
    };
    let text: String = std::fs::read_to_string(&path).unwrap().lines().map(line).collect();
    std::fs::write(path, text).unwrap();
}

#[test]
fn every_wall_that_is_left_down_is_missed() {
    let missing = missing_walls();
    let mut rows = Vec::new();
    let (mut unmissed, mut surprising) = (Vec::new(), Vec::new());
    let chosen = std::env::var("CODEMODE_TEST_WALLS").unwrap_or_default();
    let is_chosen =
        |wall: &&Wall| chosen.is_empty() || chosen.split(',').any(|one| one == wall.name());
    let mut err = std::io::stderr();
    for wall in Wall::ALL.iter().filter(is_chosen) {
        let begun = Instant::now();
        let cell = match leave_down(wall, &missing) {
            Row::Impossible(why) => {
                skipped(wall.name(), &why);
                format!("can't be tried: {why}")
            }
            Row::Tried { broken, held } => {
                if broken.is_empty() {
                    unmissed.push(wall.name());
                }
                surprising.extend(held.into_iter().map(|case| format!("{wall}: {case}")));
                broken.iter().map(|case| format!("`{case}`")).collect::<Vec<_>>().join(", ")
            }
        };
        let _ = writeln!(err, "{wall}: {:.0} s", begun.elapsed().as_secs_f64());
        rows.push((*wall, cell));
        if std::env::var_os("CODEMODE_TEST_WRITE").is_some() {
            write(&rows);
        }
    }
    let mut table = String::from("| left down | what breaks |\n|---|---|\n");
    for (wall, cell) in &rows {
        let _ = writeln!(table, "{}", row(*wall, cell));
    }
    let _ = writeln!(err, "\n{table}");
    for case in surprising {
        let _ = writeln!(err, "held although its first wall was down: {case}");
    }
    assert!(unmissed.is_empty(), "nothing breaks without {}", unmissed.join(", "));
}
