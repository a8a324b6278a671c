"""Installs system-call filters of its own, with a listener that would answer for the sandbox's gate."""
# walls: seccomp
# observe: word
# with: calls
import ctypes
import platform
import struct

SECCOMP, PRCTL = (277, 167) if platform.machine() == "aarch64" else (317, 157)
STRICT, FILTER, ACTIONS, SIZES = 0, 1, 2, 3
TSYNC, LOG, LISTENER = 1, 2, 8
PR_SET_SECCOMP = 22

allow = ctypes.create_string_buffer(struct.pack("<HBBI", 0x06, 0, 0, 0x7FFF0000))
program = ctypes.create_string_buffer(struct.pack("<H6xQ", 1, ctypes.addressof(allow)))
action = ctypes.create_string_buffer(struct.pack("<I", 0x7FC00000))
for name, words in (
    ("a filter", (SECCOMP, FILTER, 0, ctypes.addressof(program))),
    ("a filter for all threads", (SECCOMP, FILTER, TSYNC, ctypes.addressof(program))),
    ("a filter with a listener", (SECCOMP, FILTER, LISTENER, ctypes.addressof(program))),
    ("a filter by prctl", (PRCTL, PR_SET_SECCOMP, 2, ctypes.addressof(program))),
    ("the question for actions", (SECCOMP, ACTIONS, 0, ctypes.addressof(action))),
    ("the question for sizes", (SECCOMP, SIZES, 0, ctypes.addressof(program))),
):
    error = call(*words)
    if error is None:
        gained(f"{name} went well")
    tried(f"{name}: {error}")
