"""Makes a Landlock ruleset of its own that allows everything, and enforces it."""
# walls: seccomp
# observe: word
# with: refused_calls
import ctypes

CREATE, ADD, RESTRICT = 444, 445, 446
VERSION = 1
attributes = (ctypes.c_uint64 * 3)(0, 0, 0)
everything = (ctypes.c_uint64 * 3)((1 << 13) - 1, 0, 0)
call("version", CREATE, None, 0, VERSION)
call("ruleset of nothing", CREATE, attributes, 8, 0)
call("ruleset of everything", CREATE, everything, 8, 0)
for descriptor in (-1, 0, 3):
    call(f"rule for {descriptor}", ADD, descriptor, 1, everything, 0)
    call(f"enforce {descriptor}", RESTRICT, descriptor, 0)
call("enforce with flags", RESTRICT, -1, 0xFF)
