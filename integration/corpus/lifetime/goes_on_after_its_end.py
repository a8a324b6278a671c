"""Sets timers whose handlers run while its end is being judged, then ends: nothing may run any more."""
# walls: exec_gate
# depth: yes
# observe: word
# within: 10
import ctypes, os, signal, time

EXIT_GROUP, SA_SIGINFO, SA_RESTART = 231, 4, 0x10000000
GOES_ON = "a handler runs in a program that has ended"
libc = ctypes.CDLL(None)

class Action(ctypes.Structure):
    _fields_ = [("handler", ctypes.c_void_p), ("mask", ctypes.c_ulong * 16), ("flags", ctypes.c_int),
                ("restorer", ctypes.c_void_p)]

first = 0.0005

def set_timers(first):
    signal.setitimer(signal.ITIMER_REAL, first, 0.0002)

@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
def handle(number, information, context):
    global first
    rax, rip = (ctypes.c_ulong.from_address(context + at).value for at in (144, 168))
    # Woken within the call that ends it, which starts again when this returns.
    if rax == EXIT_GROUP and ctypes.string_at(rip, 2) == b"\x0f\x05":
        set_timers(0)
        gained(GOES_ON)
        # Nobody hears the rest of a program that has been judged. This one had only just begun to end,
        # and nobody had noticed yet: again, with more time for that.
        time.sleep(0.05)
        retracted(GOES_ON)
        first *= 2
        set_timers(first)

action = Action(ctypes.cast(handle, ctypes.c_void_p), flags=SA_SIGINFO | SA_RESTART)
libc.sigaction(signal.SIGALRM, ctypes.byref(action), None)
tried("timers after the end")
set_timers(first)
libc._exit(0)
