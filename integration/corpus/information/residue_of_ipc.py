"""Looks for segments, queues, semaphores and sockets that the run before made, by their names."""
# walls: ipc_namespace network_namespace root
# observe: word
# first: leaves_ipc
# depth: yes
import ctypes
import os
import socket

libc = ctypes.CDLL(None, use_errno=True)
KEY = 0x1EF7

for name, call in (
    ("shmget", lambda: libc.shmget(KEY, 4096, 0)),
    ("msgget", lambda: libc.msgget(KEY, 0)),
    ("semget", lambda: libc.semget(KEY, 1, 0)),
    ("mq_open", lambda: getattr(libc, "mq_open", lambda *_: -1)(b"/left-queue", os.O_RDONLY)),
    ("shm_open", lambda: getattr(libc, "shm_open", lambda *_: -1)(b"/left-segment", os.O_RDONLY, 0)),
):
    ctypes.set_errno(0)
    if call() >= 0:
        gained(f"{name} found what was left")
    else:
        tried(f"{name}: {os.strerror(ctypes.get_errno())}")

for address in ("\0left-socket", "/tmp/left-socket", "/dev/shm/left-socket"):
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(address)
            gained(f"{address!r} still answers")
        except OSError as error:
            tried(f"{address!r}: {error.strerror}")
