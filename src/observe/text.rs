//! Text from outside, made fit to be shown.

use std::fmt::Write as _;

/// At most `most` characters of `text`, with nothing in it that a terminal or a reader of lines
/// would obey: control characters, and those that reorder or hide text, are written as `\u{…}`.
#[must_use]
pub fn shown(text: &str, most: usize) -> String {
    let mut safe = String::with_capacity(text.len().min(most));
    let mut characters = text.chars();
    for character in characters.by_ref().take(most) {
        if is_obeyed(character) {
            let _ = write!(safe, "{}", character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    if characters.next().is_some() {
        safe.push('…');
    }
    safe
}

/// JSON with the same characters as `\uXXXX`, which readers of JSON take for the characters.
pub(super) fn shown_json(json: String) -> String {
    if !json.contains(is_obeyed) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        if is_obeyed(character) {
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Whether a terminal or a reader of lines would obey it: control characters, and those that reorder or hide
/// text.
#[must_use]
pub fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_text_is_unchanged_and_long_text_is_cut() {
        assert_eq!(shown("req-42 ü \"quoted\" \\ 漢", 100), "req-42 ü \"quoted\" \\ 漢");
        assert_eq!(shown("abc", 3), "abc");
        assert_eq!(shown("abcd", 3), "abc…");
    }

    #[test]
    fn json_means_the_same_when_it_is_made_safe() {
        let text = "ok ü \u{9b}2J \u{202e} \u{feff} \n\u{1b}";
        let safe = shown_json(serde_json::to_string(text).unwrap());
        assert!(!safe.contains(is_obeyed), "{safe:?}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        assert_eq!(shown_json("{\"a\":\"ü\"}".to_owned()), "{\"a\":\"ü\"}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_text_it_is_safe_and_bounded(text in "(\\PC|\\p{Cc}|\\p{Cf}){0,80}") {
            let safe = shown(&text, 40);
            proptest::prop_assert!(!safe.contains(is_obeyed));
            proptest::prop_assert!(safe.chars().count() <= 40 * 10 + 1);
            let json = shown_json(serde_json::to_string(&text).unwrap());
            proptest::prop_assert!(!json.contains(is_obeyed));
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn nothing_is_left_that_a_terminal_would_obey() {
        let hostile = "a\nb\rc\u{1b}[31md\u{9b}2Je\u{7f}f\u{202e}g\u{2028}h\0";
        let safe = shown(hostile, 100);
        assert!(safe.chars().all(|c| !is_obeyed(c)), "{safe:?}");
        assert!(safe.starts_with("a\\u{a}b\\u{d}c\\u{1b}[31m"), "{safe}");
    }
}
