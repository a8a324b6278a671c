"""Takes no_new_privs back, here, in a thread and in a child, and tells from /proc whether it still stands."""
# walls: no_new_privs
# observe: word
import ctypes
import os
import threading

libc = ctypes.CDLL(None, use_errno=True)
SET, GET = 38, 39


def undo(where):
    for words in ((SET, 0, 0, 0, 0), (SET, 2, 0, 0, 0), (SET, 0, 1, 1, 1)):
        done = libc.prctl(words[0], *[ctypes.c_ulong(word) for word in words[1:]])
        tried(f"{where}: {done}, {os.strerror(ctypes.get_errno())}")
    stands = libc.prctl(GET, *[ctypes.c_ulong(0)] * 4)
    if stands != 1:
        gained(f"{where}: no_new_privs is {stands}")


undo("here")
thread = threading.Thread(target=undo, args=("in a thread",))
thread.start()
thread.join()
child = os.fork()
if child == 0:
    os._exit(0 if libc.prctl(GET, *[ctypes.c_ulong(0)] * 4) == 1 else 1)
if os.waitpid(child, 0)[1]:
    gained("a child is without no_new_privs")
tried("in a child")
