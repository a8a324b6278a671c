"""Signals the sandbox's init, which guards the end of the run and stands outside its rules."""
# walls: landlock_scope
# observe: word
import os
import signal

# Signal 0 sends nothing and tells whether others would be let through.
for number in (0, signal.SIGCONT, signal.SIGSTOP, signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL):
    try:
        os.kill(1, number)
        gained(f"signal {number} was let through to init")
    except OSError as error:
        tried(f"signal {number}: {error.strerror}")
