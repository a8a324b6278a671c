"""System calls by number."""
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def call(number, *words):
    """The error of a raw system call, or None if it went well."""
    words = [word if isinstance(word, bytes) else ctypes.c_long(word) for word in words]
    return os.strerror(ctypes.get_errno()) if libc.syscall(ctypes.c_long(number), *words) < 0 else None
