//! What holds of what an interpreter says of itself.

use std::path::Path;

use super::Interpreter;

/// The bytes as the answer of an interpreter.
pub fn discovery(bytes: &[u8]) {
    let Ok(interpreter) = serde_json::from_slice::<Interpreter>(bytes) else { return };
    let needs = interpreter.needs();
    let own = [&interpreter.executable, &interpreter.base_prefix];
    for shared in ["/", "/usr", "/home", "/root"].map(Path::new) {
        let named = own.iter().any(|path| path.as_path() == shared);
        assert!(named || !needs.iter().any(|need| need == shared), "all of {}", shared.display());
    }
    assert!(interpreter.compiled_guest().len() <= bytes.len());
    let _ = interpreter.left_out();
    let _ = interpreter.loader();
    let _ = interpreter.watched();
    let text = serde_json::to_string(&interpreter).expect("its paths are text");
    let again: Interpreter = serde_json::from_str(&text).expect("it was written");
    assert_eq!(again.needs(), needs);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kept_inputs_hold() {
        crate::fuzzing::replay("launcher", super::discovery);
    }
}
