//! Callers that write or read slowly, stop half-way in a request, or never open a window.

use std::time::{Duration, Instant};

use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::greeting;
use crate::harness::{KEY, eventually};
use crate::leaks::AtRest;
use crate::promise::{COMES, Stage, back_within_a_second, fresh_name, program};
use crate::wire::Way;

/// What an HTTP/2 client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Twice what the service gives a request to arrive.
const ARRIVED: Duration = Duration::from_secs(60);

/// Kinds of HTTP/2 frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
/// Flags of theirs.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let stream = stream.to_be_bytes();
    [&length[1..], &[kind, flags], &stream, payload].concat()
}

/// Literal headers, in no table: a zero, then each text behind its length.
fn headers(list: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    list.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// Connects with windows of `window` bytes and asks for a run, up to its message.
async fn asks(stage: &Stage, window: u32) -> TcpStream {
    let bearer = format!("Bearer {KEY}");
    let list = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/codemode.ExecutorService/Execute"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", bearer.as_str()),
    ];
    let initial_window = [&[0, 4], &window.to_be_bytes()[..]].concat();
    let said = [
        PREFACE.to_vec(),
        frame(SETTINGS, 0, 0, &initial_window),
        frame(HEADERS, END_HEADERS, 1, &headers(&list)),
    ];
    let mut stream = TcpStream::connect(("127.0.0.1", stage.sidecar.port)).await.unwrap();
    stream.write_all(&said.concat()).await.unwrap();
    stream
}

/// The message of a call: not compressed, its length, itself.
fn message(name: &str, then: &str) -> Vec<u8> {
    let body = program(name, then).encode_to_vec();
    [&[0], &u32::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_never_open_a_window_hold_up_nobody() {
    const TALKS: &str = "print('x' * 100_000)";
    // One place: whoever kept it would keep everybody out.
    let stage = Stage::set(&[("CODEMODE_CONCURRENT_RUNS", "1")]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    back_within_a_second("eight callers that don't read", async || {
        let mut callers = Vec::new();
        for number in 0..8 {
            let name = fresh_name();
            let mut stream = asks(&stage, 0).await;
            let call = frame(DATA, END_STREAM, 1, &message(&name, TALKS));
            stream.write_all(&call).await.unwrap();
            eventually("its program runs", COMES, || stage.marked(&name) == 1).await;
            callers.push(stream);
            // Every other one opens its window byte by byte.
            if number % 2 == 0 {
                continue;
            }
            for stream in &mut callers {
                let byte = frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes());
                stream.write_all(&byte).await.unwrap();
            }
        }
        stage.until_it_serves().await
    })
    .await;
    rest.again(&stage.sidecar, "callers that don't read").await;
}

/// Sends its request one byte a second; until the service gives it up.
async fn until_given_up(stage: &Stage) -> Duration {
    let begun = Instant::now();
    let name = fresh_name();
    let message = message(&name, "");
    let (mut reader, mut writer) = asks(stage, 1 << 16).await.into_split();
    let drip = async {
        for byte in message {
            let _ = writer.write_all(&frame(DATA, 0, 1, &[byte])).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let given_up = async {
        loop {
            let mut head = [0; 9];
            reader.read_exact(&mut head).await.expect("an answer before the connection ends");
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            reader.read_exact(&mut vec![0; length]).await.unwrap();
            if head[8] == 1 && [HEADERS, RESET].contains(&head[3]) {
                return;
            }
        }
    };
    tokio::select! {
        () = drip => panic!("the whole message was waited for"),
        () = given_up => {}
        () = tokio::time::sleep(ARRIVED) => panic!("not given up within {ARRIVED:?}"),
    }
    assert_eq!(stage.marked(&name), 0);
    begun.elapsed()
}

/// A whole client whose request stops half-way.
async fn until_told(stage: &Stage) -> Duration {
    let begun = Instant::now();
    let padding = format!("# {}", "x".repeat(5_000));
    stage.to_sidecar.hold_after(Way::Up, 2_000);
    let (name, outcome) = stage.call_over_wire(&padding).outcome().await;
    assert_eq!(outcome.unwrap_err().code(), tonic::Code::DeadlineExceeded);
    assert_eq!(stage.marked(&name), 0, "it may be tried again");
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_write_slowly_or_stop_half_way_are_given_up() {
    let stage = Stage::set(&[]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    let others = async {
        for _ in 0..8 {
            stage.serves().await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let (slow, told, (), ()) = tokio::join!(
        until_given_up(&stage),
        until_told(&stage),
        greeting::is_insisted_on(),
        others,
    );
    println!("given up after {slow:?}, {told:?}");
    assert!(slow.min(told) > ARRIVED / 4, "too early");
    stage.to_sidecar.cut();
    rest.again(&stage.sidecar, "slow callers").await;
}
