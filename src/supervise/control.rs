//! The conversation with the guest over its control socket.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use super::frames::{Call, Done, FrameError, Frames, Message, frame};
use super::marshal::Document;
use super::tools::{Answer, ToolSet};
use super::waits::Waits;

/// Tool calls of one run under way at a time; the guest's next ones wait in its socket.
const MOST_CALLS: usize = 256;
/// What the calls under way take in memory at a time, in bytes.
const MOST_BYTES: usize = 64 << 20;
/// Bytes of one call's arguments.
const MOST_ARGUMENTS: usize = 4 << 20;
/// Bytes that a frame may take beside a result.
const FRAME_ROOM: usize = 1 << 20;

/// What the guest is asked to run.
pub struct Program<'a> {
    /// Name in tracebacks.
    pub filename: &'a str,
    /// The source.
    pub code: &'a str,
    /// `sys.argv`.
    pub argv: &'a [String],
    /// Name and whether calls are awaited.
    pub tools: Vec<(&'a str, bool)>,
    /// `config` as the code sees it.
    pub config: &'a RawValue,
    /// `context` as the code sees it.
    pub context: &'a RawValue,
    /// Longest result, in characters of JSON.
    pub limit: u64,
}

impl Program<'_> {
    /// As the guest reads it: a list in this order.
    fn encode(&self) -> Vec<u8> {
        let mut document = Document::default();
        document.list(7).text(self.filename).text(self.code);
        document.list(self.argv.len());
        for argument in self.argv {
            document.text(argument);
        }
        document.list(self.tools.len());
        for (name, is_async) in &self.tools {
            document.list(2).text(name).truth(*is_async);
        }
        // JSON in JSON's stead: rarely there, and read only then.
        document.text(self.config.get()).text(self.context.get());
        document.float(self.limit as f64);
        document.into_bytes()
    }
}

#[derive(Serialize)]
struct Reply<'a> {
    t: &'static str,
    id: u64,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// How the guest's side of the conversation ended.
#[derive(Debug)]
pub enum Spoken {
    /// It told how the code ended.
    Done(Done),
    /// Its socket is shut.
    Silent,
    /// It sent what is no message.
    Nonsense(FrameError),
}

/// Our end of the control socket.
pub struct Control {
    reader: OwnedReadHalf,
    writer: Arc<Mutex<OwnedWriteHalf>>,
    frames: Frames,
    longest_result: usize,
    calls: Arc<AtomicU64>,
    begun: Arc<AtomicBool>,
    waits: Arc<Waits>,
}

impl Control {
    /// Takes our end; a result longer than `longest_result` bytes is nonsense.
    #[must_use]
    pub fn new(socket: UnixStream, longest_result: usize) -> Self {
        let (reader, writer) = socket.into_split();
        Self {
            reader,
            writer: Arc::new(Mutex::new(writer)),
            // A result may double in length when its quotes are escaped for the frame.
            frames: Frames::new(longest_result.saturating_mul(2).saturating_add(FRAME_ROOM)),
            longest_result,
            calls: Arc::default(),
            begun: Arc::default(),
            waits: Arc::default(),
        }
    }

    /// Turns true once the guest says that the program runs.
    #[must_use]
    pub fn begun(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.begun)
    }

    /// Counts the tool calls that were passed on.
    #[must_use]
    pub fn calls(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.calls)
    }

    /// Adds up how long tool calls took.
    #[must_use]
    pub fn waits(&self) -> Arc<Waits> {
        Arc::clone(&self.waits)
    }

    /// Hands the program over.
    ///
    /// # Errors
    /// As writing to the socket.
    pub async fn hand_over(&self, program: &Program<'_>) -> io::Result<()> {
        self.writer.lock().await.write_all(&frame(&program.encode())).await
    }

    /// Lets a guest go that waits for its readings to be taken. Does not wait itself: a guest may
    /// have seen to it that its socket is full.
    pub fn say_goodbye(&self) {
        let writer = Arc::clone(&self.writer);
        tokio::spawn(tokio::time::timeout(Duration::from_secs(1), async move {
            let _ = writer.lock().await.write_all(&frame(br#"{"t":"bye"}"#)).await;
        }));
    }

    /// Lets go of the socket. To say so to the guest first, as dropping does, would be a call more and wake
    /// our own thread for it.
    pub fn close(self) {
        // Whoever still answers a call closes it by dropping.
        if let Some(writer) = Arc::into_inner(self.writer) {
            writer.into_inner().forget();
        }
    }

    /// The guest keeps to the limit of a result by itself, unless somebody else speaks for it.
    fn end_told(&self, done: Done) -> Spoken {
        match done.result.as_ref().map(String::len) {
            Some(length) if length > self.longest_result => {
                Spoken::Nonsense(FrameError::LongResult(length, self.longest_result))
            }
            _ => Spoken::Done(done),
        }
    }

    /// Carries tool calls until the guest tells how the code ended, falls silent or talks
    /// nonsense. Cancel-safe only in the sense that dropping it ends the calls.
    pub async fn converse(&mut self, tools: &ToolSet) -> Spoken {
        let mut calls = JoinSet::new();
        let places = Arc::new(Semaphore::new(MOST_CALLS));
        let room = Arc::new(Semaphore::new(MOST_BYTES));
        let mut chunk = vec![0; 16 << 10];
        loop {
            loop {
                let message = match self.frames.next_frame() {
                    Ok(Some(body)) => Message::parse(body, MOST_ARGUMENTS),
                    Ok(None) => break,
                    Err(error) => Err(error),
                };
                match message {
                    Ok(Message::Go) => self.begun.store(true, Ordering::Relaxed),
                    Ok(Message::Done(done)) => return self.end_told(done),
                    Ok(Message::Call(call)) => {
                        while calls.try_join_next().is_some() {}
                        let weight = u32::try_from(call.weight.min(MOST_BYTES)).unwrap_or(u32::MAX);
                        let place = Arc::clone(&places).acquire_owned().await;
                        let bytes = Arc::clone(&room).acquire_many_owned(weight).await;
                        let (Ok(place), Ok(bytes)) = (place, bytes) else {
                            return Spoken::Silent;
                        };
                        self.calls.fetch_add(1, Ordering::Relaxed);
                        let (writer, tools) = (Arc::clone(&self.writer), tools.clone());
                        let waiting = self.waits.begin();
                        calls.spawn(async move {
                            let id = call.id;
                            let answer = answer(call, &tools).await;
                            drop(waiting);
                            let _ = reply(&writer, id, &answer).await;
                            drop((place, bytes));
                        });
                    }
                    Err(error) => return Spoken::Nonsense(error),
                }
            }
            match self.reader.read(&mut chunk).await {
                Ok(0) => return Spoken::Silent,
                Ok(length) => self.frames.push(chunk.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Spoken::Silent,
            }
        }
    }
}

/// Checks a call against the run's own list and passes it on.
async fn answer(call: Call, tools: &ToolSet) -> Answer {
    let shown: String = call.tool.chars().take(100).collect();
    let (true, Some(server)) = (tools.names.contains_key(&call.tool), &tools.server) else {
        return Err(format!("Tool '{shown}' is not available to this run"));
    };
    let arguments =
        call.arguments.map_err(|why| format!("the arguments can't be passed on: {why}"))?;
    let context =
        call.context.transpose().map_err(|why| format!("the context can't be passed on: {why}"))?;
    server.call(call.tool, arguments, context).await
}

async fn reply(writer: &Mutex<OwnedWriteHalf>, id: u64, answer: &Answer) -> io::Result<()> {
    let reply = match answer {
        Ok(value) => Reply { t: "reply", id, ok: true, value: Some(value), error: None },
        Err(error) => Reply { t: "reply", id, ok: false, value: None, error: Some(error) },
    };
    let body = serde_json::to_string(&reply)?;
    writer.lock().await.write_all(&frame(body.as_bytes())).await
}
