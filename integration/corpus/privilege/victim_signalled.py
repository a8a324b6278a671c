"""Sends the victim every signal by every call that sends one."""
# walls: pid_namespace landlock_scope
# observe: unharmed
# depth: yes
# with: calls
import ctypes
import os
import platform
import signal

ARM = platform.machine() == "aarch64"
TKILL, TGKILL, QUEUE, QUEUE_THREAD = (130, 131, 138, 240) if ARM else (200, 234, 129, 297)
PIDFD_OPEN, PIDFD_SEND_SIGNAL = 434, 424

victim = aim.victim
details = (ctypes.c_uint32 * 32)(signal.SIGTERM, 0, 0xFFFFFFFF)
for number in (0, signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM, signal.SIGSEGV, signal.SIGKILL):
    details[0] = number
    for name, words in (
        ("tkill", (TKILL, victim, number)),
        ("tgkill", (TGKILL, victim, victim, number)),
        ("rt_sigqueueinfo", (QUEUE, victim, number, ctypes.addressof(details))),
        ("rt_tgsigqueueinfo", (QUEUE_THREAD, victim, victim, number, ctypes.addressof(details))),
    ):
        tried(f"{name} {number}: {call(*words)}")
    try:
        os.kill(victim, number)
        tried(f"kill {number}: sent")
    except OSError as error:
        tried(f"kill {number}: {error.strerror}")
handle = libc.syscall(ctypes.c_long(PIDFD_OPEN), ctypes.c_long(victim), ctypes.c_long(0))
tried(f"a handle on the victim: {handle}")
if handle >= 0:
    tried(f"by its handle: {call(PIDFD_SEND_SIGNAL, handle, signal.SIGKILL, 0, 0)}")
