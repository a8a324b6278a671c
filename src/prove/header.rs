//! What a case says of itself, in front of its program.

use std::fmt;
use std::time::Duration;

use super::observe::looked;
use crate::policy::Wall;
use crate::report::{Report, Verdict};

/// How long an answer may take unless the case says so.
const WITHIN: Duration = Duration::from_secs(20);

/// What a case says of itself.
#[derive(Clone, Debug)]
pub struct Header {
    /// The attack, in a sentence.
    pub tells: String,
    /// The walls that it presses on; the first is the one that alone holds it.
    pub walls: Vec<Wall>,
    /// What shows from outside whether it was held.
    pub observers: Vec<Observer>,
    /// How its run may end.
    pub verdicts: Vec<Expected>,
    /// Flags of `codemode run`.
    pub flags: Vec<String>,
    /// Without which it can't be tried.
    pub needs: Vec<Need>,
    /// The program that is run just before, in the same service.
    pub first: Option<String>,
    /// Pieces that stand in front of it, shared by several programs.
    pub with: Vec<String>,
    /// In which the answer must have come.
    pub within: Duration,
    /// Whether several walls each hold it alone.
    pub depth: bool,
}

/// Something that looks at a run from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observer {
    /// No secret came out.
    Unread,
    /// Nothing of the host's was changed.
    Unwritten,
    /// Nobody was reached.
    Unheard,
    /// The victim is as it was.
    Unharmed,
    /// The process itself, by one property.
    Looked(&'static str),
    /// What was kept of `/outputs`.
    Kept,
    /// What was used is within the limits.
    Bounded,
    /// How often tools were called.
    Counted {
        /// So often.
        calls: u64,
        /// Or less.
        at_most: bool,
    },
    /// An honest run at the same time.
    Neighbour,
    /// Nobody but the program.
    Word,
}

impl fmt::Display for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread => f.write_str("unread"),
            Self::Unwritten => f.write_str("unwritten"),
            Self::Unheard => f.write_str("unheard"),
            Self::Unharmed => f.write_str("unharmed"),
            Self::Looked(name) => write!(f, "looked:{name}"),
            Self::Kept => f.write_str("kept"),
            Self::Bounded => f.write_str("bounded"),
            Self::Counted { calls, at_most: true } => write!(f, "counted:<={calls}"),
            Self::Counted { calls, at_most: false } => write!(f, "counted:{calls}"),
            Self::Neighbour => f.write_str("neighbour"),
            Self::Word => f.write_str("word"),
        }
    }
}

/// What a case can't be tried without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Need {
    Host,
    Root,
    Ordinary,
    Warm,
    Tools,
    Service,
    Ipv6,
    Proxy,
    Wall(Wall),
}

/// A verdict that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This one.
    Verdict(Verdict),
    /// An exception, of this kind.
    Syntax,
}

impl Expected {
    /// Whether a run has ended so.
    #[must_use]
    pub fn is(self, report: &Report) -> bool {
        match self {
            Self::Verdict(verdict) => verdict == report.verdict,
            Self::Syntax => {
                report.verdict == Verdict::Exception
                    && report.exception.iter().any(|name| name == "SyntaxError")
            }
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(verdict) => write!(f, "{verdict}"),
            Self::Syntax => f.write_str("syntax"),
        }
    }
}

/// Reads the docstring and the comments below it.
///
/// # Errors
/// What can't be understood, in a sentence without the file's name.
pub fn parse(source: &str) -> Result<Header, String> {
    let mut lines = source.lines();
    let tells = lines
        .next()
        .and_then(|line| line.strip_prefix("\"\"\"")?.strip_suffix("\"\"\""))
        .filter(|text| !text.trim().is_empty())
        .ok_or("line 1 is no docstring; say in one line what the program tries")?;
    let mut header = Header {
        tells: tells.trim().to_owned(),
        walls: Vec::new(),
        observers: Vec::new(),
        verdicts: Vec::new(),
        flags: Vec::new(),
        needs: Vec::new(),
        first: None,
        with: Vec::new(),
        within: WITHIN,
        depth: false,
    };
    for (number, line) in lines.enumerate() {
        let Some(comment) = line.strip_prefix("# ") else { break };
        let Some((key, value)) = comment.split_once(':') else { break };
        header
            .take(key, value.trim())
            .map_err(|why| format!("line {}: {key}: {why}", number + 2))?;
    }
    if header.walls.is_empty() {
        return Err("no `# walls:` below the docstring; name the walls that it presses on".into());
    }
    if header.verdicts.is_empty() {
        header.verdicts.push(Expected::Verdict(Verdict::Ok));
    }
    Ok(header)
}

impl Header {
    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        let words = value.split_whitespace();
        match key {
            "walls" => self.walls = words.map(wall).collect::<Result<_, _>>()?,
            "observe" => self.observers = words.map(observer).collect::<Result<_, _>>()?,
            "verdict" => self.verdicts = words.map(expected).collect::<Result<_, _>>()?,
            "run" => self.flags = words.map(str::to_owned).collect(),
            "needs" => self.needs = words.map(need).collect::<Result<_, _>>()?,
            "first" => self.first = Some(value.trim_end_matches(".py").to_owned()),
            "with" => self.with = words.map(str::to_owned).collect(),
            "within" => {
                let seconds =
                    value.parse::<u32>().ok().filter(|seconds| (1..=300).contains(seconds));
                let seconds = seconds.ok_or("give seconds from 1 to 300")?;
                self.within = Duration::from_secs(seconds.into());
            }
            "depth" if value == "yes" => self.depth = true,
            "depth" => return Err("there is only `yes`".to_owned()),
            _ => {
                return Err(
                    "there are walls, observe, verdict, run, needs, first, with, within, depth"
                        .into(),
                );
            }
        }
        Ok(())
    }
}

fn wall(name: &str) -> Result<Wall, String> {
    name.parse().map_err(|error: crate::policy::UnknownWall| error.to_string())
}

fn observer(word: &str) -> Result<Observer, String> {
    if let Some(name) = word.strip_prefix("looked:") {
        return looked::named(name)
            .map(Observer::Looked)
            .ok_or_else(|| format!("{word}: there are {}", looked::NAMES.join(", ")));
    }
    if let Some(count) = word.strip_prefix("counted:") {
        let (at_most, digits) = match count.strip_prefix("<=") {
            Some(digits) => (true, digits),
            None => (false, count),
        };
        let calls = digits.parse().map_err(|_| format!("{word}: give a number of calls"))?;
        return Ok(Observer::Counted { calls, at_most });
    }
    Ok(match word {
        "unread" => Observer::Unread,
        "unwritten" => Observer::Unwritten,
        "unheard" => Observer::Unheard,
        "unharmed" => Observer::Unharmed,
        "kept" => Observer::Kept,
        "bounded" => Observer::Bounded,
        "neighbour" => Observer::Neighbour,
        "word" => Observer::Word,
        _ => return Err(format!("{word:?} is no observer; docs/prove.md lists them")),
    })
}

/// A verdict by its name in reports, the end of it (`_limit`) left out or not.
fn expected(word: &str) -> Result<Expected, String> {
    if word == "syntax" {
        return Ok(Expected::Syntax);
    }
    let names = [
        word.to_owned(),
        format!("{word}_limit"),
        format!("{word}_code"),
        format!("{}_limit", word.trim_end_matches("es")),
        format!("{word}_violation"),
    ];
    let found = Verdict::ALL.into_iter().find(|verdict| {
        let name = verdict.to_string();
        names.contains(&name)
    });
    found.map(Expected::Verdict).ok_or_else(|| {
        let all: Vec<_> = Verdict::ALL.iter().map(ToString::to_string).collect();
        format!("{word:?} is no verdict; there are syntax, {}", all.join(", "))
    })
}

fn need(word: &str) -> Result<Need, String> {
    if let Some(name) = word.strip_prefix("wall:") {
        return wall(name).map(Need::Wall);
    }
    Ok(match word {
        "host" => Need::Host,
        "root" => Need::Root,
        "ordinary" => Need::Ordinary,
        "warm" => Need::Warm,
        "tools" => Need::Tools,
        "service" => Need::Service,
        "ipv6" => Need::Ipv6,
        "proxy" => Need::Proxy,
        _ => {
            return Err(format!(
                "{word:?}: there are host, root, ordinary, warm, tools, service, ipv6, proxy, wall:NAME"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_to_its_end() {
        let text = "\"\"\"Reads.\"\"\"\n# walls: root landlock\n# observe: unread looked:seccomp counted:<=3\n\
                    # verdict: memory exit processes\n# run: --memory 64M\n# needs: wall:root ipv6\n\
                    # within: 5\n# depth: yes\nimport os\n# walls: nothing\n";
        let header = parse(text).unwrap();
        assert_eq!(header.tells, "Reads.");
        assert_eq!(header.walls, [Wall::Root, Wall::Landlock]);
        assert_eq!(header.observers[1], Observer::Looked("seccomp"));
        assert_eq!(header.observers[2], Observer::Counted { calls: 3, at_most: true });
        let verdicts = [Verdict::MemoryLimit, Verdict::ExitCode, Verdict::ProcessLimit];
        assert_eq!(header.verdicts, verdicts.map(Expected::Verdict));
        assert_eq!(header.flags, ["--memory", "64M"]);
        assert_eq!(header.needs, [Need::Wall(Wall::Root), Need::Ipv6]);
        assert_eq!((header.within, header.depth), (Duration::from_secs(5), true));
    }

    #[test]
    fn what_means_nothing_is_told_with_its_line() {
        let of = |line: &str| {
            parse(&format!("\"\"\"Reads.\"\"\"\n# walls: root\n{line}\n")).unwrap_err()
        };
        assert!(of("# observe: unseen").starts_with("line 3: observe: "));
        assert!(of("# verdict: fine").contains("no verdict"));
        assert!(of("# moat: deep").contains("there are walls"));
        assert!(parse("\"\"\"Reads.\"\"\"\nimport os\n").unwrap_err().contains("walls"));
        assert!(parse("import os\n").unwrap_err().contains("docstring"));
    }
}
