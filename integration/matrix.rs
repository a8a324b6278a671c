//! Each wall left down in turn, and the attacks that then break something: so it shows that the corpus would
//! notice. Needs a build that can leave walls down (`cargo test --features walls-off --test matrix`).

#![allow(clippy::unwrap_used, clippy::expect_used)]

// Shared with `prove.rs`, which uses the rest.
#[allow(dead_code)]
#[path = "prove/harness.rs"]
mod harness;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

use codemode::policy::Wall;
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

/// Whether the attack went on, or something was seen of it: a program that only fails misses nothing.
fn misses_the_wall(attempt: &Value) -> bool {
    let wrong = |finding: &&Value| finding["right"] == false;
    let wrong: Vec<_> = attempt["findings"].as_array().unwrap().iter().filter(wrong).collect();
    let tried = |finding: &Value| finding["observer"] == "tried";
    let of_its_end =
        |finding: &Value| finding["observer"] == "verdict" || finding["observer"] == "answer";
    !wrong.iter().any(|finding| tried(finding))
        || wrong.iter().any(|finding| !tried(finding) && !of_its_end(finding))
}

fn leave_down(wall: &Wall) -> Row {
    let desk = Desk::new();
    let off = [("CODEMODE_WALLS_OFF", wall.name())];
    let arguments = ["--wall", wall.name(), "--jobs", "4"];
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
    if said.code == Some(2) {
        return Row::Impossible(format!("no attack presses on it ({})", said.err.trim()));
    }
    let report = said.report();
    let refused: Vec<_> = report["walls"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|walls| walls["refused"].as_str())
        .collect();
    if let Some(why) = refused.first().filter(|_| refused.len() == 2) {
        return Row::Impossible((*why).to_owned());
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

#[test]
fn every_wall_that_is_left_down_is_missed() {
    let mut table = String::from("| wall left down | what breaks |\n|---|---|\n");
    let (mut unmissed, mut surprising) = (Vec::new(), Vec::new());
    let chosen = std::env::var("CODEMODE_TEST_WALLS").unwrap_or_default();
    let is_chosen =
        |wall: &&Wall| chosen.is_empty() || chosen.split(',').any(|one| one == wall.name());
    for wall in Wall::ALL.iter().filter(is_chosen) {
        let cell = match leave_down(wall) {
            Row::Impossible(why) => {
                skipped(wall.name(), &why);
                format!("can't be tried: {why}")
            }
            Row::Tried { broken, held } => {
                if broken.is_empty() {
                    unmissed.push(wall.name());
                }
                surprising.extend(held.into_iter().map(|case| format!("{wall}: {case}")));
                broken.into_iter().collect::<Vec<_>>().join(", ")
            }
        };
        let _ = writeln!(table, "| {wall} | {cell} |");
    }
    let mut err = std::io::stderr();
    let _ = writeln!(err, "\n{table}");
    for case in surprising {
        let _ = writeln!(err, "held although its first wall was down: {case}");
    }
    assert!(unmissed.is_empty(), "nothing breaks without {}", unmissed.join(", "));
}
