"""Queues real-time signals that it never takes."""
# walls: rlimits
# observe: bounded word
# run: --timeout 5 --memory 64M
import ctypes
import os
import signal
import struct

libc = ctypes.CDLL(None, use_errno=True)
QUEUE = 129 if os.uname().machine == "x86_64" else 138
MOST = 20_000
signal.pthread_sigmask(signal.SIG_BLOCK, range(signal.SIGRTMIN, signal.SIGRTMAX))
information = ctypes.create_string_buffer(struct.pack("iiiiii", signal.SIGRTMIN, 0, -1, 0, 0, 0), 128)
sent = 0
while sent < MOST and libc.syscall(
    ctypes.c_long(QUEUE), os.getpid(), signal.SIGRTMIN, information
) == 0:
    sent += 1
tried(f"{sent} signals, then {os.strerror(ctypes.get_errno())}")
if sent == MOST:
    gained(f"{sent} signals are queued")
