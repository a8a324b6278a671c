//! Who calls, as the connection tells.

use http::Extensions;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

use crate::observe::Caller;

/// The caller of a request with these extensions.
pub fn of(extensions: &Extensions, by_key: bool) -> Caller {
    let tls = extensions.get::<TlsConnectInfo<TcpConnectInfo>>();
    let tcp = extensions.get::<TcpConnectInfo>().or_else(|| tls.map(TlsConnectInfo::get_ref));
    Caller {
        peer: tcp.and_then(TcpConnectInfo::remote_addr),
        by_key,
        certificates: tls.and_then(TlsConnectInfo::peer_certs),
    }
}
