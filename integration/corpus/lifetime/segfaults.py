"""Reads from address 0, with handlers set for that which never return."""
# walls: pid_namespace
# depth: yes
# verdict: timeout signal
# run: --timeout 2
# within: 10
import ctypes, signal

libc = ctypes.CDLL(None)
libc.signal(signal.SIGSEGV, ctypes.cast(libc.pause, ctypes.c_void_p))
tried("a handler that never returns")
ctypes.string_at(0)
