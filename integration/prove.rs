//! `codemode prove` by the built binary: the whole corpus on this host, and what it says when a wall breaks.
//!
//! As root and as an ordinary user; what a host can't try is printed as `skipped: ...`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "prove/harness.rs"]
mod harness;

use std::collections::BTreeMap;
use std::fs;

use harness::{Desk, families, free_port, skipped};
use serde_json::Value;

fn holds(report: &Value) {
    let mut untried: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let attempts = report["attempts"].as_array().unwrap();
    let broken: Vec<_> = attempts
        .iter()
        .filter(|attempt| attempt["outcome"] == "broken")
        .map(|attempt| format!("{} ({}): {}", attempt["case"], attempt["start"], attempt["why"]))
        .collect();
    for attempt in attempts.iter().filter(|attempt| attempt["outcome"] == "not_tried") {
        let why = attempt["why"].as_str().unwrap();
        untried.entry(why).or_default().push(attempt["case"].as_str().unwrap());
    }
    for (why, cases) in untried {
        skipped(&cases.join(", "), why);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(report["held"].as_u64().unwrap() > 0, "nothing was tried");
}

/// One test for each family and start, so that it is seen which one takes how long. They run at once; attacks that
/// exhaust something do so by themselves in each.
macro_rules! family {
    ($($name:ident),*) => {$(
        mod $name {
            use super::super::{Desk, holds};

            fn starting(start: &str) {
                let arguments = ["--family", stringify!($name), "--start", start, "--jobs", "6"];
                holds(&Desk::new().prove_all(&arguments, &[]).report());
            }

            #[test]
            fn fresh() {
                starting("fresh");
            }

            #[test]
            fn warm() {
                starting("warm");
            }
        }
    )*};
}

mod every_attack_of_the_family_is_held {
    family!(information, files, network, privilege, kernel, exhaustion, protocol, lifetime);

    #[test]
    fn and_there_is_no_other_family() {
        let tested = [
            "information",
            "files",
            "network",
            "privilege",
            "kernel",
            "exhaustion",
            "protocol",
            "lifetime",
        ];
        assert_eq!(super::families(), tested);
    }
}

/// A case that breaks by what is seen from outside, and one that differs in nothing but that.
#[test]
fn what_is_not_held_is_told_with_the_evidence() {
    let desk = Desk::new();
    let pairs = [
        ("word", "gained('it worked')", "tried('it did not')"),
        ("verdict", "tried('it')\nraise SystemExit(3)", "tried('it')"),
        ("tried", "pass", "tried('it')"),
        ("bounded", "tried('it')\nprint('x' * 100)", "tried('it')\nprint('x')"),
        ("looked:seccomp", "tried('it')", "tried('it')\nhold()"),
        (
            "kept",
            "tried('it')\nimport os\nopen('/outputs/x', 'w').write(loud)",
            "tried('it')\nopen('/outputs/x', 'w').write('x')",
        ),
        ("answer", "import time\ntried('it')\ntime.sleep(2)", "tried('it')"),
    ];
    for (observer, broken, held) in pairs {
        let own = match observer {
            "word" | "verdict" | "tried" | "answer" => String::new(),
            "bounded" => "# observe: bounded\n# run: --output 40\n".to_owned(),
            name => format!("# observe: {name}\n"),
        };
        let head = format!("\"\"\"Tries.\"\"\"\n# walls: seccomp\n# within: 1\n{own}");
        let head = if observer == "answer" { head } else { head.replace("# within: 1\n", "") };
        desk.case("kernel/broken", &format!("{head}loud = 'x' * (200 << 20)\n{broken}\n"));
        desk.case("kernel/held", &format!("{head}{held}\n"));
        let report = desk.prove(&["--corpus", "corpus", "--start", "fresh"]).report();
        let of = |name: &str| {
            let attempts = report["attempts"].as_array().unwrap();
            attempts.iter().find(|attempt| attempt["case"] == name).unwrap().clone()
        };
        assert_eq!(of("kernel/held")["outcome"], "held", "{observer}: {}", of("kernel/held"));
        let attempt = of("kernel/broken");
        assert_eq!(attempt["outcome"], "broken", "{observer}: {attempt}");
    }
}

#[test]
fn it_exits_with_what_it_found() {
    let desk = Desk::new();
    let case =
        |body: &str, more: &str| format!("\"\"\"Tries.\"\"\"\n# walls: seccomp\n{more}{body}\n");
    desk.case("kernel/one", &case("tried('it')", ""));
    let run = |more: &[&str]| {
        desk.prove(&[&["--corpus", "corpus", "--start", "fresh"], more].concat()).code
    };
    assert_eq!(run(&[]), Some(0));
    desk.case("kernel/two", &case("gained('it')", ""));
    assert_eq!(run(&[]), Some(1));
    assert_eq!(run(&["--case", "one"]), Some(0));
    assert_eq!(run(&["--case", "nothing"]), Some(2));
    let needs =
        if nix::unistd::geteuid().is_root() { "# needs: ordinary\n" } else { "# needs: root\n" };
    desk.case("kernel/three", &case("tried('it')", needs));
    assert_eq!(run(&["--case", "three"]), Some(3));
    desk.case("kernel/four", "\"\"\"Tries.\"\"\"\n# walls: moat\n");
    let said = desk.prove(&["--corpus", "corpus"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("kernel/four.py: line 2: walls: unknown wall"), "{}", said.err);
}

#[test]
fn a_report_for_a_review_has_what_was_tried_and_seen() {
    let desk = Desk::new();
    desk.case(
        "kernel/one",
        "\"\"\"Tries a thing.\"\"\"\n# walls: seccomp\ntried('<b>a step</b>')\n",
    );
    let arguments = ["--corpus", "corpus", "--start", "fresh", "--report", "review.md"];
    assert_eq!(desk.prove(&arguments).code, Some(0));
    let text = fs::read_to_string(desk.path("review.md")).unwrap();
    for part in [
        "## By family",
        "| kernel | fresh | 1 | 0 | 0 |",
        "### kernel/one (fresh)",
        "Tries a thing.",
        "`unheard`",
        "\\<b\\>a step",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let again = desk.prove(&arguments);
    assert_eq!(again.code, Some(2), "{}", again.err);
}

#[test]
fn nothing_is_left_of_it() {
    let desk = Desk::new();
    desk.case("kernel/one", "\"\"\"Tries.\"\"\"\n# walls: seccomp\n# needs: tools\ntried(tools['echo'].run(value='x'))\n");
    assert_eq!(desk.prove(&["--corpus", "corpus"]).code, Some(0));
    assert_eq!(desk.left(), Vec::<String>::new());
    // And of one that is interrupted.
    desk.case("kernel/one", "\"\"\"Tries.\"\"\"\n# walls: seccomp\nimport time\ntime.sleep(25)\n");
    desk.interrupted(&["--corpus", "corpus", "--start", "fresh"]);
    assert_eq!(desk.left(), Vec::<String>::new());
}

#[test]
fn of_a_service_elsewhere_its_answers_are_judged() {
    let desk = Desk::new();
    desk.case("kernel/word", "\"\"\"Tries.\"\"\"\n# walls: seccomp\ntried('it')\n");
    let called =
        "# needs: tools\n# observe: counted:1 neighbour\ntried(tools['echo'].run(value='x'))\n";
    desk.case("protocol/called", &format!("\"\"\"Calls.\"\"\"\n# walls: seccomp\n{called}"));
    desk.case(
        "protocol/over",
        &format!("\"\"\"Calls.\"\"\"\n# walls: seccomp\n{}", called.replace(":1", ":2")),
    );
    desk.case("files/aims", "\"\"\"Reads.\"\"\"\n# walls: root\ntried(aim.file)\n");
    let application = format!("127.0.0.1:{}", free_port());
    let service = desk.serve(&application);
    let key = [("CODEMODE_API_KEY", harness::KEY)];
    let outcomes = |more: &[&str]| {
        let arguments = [&["--corpus", "corpus", "--connect", &service.address], more].concat();
        let said = desk.prove_with(&arguments, &key);
        let report = said.report();
        let attempts = report["attempts"].as_array().unwrap();
        let pairs = attempts.iter().map(|one| (one["case"].clone(), one["outcome"].clone()));
        (said.code, pairs.collect::<Vec<_>>())
    };
    let all = |tools: [&str; 2]| {
        let [called, over] = tools;
        [
            ("files/aims", "not_tried"),
            ("kernel/word", "held"),
            ("protocol/called", called),
            ("protocol/over", over),
        ]
        .map(|(case, outcome)| (case.into(), outcome.into()))
        .to_vec()
    };
    assert_eq!(outcomes(&[]), (Some(0), all(["not_tried", "not_tried"])));
    assert_eq!(outcomes(&["--application", &application]), (Some(1), all(["held", "broken"])));
    let wrong = desk.prove_with(&["--connect", &service.address, "--corpus", "corpus"], &[]);
    assert_eq!(wrong.code, Some(3), "{}{}", wrong.out, wrong.err);
}
