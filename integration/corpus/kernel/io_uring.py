"""Sets up an io_uring, by which calls reach the kernel past every filter of calls."""
# walls: seccomp
# observe: word
# with: refused_calls
import ctypes

SETUP, ENTER, REGISTER = 425, 426, 427
parameters = ctypes.create_string_buffer(120)
call("setup", SETUP, 8, parameters)
call("setup with a thread of the kernel", SETUP, 8, ctypes.create_string_buffer(b"\0" * 8 + b"\2", 120))
call("setup of nothing", SETUP, 0, None)
for descriptor in (-1, 0, 3):
    call(f"enter {descriptor}", ENTER, descriptor, 1, 0, 0, None, 0)
    call(f"register {descriptor}", REGISTER, descriptor, 0, None, 0)
call("register without a ring", REGISTER, -1, 20, parameters, 1)
