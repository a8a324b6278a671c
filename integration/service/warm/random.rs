//! Randomness: no two runs go on from the state that the interpreter had when it was forked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use super::refusals::Modules;
use super::{service, warm_result};
use crate::harness::{Sidecar, python};

const RUNS: usize = 20;

/// Draws when it is loaded, so that every generator has a state to be copied.
const DRAWS_EARLY: &str = r#"
import hashlib, random, secrets, ssl, tempfile, uuid
random.random(), random.SystemRandom().random(), secrets.token_hex(), uuid.uuid1(), uuid.uuid4()
ssl.RAND_bytes(8), next(tempfile._get_candidate_names()), hashlib.sha256(b"")
"#;

const DRAW: &str = r#"
import draws_early, os, random, secrets, ssl, tempfile, uuid
result = {
    "random.random": random.random(),
    "random.sample": random.sample(range(1 << 40), 2),
    "random.Random": random.Random().random(),
    "random.SystemRandom": random.SystemRandom().random(),
    "secrets": secrets.token_hex(),
    "uuid1": str(uuid.uuid1()),
    "uuid4": str(uuid.uuid4()),
    "os.urandom": os.urandom(16).hex(),
    "getrandom": os.getrandom(16).hex(),
    "mktemp": tempfile.mktemp(),
    "mkdtemp": tempfile.mkdtemp(),
    "candidates": next(tempfile._get_candidate_names()),
    "RAND_bytes": ssl.RAND_bytes(16).hex(),
    # What is the same in all of them: the control.
    "hash": hash("of text"),
    "seeded": random.Random(7).random(),
}
"#;

/// The values of every key over as many runs.
async fn drawn(sidecar: &Sidecar, code: &str) -> BTreeMap<String, Vec<String>> {
    let mut drawn: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..RUNS {
        let values = warm_result(&sidecar.run(code).await);
        for (name, value) in values.as_object().unwrap() {
            drawn.entry(name.clone()).or_default().push(value.to_string());
        }
    }
    drawn
}

/// Insists that the values of every key differ, but for those of `same`, which don't.
fn differ(drawn: BTreeMap<String, Vec<String>>, same: &[&str]) {
    for (name, mut values) in drawn {
        assert_eq!(values.len(), RUNS, "{name}");
        values.sort();
        values.dedup();
        let wanted = if same.contains(&name.as_str()) { 1 } else { RUNS };
        assert_eq!(values.len(), wanted, "{name}: {values:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_of_randomness_differs_from_run_to_run() {
    let name = "every_source_of_randomness_differs_from_run_to_run";
    let Some(modules) = Modules::new(name, &[("draws_early", DRAWS_EARLY)]) else { return };
    let python = modules.python();
    let python = ("CODEMODE_PYTHON", python.to_str().unwrap());
    let sidecar = service(&[python, ("CODEMODE_PRELOAD", "draws_early")]).await;
    differ(drawn(&sidecar, DRAW).await, &["hash", "seeded"]);
}

/// `CODEMODE_TEST_NUMPY` may name an interpreter that has it.
fn python_with_numpy() -> Option<PathBuf> {
    let python =
        std::env::var_os("CODEMODE_TEST_NUMPY").map_or_else(|| python().into(), PathBuf::from);
    let output = Command::new(&python).args(["-I", "-c", "import numpy"]).output();
    output.is_ok_and(|output| output.status.success()).then_some(python)
}

#[tokio::test(flavor = "multi_thread")]
async fn numpy_s_own_generator_differs_from_run_to_run() {
    let Some(python) = python_with_numpy() else {
        let why = "no numpy here; CODEMODE_TEST_NUMPY names an interpreter that has it";
        return println!("skipped: numpy_s_own_generator_differs_from_run_to_run: {why}");
    };
    let python = ("CODEMODE_PYTHON", python.to_str().unwrap());
    let sidecar = service(&[python, ("CODEMODE_PRELOAD", "numpy,numpy.random")]).await;
    let code = "
import numpy
result = {
    'rand': numpy.random.rand(),
    'randint': numpy.random.randint(1 << 60, size=3).tolist(),
    'default_rng': numpy.random.default_rng().random(),
    'RandomState': numpy.random.RandomState().rand(),
    'seeded': numpy.random.RandomState(7).rand(),
}
";
    differ(drawn(&sidecar, code).await, &["seeded"]);
}
