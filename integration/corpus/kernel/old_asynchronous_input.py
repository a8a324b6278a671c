"""Reads and writes through the older asynchronous calls, which work on behalf of the caller later."""
# walls: seccomp
# observe: word
# with: refused_calls
import ctypes

SETUP, DESTROY, GET, SUBMIT, CANCEL = (206, 207, 208, 209, 210) if X86 else (0, 1, 4, 2, 3)
context = ctypes.c_ulong(0)
call("setup", SETUP, 8, ctypes.byref(context))
call("submit", SUBMIT, 0, 1, None)
call("get", GET, 0, 0, 1, None, None)
call("get, with a mask", 333 if X86 else 292, 0, 0, 1, None, None, None)
call("cancel", CANCEL, 0, None, None)
call("destroy", DESTROY, 0)
