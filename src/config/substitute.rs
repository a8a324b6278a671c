//! `${VAR}` and `${VAR:-default}` in values of the file.

use super::Environment;

/// Replaces each `${VAR}` in `text` by the variable, and each `${VAR:-default}` by the variable or, if that is unset or
/// empty, by the default. What was put in is not looked at again, so a variable can't smuggle in another one.
///
/// # Errors
/// What is wrong, naming the variable, never the text around it.
pub(super) fn substitute(text: &str, env: &Environment) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (expression, tail) = after
            .split_once('}')
            .ok_or("`${` has no closing `}`; write `${VARIABLE}` or `${VARIABLE:-default}`")?;
        out.push_str(before);
        out.push_str(&evaluate(expression, env)?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

fn evaluate(expression: &str, env: &Environment) -> Result<String, String> {
    let (name, default) = match expression.split_once(":-") {
        Some((name, default)) => (name.trim(), Some(default.trim())),
        None => (expression.trim(), None),
    };
    if !is_variable_name(name) {
        return Err(
            "`${…}` does not hold a variable name; write `${VARIABLE}` or `${VARIABLE:-default}`"
                .to_owned(),
        );
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err(format!(
            "the default of variable {name} holds another `${{`; give it as plain text"
        ));
    }
    let value = match env.get(name) {
        Some(value) => Some(
            value
                .to_str()
                .ok_or_else(|| format!("variable {name} is not UTF-8 text; correct it"))?,
        ),
        None => None,
    };
    match (value, default) {
        (Some(value), None) => Ok(value.to_owned()),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value.to_owned()),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(format!(
            "variable {name} is not set and has no default; set it, or write `${{{name}:-default}}`"
        )),
    }
}

fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<String, String> {
        let env = [("A", "one"), ("EMPTY", ""), ("NESTED", "${A}")]
            .map(|(name, value)| (name.to_owned(), value.into()))
            .into();
        substitute(text, &env)
    }

    #[test]
    fn replaces_what_is_set_or_has_a_default() {
        for (text, want) in [
            ("plain $A $$", "plain $A $$"),
            ("${A}", "one"),
            ("<${A}/${ A }>", "<one/one>"),
            ("${A:-two}", "one"),
            ("${B:-two}", "two"),
            ("${B:-}", ""),
            ("${B:-http://x:-1}", "http://x:-1"),
            ("${EMPTY}", ""),
            ("${EMPTY:-two}", "two"),
            ("${NESTED}", "${A}"),
        ] {
            assert_eq!(run(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn names_the_variable_that_is_missing() {
        assert!(run("x${MISSING}").is_err_and(|e| e.contains("MISSING")));
        for text in ["${", "${A", "${}", "${1A}", "${a b}", "${A-x}", "${B:-${A}}"] {
            assert!(run(text).is_err(), "{text}");
        }
    }
}
