//! `start` and `preload`: in files, as variables and as flags.

use crate::harness::{Desk, Said};

/// What doctor says is configured. Whether this host can make a sandbox does not matter for that.
fn configured(said: &Said) -> (String, Vec<String>) {
    assert!(matches!(said.code, Some(0 | 1)), "{}{}", said.out, said.err);
    let diagnosis = said.json();
    let preload = diagnosis["preload"].as_array().unwrap().iter();
    (
        diagnosis["start"].as_str().unwrap().to_owned(),
        preload.map(|name| name.as_str().unwrap().to_owned()).collect(),
    )
}

#[test]
fn doctor_says_which_start_and_which_modules() {
    let desk = Desk::new();
    let (start, usual) = configured(&desk.run(&["doctor", "--json"]));
    assert_eq!(start, "warm");
    assert!(
        ["json", "asyncio", "concurrent.futures"]
            .iter()
            .all(|name| usual.contains(&(*name).into()))
    );
    // Those of the standard library: there in every Python.
    let more = ["csv", "urllib.parse"].map(str::to_owned);
    let all = [usual.as_slice(), &more].concat();
    for arguments in [
        &["--preload", "csv", "--preload", "urllib.parse"][..],
        &["--preload", "csv,urllib.parse,json"],
    ] {
        let arguments = [&["doctor", "--json"], arguments].concat();
        assert_eq!(configured(&desk.run(&arguments)), ("warm".to_owned(), all.clone()));
    }
    let env = [("CODEMODE_PRELOAD", "csv,urllib.parse")];
    assert_eq!(configured(&desk.run_with(&["doctor", "--json"], &env)).1, all);
    let text = desk.run_with(&["doctor"], &env).out;
    assert!(text.contains("start of a run") && text.contains("csv urllib.parse"), "{text}");
}

#[test]
fn doctor_takes_a_fresh_start_by_flag_before_the_variable() {
    let desk = Desk::new();
    let fresh = ("fresh".to_owned(), vec![]);
    assert_eq!(configured(&desk.run(&["doctor", "--json", "--start", "fresh"])), fresh);
    let env = [("CODEMODE_START", "fresh"), ("CODEMODE_PRELOAD", "csv")];
    assert_eq!(configured(&desk.run_with(&["doctor", "--json"], &env)), fresh);
    let said = desk.run_with(&["doctor", "--json", "--start", "warm"], &env);
    assert_eq!(configured(&said).0, "warm");
    let text = desk.run(&["doctor", "--start", "fresh"]).out;
    assert!(text.contains("fresh") && !text.contains("modules loaded"), "{text}");
}

#[test]
fn what_means_nothing_is_refused_before_anything_runs() {
    let desk = Desk::new();
    desk.write("job.py", "print('it ran')");
    let run = |flags: &[&str]| desk.run(&[&["run"], flags, &["job.py"]].concat());
    run(&["--preload", "csv"]).refused(2, &["--preload needs --start warm"]);
    run(&["--start", "fresh", "--preload", "csv"]).refused(2, &["--preload needs --start warm"]);
    let words = ["--preload: \"no-name\" is not allowed; give at most 64 names of modules"];
    run(&["--start", "warm", "--preload", "no-name"]).refused(2, &words);
    let many = (0..65).map(|number| format!("m{number}")).collect::<Vec<_>>().join(",");
    run(&["--start", "warm", "--preload", &many]).refused(2, &["--preload: a list of 65"]);
    let err = desk.run_code(&["run", "--start", "hot", "job.py"], 2);
    assert!(err.contains("warm") && err.contains("fresh"), "{err}");
    for command in [&["run", "job.py"][..], &["doctor"]] {
        let with = |name, value| desk.run_with(command, &[(name, value)]);
        let words = ["CODEMODE_START: \"hot\" is not allowed; give one of warm, fresh"];
        with("CODEMODE_START", "hot").refused(2, &words);
    }
    let env = [("CODEMODE_START", "warm"), ("CODEMODE_PRELOAD", "1st")];
    let words = ["CODEMODE_PRELOAD: \"1st\" is not allowed"];
    desk.run_with(&["run", "job.py"], &env).refused(2, &words);
}

#[test]
fn a_file_is_checked_and_becomes_variables() {
    let desk = Desk::new();
    desk.write(
        "sidecar.yaml",
        "api_key: k\nstart: warm\npreload:\n- numpy\n- pandas.io\n- numpy\n",
    );
    let out = desk.run(&["validate"]).done();
    let line = |key: &str| {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut lines = out.lines().map(words);
        lines.find(|words| words.first().is_some_and(|word| word == key)).unwrap().join(" ")
    };
    assert_eq!(line("start"), "start warm line 2");
    assert_eq!(line("preload"), "preload numpy, pandas.io line 3");
    let said = desk.run(&["docker", "env", "--config", "sidecar.yaml", "--output", "-"]);
    for wanted in ["CODEMODE_START=warm", "CODEMODE_PRELOAD=numpy,pandas.io"] {
        assert!(said.out.lines().any(|line| line == wanted), "{}{}", said.out, said.err);
    }
    desk.write("sidecar.yaml", "api_key: k\nstart: cold\npreload: [numpy, no name]\n");
    let words = [
        "start (sidecar.yaml line 2, column 1): \"cold\" is not allowed; give one of warm, fresh",
        "preload (sidecar.yaml line 3, column 1): \"no name\" is not allowed",
    ];
    for command in ["validate", "serve"] {
        desk.run(&[command, "--config", "sidecar.yaml"]).refused(2, &words);
    }
}
