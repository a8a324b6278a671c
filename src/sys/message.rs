//! One datagram with descriptors over a unix socket, without allocation (`SCM_RIGHTS`, `unix(7)`).

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use nix::errno::Errno;

/// The most descriptors one message carries.
pub const MAX_FDS: usize = 16;

/// Room for one control message of `MAX_FDS` descriptors, aligned as `cmsghdr` wants.
#[repr(C, align(8))]
struct ControlBuffer([u8; 96]);

// CMSG_SPACE(16 * 4) is 80 on 64-bit Linux; the buffer must hold it.
const _: () = assert!(mem::size_of::<ControlBuffer>() >= 16 + MAX_FDS * 4);

fn header(iov: &mut libc::iovec, control: &mut ControlBuffer, length: usize) -> libc::msghdr {
    // SAFETY: msghdr is plain data for which all-zero bytes are a valid value.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_iov = iov;
    header.msg_iovlen = 1;
    if length > 0 {
        header.msg_control = ptr::from_mut(control).cast();
        header.msg_controllen = length;
    }
    header
}

/// Sends `bytes` with `descriptors` as one message. `SIGPIPE` is not raised.
///
/// # Errors
/// As `sendmsg(2)`; `EINVAL` for more than [`MAX_FDS`] descriptors.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> nix::Result<usize> {
    if descriptors.len() > MAX_FDS {
        return Err(Errno::EINVAL);
    }
    let mut control = ControlBuffer([0; 96]);
    let payload = (mem::size_of::<RawFd>() * descriptors.len()) as u32;
    // SAFETY: CMSG_SPACE is arithmetic on its argument.
    let space = unsafe { libc::CMSG_SPACE(payload) } as usize;
    let length = if descriptors.is_empty() { 0 } else { space };
    let mut iov = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let header = header(&mut iov, &mut control, length);
    if length > 0 {
        // SAFETY: the header's control buffer is aligned and holds `space` bytes, room for one
        // cmsghdr and `payload` bytes of descriptors; CMSG_FIRSTHDR points into it.
        unsafe {
            let first = libc::CMSG_FIRSTHDR(&raw const header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(payload) as usize;
            let data = libc::CMSG_DATA(first).cast::<RawFd>();
            for (index, descriptor) in descriptors.iter().enumerate() {
                ptr::write_unaligned(data.add(index), descriptor.as_raw_fd());
            }
        }
    }
    // SAFETY: `header` refers to `iov` and `control`, both alive here; sendmsg only reads them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) };
    Errno::result(sent).map(|sent| sent as usize)
}

/// Receives one message into `buffer`; returns its length and the descriptors that came with it,
/// close-on-exec. Length 0 is the end of the stream.
///
/// # Errors
/// As `recvmsg(2)`; `EMSGSIZE` for a message larger than `buffer` or with too many descriptors.
pub fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    flags: libc::c_int,
) -> nix::Result<(usize, [Option<OwnedFd>; MAX_FDS])> {
    let mut control = ControlBuffer([0; 96]);
    let mut iov = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let length = mem::size_of::<ControlBuffer>();
    let mut header = header(&mut iov, &mut control, length);
    // SAFETY: `header` refers to `iov` (which points to `buffer`) and `control`, all alive and
    // writable for the lengths given.
    let received = unsafe {
        libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags | libc::MSG_CMSG_CLOEXEC)
    };
    let received = Errno::result(received)? as usize;
    let mut descriptors = [const { None }; MAX_FDS];
    let mut count = 0;
    // SAFETY: the kernel filled `control` up to msg_controllen with well-formed headers, which is
    // what the CMSG_* walk relies on; each descriptor in an SCM_RIGHTS message is fresh in this
    // process and owned by nobody else.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&raw const header);
        while !message.is_null() {
            if (*message).cmsg_level == libc::SOL_SOCKET && (*message).cmsg_type == libc::SCM_RIGHTS
            {
                let bytes = (*message).cmsg_len - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(message).cast::<RawFd>();
                for index in 0..bytes / mem::size_of::<RawFd>() {
                    let owned = OwnedFd::from_raw_fd(ptr::read_unaligned(data.add(index)));
                    if let Some(place) = descriptors.get_mut(count) {
                        *place = Some(owned);
                    }
                    count += 1;
                }
            }
            message = libc::CMSG_NXTHDR(&raw const header, message);
        }
    }
    // Descriptors that found no room (MSG_CTRUNC) are missing from the array, for the caller to see.
    if count > MAX_FDS || header.msg_flags & libc::MSG_TRUNC != 0 {
        return Err(Errno::EMSGSIZE);
    }
    Ok((received, descriptors))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    #[test]
    fn carries_bytes_and_descriptors() {
        let (a, b) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
                .unwrap();
        let (read, write) = nix::unistd::pipe().unwrap();
        send(a.as_fd(), b"hello", &[read.as_fd(), write.as_fd()]).unwrap();
        let mut buffer = [0u8; 16];
        let (length, descriptors) = receive(b.as_fd(), &mut buffer, 0).unwrap();
        assert_eq!(&buffer[..length], b"hello");
        assert_eq!(descriptors.iter().flatten().count(), 2);
        nix::unistd::write(descriptors[1].as_ref().unwrap(), b"x").unwrap();
        let mut byte = [0u8; 1];
        assert_eq!(nix::unistd::read(&read, &mut byte).unwrap(), 1);
    }

    #[test]
    fn a_message_larger_than_the_buffer_is_refused() {
        let (a, b) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
                .unwrap();
        send(a.as_fd(), &[7u8; 64], &[]).unwrap();
        let mut buffer = [0u8; 16];
        assert_eq!(receive(b.as_fd(), &mut buffer, 0).unwrap_err(), Errno::EMSGSIZE);
    }
}
