"""Sets timers whose handlers run while its end is being judged, then ends: nothing may run any more."""
# walls: exec_gate
# depth: yes
# observe: word
# within: 10
import ctypes, os, signal

libc = ctypes.CDLL(None)
runs = 0

# Before the end it may run once, if the processor is taken away just then; not again and again.
@ctypes.CFUNCTYPE(None, ctypes.c_int)
def handle(number):
    global runs
    runs += 1
    if runs == 4:
        gained("a handler runs in a program that has ended")

libc.signal(signal.SIGALRM, handle)
tried("timers after the end")
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0002)
libc._exit(0)
