//! YAML text to a tree whose nodes know where they stand.
//!
//! The parser gives events; the tree is made here, so that its depth, what aliases may repeat, and keys that stand
//! twice are decided before anything is built.

use std::collections::{BTreeSet, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

/// No setting is deeper; what applications keep in blocks of their own may be.
const DEEPEST: usize = 32;
/// Characters and nodes that aliases, and values kept for them, may add up to.
const LARGEST: usize = 1 << 20;

/// A place in the file, both numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub line: usize,
    pub column: usize,
}

/// Why there is no tree.
#[derive(Debug)]
pub(super) struct Malformed {
    pub at: At,
    pub problem: String,
}

/// A value of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// Nothing, `~` or `null`.
    Null,
    /// A number or boolean, in one spelling of several.
    Bare(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in the order of the file, no key twice.
    Block(Vec<Entry>),
    /// Something with a `!` tag of its own.
    Tagged,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    /// Where the key stands.
    pub at: At,
    pub value: Node,
}

/// Reads one document; an empty one is [`Node::Null`].
///
/// # Errors
/// The first place at which the text is not YAML, or more than a configuration needs.
pub(super) fn parse(text: &str) -> Result<Node, Malformed> {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), size: 0 };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(root.unwrap_or(Node::Null)),
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if root.is_some() => {
                return Err(malformed(span, "holds a second document; keep one"));
            }
            event => root = Some(reader.node(event, span, 0)?),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Anchored values, once complete: an alias inside of its own anchor finds nothing.
    anchors: HashMap<usize, Node>,
    size: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Malformed> {
        match self.parser.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => Err(unreadable(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Malformed> {
        if depth > DEEPEST {
            return Err(malformed(span, "is nested too deep; no setting needs it"));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(&text, style, tag.as_deref()), anchor)
            }
            Event::SequenceStart(anchor, tag) => (self.list(depth, tag.as_deref())?, anchor),
            Event::MappingStart(anchor, tag) => (self.block(depth, tag.as_deref())?, anchor),
            Event::Alias(anchor) => (self.anchored(anchor, span)?, 0),
            _ => return Err(malformed(span, "a value is missing here")),
        };
        if anchor > 0 {
            self.count(&node, span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn anchored(&mut self, anchor: usize, span: Span) -> Result<Node, Malformed> {
        let unknown = || malformed(span, "an alias (`*name`) has no value yet; write the value");
        let node = self.anchors.get(&anchor).ok_or_else(unknown)?.clone();
        self.count(&node, span)?;
        Ok(node)
    }

    /// Counts what a copy of a value takes.
    fn count(&mut self, node: &Node, span: Span) -> Result<(), Malformed> {
        self.size += node.size();
        if self.size > LARGEST {
            return Err(malformed(span, "aliases repeat too much; write the values"));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize, tag: Option<&Tag>) -> Result<Node, Malformed> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => break,
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
        Ok(if is_own(tag) { Node::Tagged } else { Node::List(items) })
    }

    fn block(&mut self, depth: usize, tag: Option<&Tag>) -> Result<Node, Malformed> {
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = match self.node(event, span, depth + 1)? {
                Node::Text(key) | Node::Bare(key) => key,
                _ => return Err(malformed(span, "a key is not a word; write `key: value`")),
            };
            if !seen.insert(key.clone()) {
                let key: String = key.chars().take(100).collect();
                return Err(malformed(span, &format!("duplicate key {key:?}; keep one of them")));
            }
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            entries.push(Entry { key, at: place(span), value });
        }
        Ok(if is_own(tag) { Node::Tagged } else { Node::Block(entries) })
    }
}

impl Node {
    /// Characters and nodes in it, roughly.
    fn size(&self) -> usize {
        match self {
            Self::Null | Self::Tagged => 1,
            Self::Bare(text) | Self::Text(text) => 1 + text.len(),
            Self::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Self::Block(entries) => {
                1 + entries.iter().map(|e| 1 + e.key.len() + e.value.size()).sum::<usize>()
            }
        }
    }
}

/// Whether a tag is neither absent nor one of YAML's own.
fn is_own(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| !tag.is_yaml_core_schema())
}

/// The core schema of YAML 1.2: quotes make text, and plain words may be something else.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Node {
    if is_own(tag) {
        return Node::Tagged;
    }
    let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
    if is_text {
        return Node::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Node::Null,
        "true" | "True" | "TRUE" => Node::Bare("true".to_owned()),
        "false" | "False" | "FALSE" => Node::Bare("false".to_owned()),
        text => number(text).map_or_else(|| Node::Text(text.to_owned()), Node::Bare),
    }
}

fn number(text: &str) -> Option<String> {
    let radix = |prefix: &str, radix| {
        text.strip_prefix(prefix).and_then(|digits| u64::from_str_radix(digits, radix).ok())
    };
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Some(number.to_string());
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        // As it stands: it may be longer than any integer.
        return Some(text.to_owned());
    }
    let looks_right = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(|c: char| c.is_ascii_digit());
    let number: f64 = looks_right.then(|| text.parse().ok()).flatten()?;
    // Shortest form, always with a point: `1e3` is `1000.0`.
    Some(format!("{number:?}"))
}

fn place(span: Span) -> At {
    At { line: span.start.line(), column: span.start.col() + 1 }
}

fn malformed(span: Span, problem: &str) -> Malformed {
    Malformed { at: place(span), problem: problem.to_owned() }
}

fn unreadable(error: &ScanError) -> Malformed {
    let mark = error.marker();
    let at = At { line: mark.line(), column: mark.col() + 1 };
    Malformed { at, problem: error.info().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<Entry> {
        match parse(text) {
            Ok(Node::Block(entries)) => entries,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn fault(text: &str) -> (usize, usize, String) {
        let error = parse(text).unwrap_err();
        (error.at.line, error.at.column, error.problem)
    }

    #[test]
    fn keys_know_their_place_in_every_style() {
        let text =
            "# port: 1\nport: 1\n\ntls: {enabled: true,\n  mode: x}\n\"host\": y\nlist:\n- a\n";
        let top = entries(text);
        let at = |entry: &Entry| (entry.key.clone(), entry.at.line, entry.at.column);
        let Node::Block(tls) = &top[1].value else { panic!("{top:?}") };
        let all: Vec<_> = top.iter().chain(tls).map(at).collect();
        let want = [
            ("port", 2, 1),
            ("tls", 4, 1),
            ("host", 6, 1),
            ("list", 7, 1),
            ("enabled", 4, 7),
            ("mode", 5, 3),
        ];
        assert_eq!(all, want.map(|(key, line, column)| (key.to_owned(), line, column)));
    }

    #[test]
    fn plain_words_are_what_the_core_schema_says() {
        let value = |text: &str| entries(&format!("k: {text}")).remove(0).value;
        for (text, want) in [
            ("", Node::Null),
            ("~", Node::Null),
            ("True", Node::Bare("true".into())),
            ("30", Node::Bare("30".into())),
            ("-7", Node::Bare("-7".into())),
            ("0x10", Node::Bare("16".into())),
            ("3.10", Node::Bare("3.1".into())),
            ("1e3", Node::Bare("1000.0".into())),
            ("yes", Node::Text("yes".into())),
            ("'30'", Node::Text("30".into())),
            ("\"\"", Node::Text("".into())),
            ("!!str 30", Node::Text("30".into())),
            ("127.0.0.1", Node::Text("127.0.0.1".into())),
            ("512M", Node::Text("512M".into())),
            ("!x 1", Node::Tagged),
            ("[a, 1]", Node::List(vec![Node::Text("a".into()), Node::Bare("1".into())])),
        ] {
            assert_eq!(value(text), want, "{text}");
        }
        assert_eq!(parse("# nothing\n").unwrap(), Node::Null);
        assert_eq!(
            entries("a: &x [1]\nb: *x").remove(1).value,
            Node::List(vec![Node::Bare("1".into())])
        );
    }

    #[test]
    fn files_of_other_systems_are_read_too() {
        let want = entries("a: 1\nb:\n  - x\n");
        for text in ["a: 1\r\nb:\r\n  - x\r\n", "---\na: 1\nb:\n- x\n...\n", "a: 1 # one\nb: [x]"] {
            let found = entries(text);
            let same = found.iter().zip(&want).all(|(one, two)| one.value == two.value);
            assert!(same && found.len() == 2, "{text:?}: {found:?}");
        }
        assert_eq!(entries("\u{feff}a: 1\n").remove(0).key, "a");
    }

    #[test]
    fn faults_have_a_place() {
        assert_eq!(fault("a: 1\nb: 2\n a: 3\n").0, 3);
        let (line, column, problem) = fault("a: 1\nb:\n  c: 1\n  c: 2\n");
        assert_eq!((line, column), (4, 3));
        assert!(problem.contains("duplicate key \"c\""), "{problem}");
        assert_eq!(fault("a: 1\n---\nb: 1\n").0, 3);
        assert_eq!(fault("a: *b\n").0, 1);
        assert_eq!(fault("a: 'open\nb: 1\n").0, 1);
        assert_eq!(fault("[a]: 1\n").0, 1);
    }

    #[test]
    fn neither_depth_nor_aliases_can_hurt() {
        for opening in ["[", "{a: ", "- ", "? "] {
            assert!(parse(&opening.repeat(300_000)).is_err(), "{opening}");
        }
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let alias = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", "));
        }
        assert!(fault(&bomb).2.contains("repeat too much"));
        // Values inside of each other, each kept for an alias.
        let nested: String = (0..30).map(|level| format!("&n{level} [")).collect();
        let file = |before: &str, after: &str| {
            format!("x: &x [{}]\ny: {before}*x, *x, *x{after}", "a, ".repeat(10_000))
        };
        assert!(parse(&file("[", "]")).is_ok());
        assert!(fault(&file(&nested, &"]".repeat(30))).2.contains("repeat too much"));
        assert!(fault("a: &a [*a]").2.contains("no value yet"));
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_text_there_is_a_tree_or_a_fault(
            text in "([a-c0-9:\\-?#&*!|>'\"%@`{}\\[\\],. \\t\\n]|: |\n  |- |\\PC){0,60}"
        ) {
            if let Err(error) = parse(&text) {
                proptest::prop_assert!(error.at.line >= 1 && error.at.column >= 1);
            }
        }
    }
}
