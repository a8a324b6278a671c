//! Where interpreters come from, and what they have loaded.

use super::{Bench, assert_contains};
use crate::config::{Start, parse_modules};

fn preload(bench: &Bench) -> Vec<String> {
    bench.load().unwrap().preload
}

#[test]
fn a_start_is_warm_unless_a_fresh_one_is_asked_for() {
    let start = |bench: Bench| bench.load().unwrap().start;
    assert_eq!(start(Bench::new()), Start::Warm);
    assert_eq!(start(Bench::new().with_file("start: fresh")), Start::Fresh);
    let file = Bench::new().with_file("start: fresh");
    assert_eq!(start(file.with_env("CODEMODE_START", "WARM")), Start::Warm);
    assert_eq!(start(Bench::new().with_env("CODEMODE_START", "fresh")), Start::Fresh);
    assert_eq!(start(Bench::new().with_env("CODEMODE_START", "")), Start::Warm);
}

#[test]
fn modules_are_read_from_a_list_or_a_text_and_count_once() {
    for none in ["", "preload:", "preload: []", "preload: ''"] {
        assert_eq!(preload(&Bench::new().with_file(none)), Vec::<String>::new(), "{none:?}");
    }
    let want = ["numpy", "os.path"];
    for text in [
        "preload: [numpy, os.path]",
        "preload:\n- numpy\n- ' os.path '\n- numpy\n",
        "preload: numpy, os.path, numpy,",
    ] {
        assert_eq!(preload(&Bench::new().with_file(text)), want, "{text:?}");
    }
    // A variable stands in the place of the file's list, as everywhere.
    let both = Bench::new().with_file("preload: [pandas]");
    assert_eq!(preload(&both.with_env("CODEMODE_PRELOAD", "numpy,os.path , numpy")), want);
}

#[test]
fn what_is_no_start_and_no_module_is_refused_with_its_place() {
    let yaml = "start: hot\n# modules\npreload: [numpy, \"2fast\"]\n";
    let (report, count) = Bench::new().with_file(yaml).report();
    assert_eq!(count, 2, "{report}");
    assert_contains(
        &report,
        &[
            "start (codemode-sidecar.yaml line 1, column 1): \"hot\" is not allowed; give one of warm, fresh",
            "preload (codemode-sidecar.yaml line 3, column 1): \"2fast\" is not allowed; give at most 64 names",
        ],
    );
    for name in ["a b", "a-b", "a..b", "os.", "/etc/passwd", "a;import b", "\u{e9}"] {
        let (report, count) = Bench::new().with_env("CODEMODE_PRELOAD", name).report();
        assert_eq!(count, 1, "{report}");
        assert_contains(&report, &["CODEMODE_PRELOAD (preload): ", &format!("{name:?}")]);
    }
    for shape in
        ["preload: [1]", "preload: true", "preload: {a: b}", "preload: ['']", "start: [warm]"]
    {
        assert_eq!(Bench::new().with_file(shape).report().1, 1, "{shape}");
    }
}

#[test]
fn neither_more_names_nor_longer_ones_than_allowed() {
    let list = |count: usize| (0..count).map(|n| format!("m{n}")).collect::<Vec<_>>().join(",");
    let load = |text: &str| Bench::new().with_env("CODEMODE_PRELOAD", text);
    assert_eq!(preload(&load(&list(64))).len(), 64);
    // Those that stand twice don't count.
    assert_eq!(preload(&load(&format!("{0},{0}", list(64)))).len(), 64);
    assert_contains(&load(&list(65)).report().0, &["a list of 65 is not allowed; give at most 64"]);
    assert_eq!(preload(&load(&"m".repeat(128))).len(), 1);
    assert_contains(&load(&"m".repeat(129)).report().0, &["each of at most 128 bytes"]);
}

#[test]
fn modules_without_a_warm_interpreter_are_warned_about() {
    let warnings = |yaml: &str| Bench::new().with_file(yaml).load().unwrap().warnings;
    let said = warnings("start: fresh\npreload: [numpy]");
    assert_eq!(said.len(), 1, "{said:?}");
    assert_contains(&said[0], &["preload has no effect", "warm"]);
    for quiet in ["start: fresh", "preload: [numpy]", "start: fresh\npreload: []"] {
        assert_eq!(warnings(quiet), Vec::<String>::new(), "{quiet}");
    }
}

#[test]
fn the_command_line_reads_names_by_the_same_rules() {
    assert_eq!(parse_modules(""), Ok(vec![]));
    assert_eq!(parse_modules("a, b.c,a"), Ok(vec!["a".to_owned(), "b.c".to_owned()]));
    let refused = parse_modules("a,b-c").unwrap_err();
    assert_contains(&refused, &["\"b-c\" is not allowed; give at most 64 names of modules"]);
}
