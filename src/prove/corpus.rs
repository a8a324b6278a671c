//! The hostile programs: those embedded in the binary, or those of a directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

use super::header::{self, Header};

/// Every file of `integration/corpus`, by its path there.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/corpus.rs"));

/// The largest file that is taken for a program.
const LARGEST: u64 = 256 << 10;

/// What a program is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// To learn of the host or of other runs
    Information,
    /// To read, change or leave files
    Files,
    /// To reach somebody
    Network,
    /// To become more than it is
    Privilege,
    /// To reach what few programs need of the kernel
    Kernel,
    /// To use up what others need
    Exhaustion,
    /// To confuse whoever hears it
    Protocol,
    /// To outlive its end
    Lifetime,
}

impl Family {
    /// Its name, as in paths and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Files => "files",
            Self::Network => "network",
            Self::Privilege => "privilege",
            Self::Kernel => "kernel",
            Self::Exhaustion => "exhaustion",
            Self::Protocol => "protocol",
            Self::Lifetime => "lifetime",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|family| family.name() == name)
    }
}

/// One attack.
#[derive(Clone, Debug)]
pub struct Case {
    /// Family and file name: `files/host_paths`.
    pub name: String,
    /// What it is after.
    pub family: Family,
    /// What is said of it in front of the program.
    pub header: Header,
    /// The program: the file, and in front of it the pieces that it is `with`.
    pub source: String,
}

impl Case {
    /// Whether the program has itself looked at from outside while it waits.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.source.contains("hold(")
    }

    /// Whether the program aims at something of the host's.
    #[must_use]
    pub fn aims(&self) -> bool {
        self.source.contains("aim.") || self.holds()
    }
}

/// A corpus that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}")]
pub struct CorpusError {
    file: String,
    why: String,
}

/// Attacks, and the programs that are run before some of them.
#[derive(Debug, Default)]
pub struct Corpus {
    /// By name.
    pub cases: Vec<Case>,
    plants: BTreeMap<String, String>,
    pieces: BTreeMap<String, String>,
}

impl Corpus {
    /// The corpus in this binary.
    ///
    /// # Errors
    /// [`CorpusError`] for a file with a header that means nothing.
    pub fn embedded() -> Result<Self, CorpusError> {
        Self::of(EMBEDDED.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    }

    /// The corpus in a directory: `FAMILY/NAME.py`, `plant/NAME.py` and `with/NAME.py`.
    ///
    /// # Errors
    /// [`CorpusError`] for what can't be read or means nothing.
    pub fn in_directory(directory: &Path) -> Result<Self, CorpusError> {
        let mut files = Vec::new();
        for family in list(directory)? {
            let path = directory.join(&family);
            if !path.is_dir() {
                continue;
            }
            for name in list(&path)?.into_iter().filter(|name| name.ends_with(".py")) {
                files.push((format!("{family}/{name}"), read(&path.join(&name))?));
            }
        }
        let corpus = Self::of(files.into_iter())?;
        if corpus.cases.is_empty() {
            let why = "holds no case; put programs into FAMILY/NAME.py below it".to_owned();
            return Err(CorpusError { file: directory.display().to_string(), why });
        }
        Ok(corpus)
    }

    fn of(files: impl Iterator<Item = (String, String)>) -> Result<Self, CorpusError> {
        let mut corpus = Self::default();
        for (file, source) in files {
            let wrong = |why: String| CorpusError { file: file.clone(), why };
            let Some((family, name)) =
                file.strip_suffix(".py").and_then(|path| path.split_once('/'))
            else {
                return Err(wrong("is not FAMILY/NAME.py".to_owned()));
            };
            let aside = match family {
                "plant" => Some(&mut corpus.plants),
                "with" => Some(&mut corpus.pieces),
                _ => None,
            };
            if let Some(aside) = aside {
                aside.insert(name.to_owned(), source);
                continue;
            }
            let family = Family::of(family).ok_or_else(|| {
                let names: Vec<_> = Family::value_variants().iter().map(|one| one.name()).collect();
                wrong(format!("{family} is no family; there are {}, plant, with", names.join(", ")))
            })?;
            let header = header::parse(&source).map_err(&wrong)?;
            let name = format!("{}/{name}", family.name());
            corpus.cases.push(Case { name, family, header, source });
        }
        corpus.cases.sort_by(|a, b| (a.family, &a.name).cmp(&(b.family, &b.name)));
        for case in &mut corpus.cases {
            let wrong = |why| CorpusError { file: format!("{}.py", case.name), why };
            let Header { first, with, .. } = &case.header;
            if let Some(plant) = first.as_ref().filter(|name| !corpus.plants.contains_key(*name)) {
                return Err(wrong(format!("first: there is no plant/{plant}.py")));
            }
            for name in with.iter().rev() {
                let piece = corpus.pieces.get(name);
                let piece =
                    piece.ok_or_else(|| wrong(format!("with: there is no with/{name}.py")))?;
                case.source = format!("{piece}\n{}", case.source);
            }
        }
        Ok(corpus)
    }

    /// A program that leaves something for the next one.
    #[must_use]
    pub fn plant(&self, name: &str) -> Option<&str> {
        self.plants.get(name).map(String::as_str)
    }
}

fn list(directory: &Path) -> Result<Vec<String>, CorpusError> {
    let failed = |error: std::io::Error| CorpusError {
        file: directory.display().to_string(),
        why: format!("cannot be listed ({error}); give a directory that holds FAMILY/NAME.py"),
    };
    let entries = fs::read_dir(directory).map_err(failed)?.flatten();
    let mut names: Vec<_> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn read(path: &Path) -> Result<String, CorpusError> {
    let failed = |why: String| CorpusError { file: path.display().to_string(), why };
    let size = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > LARGEST {
        return Err(failed("is larger than 256 KiB".to_owned()));
    }
    fs::read_to_string(path).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_in_this_binary_is_in_order() {
        let corpus = Corpus::embedded().unwrap();
        assert!(!corpus.cases.is_empty());
        for case in &corpus.cases {
            assert!(!case.header.walls.is_empty(), "{}", case.name);
        }
    }

    #[test]
    fn a_file_that_is_no_case_is_told_of_by_its_name() {
        let of = |path: &str, text: &str| {
            Corpus::of([(path.to_owned(), text.to_owned())].into_iter()).unwrap_err().to_string()
        };
        assert!(of("moat/a.py", "").contains("moat is no family"));
        assert!(of("files/a.py", "import os\n").starts_with("files/a.py: "));
        let text = "\"\"\"Tries.\"\"\"\n# walls: root\n# first: nothing\n";
        assert!(of("files/a.py", text).contains("no plant/nothing.py"));
        let text = "\"\"\"Tries.\"\"\"\n# walls: root\n# with: nothing\n";
        assert!(of("files/a.py", text).contains("no with/nothing.py"));
    }

    #[test]
    fn shared_pieces_stand_in_front_of_a_program_in_their_order() {
        let text = "\"\"\"Tries.\"\"\"\n# walls: root\n# with: one two\nthree()\n";
        let files = [("with/two.py", "two()"), ("files/a.py", text), ("with/one.py", "one()")];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let corpus = Corpus::of(files.into_iter()).unwrap();
        assert_eq!(corpus.cases[0].source, format!("one()\ntwo()\n{text}"));
    }
}
