"""Loads packet filters, classic and extended, into the kernel as options of a socket."""
# walls: seccomp
# observe: word
import ctypes
import errno
import socket
import struct

# One instruction that lets everything through.
instruction = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xFFFF), 8)
program = struct.pack("HxxxxxxP", 1, ctypes.addressof(instruction))
options = {
    "attach filter": (26, program), "attach bpf": (50, struct.pack("i", 0)),
    "reuseport filter": (51, program), "reuseport bpf": (52, struct.pack("i", 0)),
}
for name, (option, value) in options.items():
    for family in (socket.AF_UNIX, socket.AF_INET):
        with socket.socket(family, socket.SOCK_DGRAM) as holder:
            try:
                holder.setsockopt(socket.SOL_SOCKET, option, value)
                gained(f"{name}: loaded")
            except OSError as error:
                tried(f"{name}: {error}")
                if error.errno not in (errno.EPERM, errno.ENOSYS):
                    gained(f"{name} reached the kernel: {error.strerror}")
