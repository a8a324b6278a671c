//! For `fuzz/` and for the tests, which run what it found through the same functions again.
//!
//! Each `fuzzing` module stands beside what it tries, and says what must hold whatever the bytes are: it
//! panics where something doesn't.

/// Runs `target` over its kept inputs.
#[cfg(test)]
pub(crate) fn replay(name: &str, target: fn(&[u8])) {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut tried = 0;
    for file in std::fs::read_dir(&directory).unwrap().flatten() {
        println!("{}", file.path().display());
        target(&std::fs::read(file.path()).unwrap());
        tried += 1;
    }
    assert!(tried > 0, "{} is empty", directory.display());
}

pub use crate::config::fuzzing::config;
pub use crate::grpc::fuzzing::{arguments, request};
pub use crate::plan::fuzzing::discovery;
pub use crate::policy::fuzzing::domains;
pub use crate::report::fuzzing::verdict;
pub use crate::sandbox::fuzzing::messages;
pub use crate::supervise::fuzzing::{frames, weight};
pub use crate::supervise::proxy::fuzzing::proxy;
