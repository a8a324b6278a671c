//! Standard output and error of a run: read as they come, kept up to a limit, cut with a mark.

use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;

/// What is done with a stream besides counting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Kept for the report.
    Keep,
    /// Written to this process's standard output as it comes.
    Stdout,
    /// Written to this process's standard error as it comes.
    Stderr,
}

/// What came of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The bytes, up to the limit, with the mark if they were cut. Empty unless kept.
    pub kept: Vec<u8>,
    /// Bytes that passed.
    pub passed: u64,
    /// Bytes read beyond the limit and dropped; the writer met a closed pipe after them.
    pub cut: u64,
}

/// Who may still write to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// The run goes on.
    Living,
    /// None: what is there is all.
    Gone,
    /// That is not known: the run was lost sight of. Its streams are read on for so long.
    Unknown(Duration),
}

fn mark(limit: u64) -> String {
    format!("\n[output cut at {limit} bytes]\n")
}

/// Reads `stream` to its end, or to `limit` bytes, and then closes it, which the writer is told
/// by `EPIPE`. Once its writers are gone, or have been unknown for long, what is there is all.
///
/// # Errors
/// As writing to our own standard streams.
pub async fn capture(
    mut stream: Receiver,
    limit: u64,
    sink: Sink,
    writers: watch::Receiver<Writers>,
) -> io::Result<Captured> {
    let mut captured = Captured::default();
    let mut chunk = vec![0; 16 << 10];
    let over = no_more_writers(writers);
    tokio::pin!(over);
    let mut is_over = false;
    loop {
        let read = tokio::select! {
            read = stream.read(&mut chunk), if !is_over => read,
            () = &mut over, if !is_over => {
                is_over = true;
                continue;
            }
            // The runtime may not have heard yet of what is there; the kernel has.
            else => Ok(nix::unistd::read(stream.as_fd(), &mut chunk).unwrap_or(0)),
        };
        let length = match read {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let room = usize::try_from(limit - captured.passed).unwrap_or(usize::MAX);
        let (fits, beyond) = chunk.get(..length).unwrap_or_default().split_at(length.min(room));
        pass(fits, sink, &mut captured.kept).await?;
        captured.passed += fits.len() as u64;
        if !beyond.is_empty() {
            captured.cut = beyond.len() as u64;
            pass(mark(limit).as_bytes(), sink, &mut captured.kept).await?;
            break;
        }
    }
    Ok(captured)
}

async fn no_more_writers(mut writers: watch::Receiver<Writers>) {
    // Whoever knew of them is gone, too.
    let known = writers.wait_for(|writers| *writers != Writers::Living).await.map(|known| *known);
    if let Ok(Writers::Unknown(patience)) = known {
        tokio::time::sleep(patience).await;
    }
}

async fn pass(bytes: &[u8], sink: Sink, kept: &mut Vec<u8>) -> io::Result<()> {
    let written = match sink {
        Sink::Keep => {
            kept.extend_from_slice(bytes);
            Ok(())
        }
        Sink::Stdout => write(tokio::io::stdout(), bytes).await,
        Sink::Stderr => write(tokio::io::stderr(), bytes).await,
    };
    match written {
        // A reader of ours that went away doesn't concern the run.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot pass output on: {error}"))),
        Ok(()) => Ok(()),
    }
}

async fn write(mut stream: impl AsyncWrite + Unpin, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use nix::fcntl::OFlag;
    use nix::unistd::{pipe2, write};

    use super::*;

    fn receiver(stream: OwnedFd) -> Receiver {
        Receiver::from_owned_fd_unchecked(stream).unwrap()
    }

    async fn captured(text: &[u8], limit: u64) -> Captured {
        let (read, writer) = pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).unwrap();
        write(&writer, text).unwrap();
        drop(writer);
        capture(receiver(read), limit, Sink::Keep, watch::channel(Writers::Gone).1).await.unwrap()
    }

    #[tokio::test]
    async fn once_it_is_over_what_is_there_is_all() {
        let (read, writer) = pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).unwrap();
        let (say, writers) = watch::channel(Writers::Living);
        let task = tokio::spawn(capture(receiver(read), 1 << 20, Sink::Keep, writers));
        tokio::task::yield_now().await;
        let text = [b'x'; 40_000];
        write(&writer, &text).unwrap();
        say.send(Writers::Gone).unwrap();
        // The writer stays open: nobody would ever read the end of the stream.
        assert_eq!(task.await.unwrap().unwrap().kept, text);
        drop(writer);
    }

    /// Nobody may be kept waiting for ever by a writer of whom nothing is known.
    #[tokio::test]
    async fn an_unknown_writer_is_listened_to_for_a_while() {
        let (read, writer) = pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).unwrap();
        let writers = watch::channel(Writers::Unknown(Duration::from_millis(300))).1;
        let task = tokio::spawn(capture(receiver(read), 10, Sink::Keep, writers));
        tokio::time::sleep(Duration::from_millis(50)).await;
        write(&writer, b"late").unwrap();
        assert_eq!(task.await.unwrap().unwrap().kept, b"late");
        drop(writer);
    }

    #[tokio::test]
    async fn what_fits_is_kept_whole_and_unmarked() {
        let captured = captured(b"12345", 5).await;
        assert_eq!((captured.kept.as_slice(), captured.cut), (b"12345".as_slice(), 0));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_cut_marked_and_counted() {
        let captured = captured(b"1234567", 5).await;
        assert!(captured.kept.starts_with(b"12345\n[output cut at 5 bytes]"));
        assert_eq!((captured.passed, captured.cut), (5, 2));
    }
}
