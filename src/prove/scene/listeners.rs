//! Listeners on this machine that nobody has any business with. The kernel keeps whoever comes until it is
//! looked at: no thread waits.

use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{self, UnixListener};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::prove::finding::Seen;
use crate::prove::secrets::random;

/// So many callers and bytes are told of.
const MOST: usize = 8;
const SHOWN: usize = 64;

/// See the module.
pub struct Listeners {
    tcp4: TcpListener,
    /// Where there is IPv6.
    tcp6: Option<TcpListener>,
    udp4: UdpSocket,
    unix: UnixListener,
    path: PathBuf,
    abstracted: UnixListener,
    name: String,
}

impl Listeners {
    /// Opens all; the socket with a path lies below `directory`.
    ///
    /// # Errors
    /// As `bind(2)`; a machine without IPv6 has none.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let tcp4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let tcp6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).ok();
        let udp4 = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let path = directory.join("anyone.socket");
        let unix = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777))?;
        let name = format!("codemode-prove-{}", random(12)?);
        let address = net::SocketAddr::from_abstract_name(&name)?;
        let abstracted = UnixListener::bind_addr(&address)?;
        tcp4.set_nonblocking(true)?;
        tcp6.as_ref().map_or(Ok(()), |listener| listener.set_nonblocking(true))?;
        udp4.set_nonblocking(true)?;
        unix.set_nonblocking(true)?;
        abstracted.set_nonblocking(true)?;
        Ok(Self { tcp4, tcp6, udp4, unix, path, abstracted, name })
    }

    /// As the program is told.
    pub fn aim(&self) -> Map<String, Value> {
        let address = |address: io::Result<SocketAddr>| match address {
            Ok(address) => json!([address.ip().to_string(), address.port()]),
            Err(_) => Value::Null,
        };
        let tcp4 = address(self.tcp4.local_addr());
        let aim = json!({
            "tcp4": tcp4,
            "tcp6": self.tcp6.as_ref().map(|listener| address(listener.local_addr())),
            "udp4": address(self.udp4.local_addr()),
            "unix": self.path,
            "abstract": format!("\0{}", self.name),
            "upstream": tcp4,
        });
        aim.as_object().cloned().unwrap_or_default()
    }

    /// Whether there is IPv6 here.
    pub fn has_ipv6(&self) -> bool {
        self.tcp6.is_some()
    }

    /// Whether nobody came.
    pub fn look(&self) -> Seen {
        let mut heard = Vec::new();
        accepted("TCP over IPv4", &mut heard, || self.tcp4.accept().map(|(stream, _)| stream));
        if let Some(tcp6) = &self.tcp6 {
            accepted("TCP over IPv6", &mut heard, || tcp6.accept().map(|(stream, _)| stream));
        }
        accepted("the unix socket", &mut heard, || self.unix.accept().map(|(stream, _)| stream));
        accepted("the abstract socket", &mut heard, || {
            self.abstracted.accept().map(|(stream, _)| stream)
        });
        let mut buffer = [0; SHOWN];
        while let Ok((length, from)) = self.udp4.recv_from(&mut buffer) {
            heard.push(format!("UDP: {length} bytes from {from}: {}", shown(&buffer, length)));
            if heard.len() >= MOST {
                break;
            }
        }
        let count = if self.has_ipv6() { 5 } else { 4 };
        Seen::unless(heard, format!("nothing came to {count} listeners"))
    }
}

fn accepted<S: Read>(what: &str, heard: &mut Vec<String>, accept: impl Fn() -> io::Result<S>) {
    for _ in 0..MOST {
        match accept() {
            Ok(mut stream) => {
                // Accepted sockets wait, unless told not to; what came is there already.
                let mut buffer = [0; SHOWN];
                let said = match stream.read(&mut buffer) {
                    Ok(length) => format!(": {}", shown(&buffer, length)),
                    Err(_) => String::new(),
                };
                heard.push(format!("a connection to {what}{said}"));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn shown(buffer: &[u8], length: usize) -> String {
    format!("{:?}", String::from_utf8_lossy(buffer.get(..length).unwrap_or(buffer)))
}
