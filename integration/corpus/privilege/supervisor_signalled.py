"""Signals the process at the other end of its control socket, by the handle that the kernel gives on a peer."""
# walls: pid_namespace seccomp
# observe: word unharmed
# depth: yes
import ctypes
import os
import select
import signal
import socket

libc = ctypes.CDLL(None, use_errno=True)
SO_PEERPIDFD, PIDFD_SEND_SIGNAL = 77, 424
THREAD_GROUP, PROCESS_GROUP = 2, 4

with socket.socket(fileno=os.dup(3)) as control:
    try:
        handle = control.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
    except OSError as error:
        handle = None
        tried(f"no handle: {error.strerror}")
if handle is not None:
    for flags in (0, THREAD_GROUP, PROCESS_GROUP):
        for number in (0, signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
            words = (ctypes.c_long(handle), ctypes.c_long(number), None, ctypes.c_long(flags))
            sent = libc.syscall(ctypes.c_long(PIDFD_SEND_SIGNAL), *words)
            if sent == 0:
                gained(f"signal {number} was sent ({flags})")
            else:
                tried(f"signal {number} ({flags}): {os.strerror(ctypes.get_errno())}")
    tried(f"it has ended: {bool(select.select([handle], [], [], 0)[0])}")
