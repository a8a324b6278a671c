//! A line between two, which can be cut after so many bytes, held up, and mended.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Which way bytes go: up to whoever listens, down to whoever connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Up,
    Down,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Nothing more passes this way; both ends stay connected.
    Held(Way),
    /// Every connection is gone, and new ones go at once.
    Cut,
}

struct Shared {
    state: watch::Sender<State>,
    /// Bytes that may still pass, and what comes then.
    left: [AtomicUsize; 2],
    passed: [AtomicUsize; 2],
    after: Mutex<State>,
    connections: AtomicUsize,
    /// Whether a cut resets connections rather than closing them.
    resets: AtomicBool,
}

/// See the module. Connections end when it is dropped.
pub struct Wire {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

impl Wire {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: watch::channel(State::Open).0,
            left: [AtomicUsize::new(usize::MAX), AtomicUsize::new(usize::MAX)],
            passed: [AtomicUsize::new(0), AtomicUsize::new(0)],
            after: Mutex::new(State::Open),
            connections: AtomicUsize::new(0),
            resets: AtomicBool::new(false),
        });
        let carried = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                carried.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(near, target, Arc::clone(&carried)));
            }
        });
        Self { address, shared, task }
    }

    /// Ends every connection, and new ones as they come.
    pub fn cut(&self) {
        self.shared.state.send_replace(State::Cut);
    }

    pub fn reset_when_cut(&self, resets: bool) {
        self.shared.resets.store(resets, Ordering::Relaxed);
    }

    /// Lets nothing more pass this way.
    pub fn hold(&self, way: Way) {
        self.shared.state.send_replace(State::Held(way));
    }

    /// As if nothing had been.
    pub fn mend(&self) {
        for left in &self.shared.left {
            left.store(usize::MAX, Ordering::Relaxed);
        }
        self.shared.state.send_replace(State::Open);
    }

    /// Is cut once `bytes` more have passed this way.
    pub fn cut_after(&self, way: Way, bytes: usize) {
        self.stop_after(way, bytes, State::Cut);
    }

    /// Holds back what comes this way once `bytes` more have passed.
    pub fn hold_after(&self, way: Way, bytes: usize) {
        self.stop_after(way, bytes, State::Held(way));
    }

    fn stop_after(&self, way: Way, bytes: usize, then: State) {
        *self.shared.after.lock().unwrap() = then;
        self.shared.left[way as usize].store(bytes, Ordering::Relaxed);
        if bytes == 0 {
            self.shared.state.send_replace(then);
        }
    }

    /// Connections that were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Bytes that have passed this way so far.
    pub fn passed(&self, way: Way) -> usize {
        self.shared.passed[way as usize].load(Ordering::Relaxed)
    }
}

async fn carry(near: TcpStream, target: SocketAddr, shared: Arc<Shared>) {
    if *shared.state.borrow() == State::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect(target).await else { return };
    for stream in [&near, &far] {
        stream.set_nodelay(true).unwrap();
    }
    let ends = [near.as_fd().try_clone_to_owned(), far.as_fd().try_clone_to_owned()];
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let mut state = shared.state.subscribe();
    tokio::select! {
        () = copy(near_read, far_write, Way::Up, &shared) => {}
        () = copy(far_read, near_write, Way::Down, &shared) => {}
        _ = state.wait_for(|state| *state == State::Cut) => {}
    }
    if shared.resets.load(Ordering::Relaxed) {
        // Closing then resets, as when a process ends with bytes unread.
        let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
        for end in ends.into_iter().flatten() {
            let _ = setsockopt(&end, sockopt::Linger, &at_once);
        }
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: Way, shared: &Shared) {
    let mut state = shared.state.subscribe();
    let mut buffer = vec![0; 16 << 10];
    let (left, passed) = (&shared.left[way as usize], &shared.passed[way as usize]);
    loop {
        if state.wait_for(|state| *state != State::Held(way)).await.is_err() {
            return;
        }
        let room = buffer.len().min(left.load(Ordering::Relaxed));
        let Ok(length @ 1..) = from.read(&mut buffer[..room]).await else { return };
        // Held up meanwhile.
        if state.wait_for(|state| *state != State::Held(way)).await.is_err()
            || to.write_all(&buffer[..length]).await.is_err()
        {
            return;
        }
        passed.fetch_add(length, Ordering::Relaxed);
        let before = left.load(Ordering::Relaxed);
        if before != usize::MAX {
            let rest = before.saturating_sub(length);
            left.store(rest, Ordering::Relaxed);
            if rest == 0 {
                shared.state.send_replace(*shared.after.lock().unwrap());
            }
        }
    }
}
