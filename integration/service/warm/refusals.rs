//! Modules that can't be loaded, or forked from once they are: the service says so when it is started.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{service, start};
use crate::harness::{command, free_port, python, virtual_environment};

/// An interpreter that can import modules of a test's own.
pub struct Modules {
    directory: TempDir,
}

impl Modules {
    /// Each with its name and its text; `None` if this host can't make a virtual environment.
    pub fn new(test: &str, modules: &[(&str, &str)]) -> Option<Self> {
        let directory = virtual_environment(test, env!("CARGO_TARGET_TMPDIR"))?;
        let made = Self { directory };
        let site = made.site();
        for (module, text) in modules {
            fs::write(site.join(format!("{module}.py")), text).unwrap();
        }
        Some(made)
    }

    pub fn python(&self) -> PathBuf {
        self.directory.path().join("venv/bin/python")
    }

    /// The directory that they are in.
    pub fn site(&self) -> PathBuf {
        let site = "import sysconfig; print(sysconfig.get_path('purelib'))";
        python::ask_python(&self.python(), site).unwrap().into()
    }
}

const REFUSED: [(&str, &str, &str); 5] = [
    ("raises", "raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
    (
        "starts_a_thread",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
        "starts threads",
    ),
    (
        "opens_a_socket",
        "import socket\nheld = socket.socket(socket.AF_UNIX)",
        "leaves a socket open",
    ),
    ("leaves", "import os\nos._exit(3)", "ended with exit code 3"),
    ("dies", "import os\nos.kill(os.getpid(), 9)", "ended by SIGKILL"),
];

#[test]
fn a_module_that_can_t_be_preloaded_stops_the_start_and_is_named() {
    let name = "a_module_that_can_t_be_preloaded_stops_the_start_and_is_named";
    let texts = REFUSED.map(|(module, text, _)| (module, text));
    let Some(modules) = Modules::new(name, &texts) else { return };
    let python = modules.python();
    let missing = [("not_there_at_all", "", "ModuleNotFoundError")];
    for (module, _, why) in REFUSED.into_iter().chain(missing) {
        let port = free_port().to_string();
        let output = command(&[
            ("CODEMODE_START", "warm"),
            ("CODEMODE_PRELOAD", module),
            ("CODEMODE_PYTHON", python.to_str().unwrap()),
            ("CODEMODE_SIDECAR_PORT", &port),
        ])
        .output()
        .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(125), "{module}: {text}");
        for words in [&format!("module {module}: "), why, "CODEMODE_PRELOAD", "CODEMODE_START"] {
            assert!(text.contains(words), "{module}: {words:?} is missing in: {text}");
        }
        assert!(!text.contains("panicked") && !text.contains("service-test-key"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_can_be_preloaded_is_there_in_every_run() {
    let name = "a_module_that_can_be_preloaded_is_there_in_every_run";
    let text = "import os\nBY = os.getpid()\n";
    let Some(modules) = Modules::new(name, &[("noting", text)]) else { return };
    let python = modules.python();
    let python = ("CODEMODE_PYTHON", python.to_str().unwrap());
    let sidecar = service(&[python, ("CODEMODE_PRELOAD", "noting")]).await;
    let code = "import sys; there = 'noting' in sys.modules\nimport noting, os\n\
                result = [there, noting.BY == os.getpid(), hasattr(noting, 'left')]\nnoting.left = 1";
    for _ in 0..3 {
        let answer = sidecar.run(code).await;
        assert_eq!((answer.result.as_str(), start(&answer)), ("[true, false, false]", "warm"));
    }
}
