"""Traces init and the victim: attaches, seizes, and asks what of it would need no consent."""
# walls: seccomp pid_namespace landlock capabilities
# observe: word unharmed
# depth: yes
# with: calls
import os
import platform

PTRACE = 117 if platform.machine() == "aarch64" else 101
REQUESTS = {"attach": 16, "seize": 0x4206, "interrupt": 0x4207, "peek": 1, "detach": 17}

for number in {1, os.getppid(), aim.victim} - {0}:
    for name, request in REQUESTS.items():
        error = call(PTRACE, request, number, 0, 0)
        if error is None:
            gained(f"{name} of {number}")
        tried(f"{name} of {number}: {error}")
