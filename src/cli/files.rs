//! Writing files: all or none, nothing overwritten unasked, each complete before it has its name.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Stop;

/// A file to write.
pub(super) struct NewFile<'a> {
    pub path: PathBuf,
    pub content: Content<'a>,
    /// Permission bits.
    pub mode: u32,
}

/// What goes into it.
pub(super) enum Content<'a> {
    Bytes(&'a [u8]),
    /// All that can be read.
    From(File),
}

impl<'a> NewFile<'a> {
    /// A file that everybody may read.
    pub(super) fn public(path: PathBuf, text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { path, content: Content::Bytes(text.as_ref()), mode: 0o644 }
    }

    /// A file that only its owner may read.
    pub(super) fn private(path: PathBuf, text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { path, content: Content::Bytes(text.as_ref()), mode: 0o600 }
    }
}

/// Writes the files with the directories they need. Unless forced, refuses before anything is written if one of them
/// exists, and names all that do.
pub(super) fn write(files: Vec<NewFile<'_>>, force: bool) -> Result<(), Stop> {
    if !force {
        refuse_existing(&files)?;
    }
    for file in files {
        let path = file.path.clone();
        write_one(file, force).map_err(|error| cannot_write(&path, &error))?;
    }
    Ok(())
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Stop {
    let path = path.display();
    Stop::failed(format!("{path} cannot be written ({error}); see that you may write there"))
}

pub(super) fn refuse_existing(files: &[NewFile<'_>]) -> Result<(), Stop> {
    let exists = |file: &&NewFile<'_>| file.path.symlink_metadata().is_ok();
    let names: Vec<_> =
        files.iter().filter(exists).map(|file| file.path.display().to_string()).collect();
    let (verb, them) = if names.len() == 1 { ("exists", "it") } else { ("exist", "them") };
    if names.is_empty() {
        return Ok(());
    }
    let names = names.join(", ");
    Err(Stop::usage(format!(
        "{names} {verb} already, and nothing was written; move {them} away, or replace {them} with --force"
    )))
}

/// Beside its place first, and given its name when it is complete.
fn write_one(file: NewFile<'_>, force: bool) -> io::Result<()> {
    let parent = file.path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    // Private until its permissions are set, whatever the umask.
    let mut beside = tempfile::Builder::new().prefix(".codemode-").tempfile_in(parent)?;
    match file.content {
        Content::Bytes(bytes) => beside.write_all(bytes)?,
        Content::From(mut source) => {
            io::copy(&mut source, &mut beside)?;
        }
    }
    beside.as_file().set_permissions(fs::Permissions::from_mode(file.mode))?;
    beside.as_file().sync_all()?;
    if force {
        beside.persist(&file.path)?;
    } else {
        // Fails if somebody else was faster.
        beside.persist_noclobber(&file.path)?;
    }
    Ok(())
}
