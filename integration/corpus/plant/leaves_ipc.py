"""Leaves shared segments, queues, semaphores, and listening sockets with a process that holds them open."""
import ctypes
import os
import socket
import time

libc = ctypes.CDLL(None, use_errno=True)
KEY, CREATE, OPEN = 0x1EF7, 0o1000 | 0o666, os.O_CREAT | os.O_RDWR

for name, call in (
    ("shmget", lambda: libc.shmget(KEY, 4096, CREATE)),
    ("msgget", lambda: libc.msgget(KEY, CREATE)),
    ("semget", lambda: libc.semget(KEY, 1, CREATE)),
    ("mq_open", lambda: getattr(libc, "mq_open", lambda *_: -1)(b"/left-queue", OPEN, 0o666, None)),
    ("shm_open", lambda: getattr(libc, "shm_open", lambda *_: -1)(b"/left-segment", OPEN, 0o666)),
):
    ctypes.set_errno(0)
    tried(f"{name}: {call()}, {os.strerror(ctypes.get_errno())}")

kept = []
for address in ("\0left-socket", "/tmp/left-socket", "/dev/shm/left-socket"):
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(address)
        listener.listen()
        kept.append(listener)
        tried(f"listens at {address!r}")
    except OSError as error:
        tried(f"{address!r}: {error.strerror}")
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
    os._exit(0)
