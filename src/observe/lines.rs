//! Lines on their way to standard error or a file.
//!
//! Whoever has a line to say hands it over and goes on: a thread writes. What waits is bounded in
//! lines and bytes; beyond that lines are dropped and counted, for a slow disk or a full pipe must
//! not stall runs. Before [`Lines::start`] lines are written at once.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Uid, fchown};

use super::log::Seldom;
use crate::sys;

/// Lines that may wait.
const MOST_LINES: usize = 4096;
/// Bytes of them.
const MOST_BYTES: usize = 16 << 20;
/// Bytes written at once.
const CHUNK: usize = 64 << 10;

enum Message {
    Line(Vec<u8>),
    /// Answered once everything before it is written.
    Flush(SyncSender<()>),
    /// Something other than a line has changed.
    Wake,
}

enum Target {
    Stderr,
    File { file: File, path: PathBuf, torn: bool, complaint: Seldom },
}

struct Inner {
    target: Mutex<Target>,
    queue: OnceLock<SyncSender<Message>>,
    bytes: AtomicUsize,
    dropped: AtomicU64,
    reopen: AtomicBool,
}

/// See the module.
#[derive(Clone)]
pub struct Lines(Arc<Inner>);

/// Created for its owner alone, and never truncated. No link is followed: the directory may belong to
/// an account with fewer rights than whoever opens. Nor is a pipe waited for.
fn options() -> OpenOptions {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let mut options = OpenOptions::new();
    options.append(true).mode(0o600).custom_flags(flags);
    options
}

/// A file that was not there.
fn create(path: &Path) -> io::Result<File> {
    options().create_new(true).open(path)
}

fn open(path: &Path) -> io::Result<File> {
    let file = options().create(true).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

impl Lines {
    fn new(target: Target) -> Self {
        Self(Arc::new(Inner {
            target: Mutex::new(target),
            queue: OnceLock::new(),
            bytes: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            reopen: AtomicBool::new(false),
        }))
    }

    /// To standard error.
    pub fn stderr() -> Self {
        Self::new(Target::Stderr)
    }

    /// To the end of a file, which is made if need be and then given to `owner`, who may have to
    /// open it again.
    ///
    /// # Errors
    /// As `open(2)` and `fchown(2)`.
    pub fn file(path: PathBuf, owner: Option<(Uid, Gid)>) -> io::Result<Self> {
        // Only what this very call made is given away.
        let made = create(&path);
        if let (Ok(file), Some((uid, gid))) = (&made, owner) {
            fchown(file, Some(uid), Some(gid))?;
        }
        let file = made.or_else(|_| open(&path))?;
        let complaint = Seldom::default();
        Ok(Self::new(Target::File { file, path, torn: false, complaint }))
    }

    /// Has a thread write from now on. A second call does nothing.
    pub fn start(&self) {
        let (sender, receiver) = sync_channel(MOST_LINES);
        if self.0.queue.set(sender).is_ok() {
            let inner = Arc::clone(&self.0);
            // Without a thread nobody would read the queue.
            let started = std::thread::Builder::new().name("lines".to_owned());
            if let Err(error) = started.spawn(move || inner.write_all(&receiver)) {
                eprintln!("codemode: no thread for the log ({error}); lines are lost");
            }
        }
    }

    /// Hands over one line, with its line break.
    pub fn send(&self, line: Vec<u8>) {
        let inner = &self.0;
        let Some(queue) = inner.queue.get() else {
            inner.target().write(&line, 1, &inner.dropped);
            return;
        };
        let length = line.len();
        let waiting = inner.bytes.fetch_add(length, Ordering::AcqRel);
        let fits = waiting == 0 || waiting.saturating_add(length) <= MOST_BYTES;
        if !fits || queue.try_send(Message::Line(line)).is_err() {
            inner.bytes.fetch_sub(length, Ordering::AcqRel);
            inner.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were lost.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Opens the file anew, before the next line or now.
    pub fn reopen(&self) {
        self.0.reopen.store(true, Ordering::Release);
        if let Some(queue) = self.0.queue.get() {
            let _ = queue.try_send(Message::Wake);
        }
    }

    /// Waits until what was handed over is written, no longer than `patience`.
    pub fn flush(&self, patience: Duration) {
        let Some(queue) = self.0.queue.get() else { return };
        let (sender, written) = sync_channel(1);
        let deadline = Instant::now() + patience;
        while queue.try_send(Message::Flush(sender.clone())).is_err() {
            if Instant::now() >= deadline {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = written.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

impl Inner {
    fn target(&self) -> MutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: as many lines at a time as are there.
    fn write_all(&self, queue: &Receiver<Message>) {
        // A line is said before the answer that it is about. On one processor its writer would be ahead of it.
        let _ = sys::interrupt_nobody();
        let mut chunk = Vec::with_capacity(CHUNK);
        while let Ok(first) = queue.recv() {
            let (mut next, mut lines, mut waiting) = (Some(first), 0, None);
            while let Some(message) = next.take() {
                match message {
                    Message::Line(line) => {
                        chunk.extend_from_slice(&line);
                        lines += 1;
                    }
                    Message::Flush(sender) => waiting = Some(sender),
                    Message::Wake => {}
                }
                if chunk.len() < CHUNK && waiting.is_none() {
                    next = queue.try_recv().ok();
                }
            }
            let mut target = self.target();
            if self.reopen.swap(false, Ordering::AcqRel) {
                target.reopen();
            }
            target.write(&chunk, lines, &self.dropped);
            drop(target);
            self.bytes.fetch_sub(chunk.len(), Ordering::AcqRel);
            chunk.clear();
            chunk.shrink_to(CHUNK);
            if let Some(sender) = waiting {
                let _ = sender.try_send(());
            }
        }
    }
}

impl Target {
    fn write(&mut self, chunk: &[u8], lines: u64, dropped: &AtomicU64) {
        if chunk.is_empty() {
            return;
        }
        match self {
            // Nobody is left to be told.
            Self::Stderr => {
                if io::stderr().lock().write_all(chunk).is_err() {
                    dropped.fetch_add(lines, Ordering::Relaxed);
                }
            }
            Self::File { file, path, torn, complaint } => {
                // What was half written must not spoil the next line.
                let ending: &[u8] = if *torn { b"\n" } else { b"" };
                let written = file.write_all(ending).and_then(|()| file.write_all(chunk));
                *torn = written.is_err();
                if let Err(error) = written {
                    dropped.fetch_add(lines, Ordering::Relaxed);
                    complaint.say(|| {
                        tracing::error!(
                            file = %path.display(), %error,
                            "records are lost: the audit file can't be written"
                        );
                    });
                }
            }
        }
    }

    fn reopen(&mut self) {
        let Self::File { file, path, torn, .. } = self else { return };
        match open(path) {
            Ok(fresh) => {
                (*file, *torn) = (fresh, false);
                tracing::info!(file = %path.display(), "audit file opened anew");
            }
            Err(error) => tracing::error!(
                file = %path.display(), %error,
                "the audit file can't be opened anew and the old one is kept; have it created for \
                 the account that codemode runs as, or its directory given to that account"
            ),
        }
    }
}

/// As `tracing` writes: one call per line.
pub struct LineWriter(pub Lines);

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.send(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn lines_are_appended_in_order_and_only_the_owner_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit");
        std::fs::write(&path, "before\n").unwrap();
        std::fs::remove_file(&path).unwrap();
        let lines = Lines::file(path.clone(), None).unwrap();
        lines.send(b"0\n".to_vec());
        lines.start();
        (1..1000).for_each(|number| lines.send(format!("{number}\n").into_bytes()));
        lines.flush(PATIENCE);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().enumerate().all(|(number, line)| line == number.to_string()));
        assert_eq!((text.lines().count(), lines.dropped()), (1000, 0));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn neither_a_link_nor_what_is_no_file_is_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        std::fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(Lines::file(real, None).is_ok());
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for wrong in [link, pipe, "/dev/null".into(), dir.path().to_owned()] {
            assert!(Lines::file(wrong.clone(), None).is_err(), "{}", wrong.display());
        }
    }

    #[test]
    fn after_a_rename_the_next_lines_go_to_a_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("audit"), dir.path().join("audit.1"));
        let lines = Lines::file(path.clone(), None).unwrap();
        lines.start();
        lines.send(b"one\n".to_vec());
        lines.flush(PATIENCE);
        std::fs::rename(&path, &old).unwrap();
        lines.send(b"two\n".to_vec());
        lines.flush(PATIENCE);
        lines.reopen();
        lines.send(b"three\n".to_vec());
        lines.flush(PATIENCE);
        assert_eq!(std::fs::read_to_string(old).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "three\n");
    }

    #[test]
    fn what_nobody_writes_is_bounded_and_its_loss_counted() {
        let lines = Lines::stderr();
        // A queue without a thread stands for a target that hangs.
        let (sender, _receiver) = sync_channel(MOST_LINES);
        lines.0.queue.set(sender).map_err(drop).unwrap();
        (0..40).for_each(|_| lines.send(vec![b'x'; 1 << 20]));
        assert_eq!(lines.dropped(), 24);
        assert_eq!(lines.0.bytes.load(Ordering::Relaxed), MOST_BYTES);
    }
}
