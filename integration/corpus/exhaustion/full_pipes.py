"""Makes every pipe as large as it may be, and fills it."""
# walls: cgroup_memory rlimits
# observe: bounded
# verdict: ok memory_limit exception open_files_limit
# run: --timeout 5 --memory 64M --open-files 256
# depth: yes
import fcntl
import os

F_SETPIPE_SZ = 1031
held = 0
tried("the first pipe")
try:
    while True:
        read, write = os.pipe()
        os.set_blocking(write, False)
        for size in (1 << 20, 1 << 18, 1 << 16):
            try:
                fcntl.fcntl(write, F_SETPIPE_SZ, size)
                break
            except PermissionError:
                continue
        try:
            while True:
                held += os.write(write, b"x" * (1 << 16))
        except BlockingIOError:
            continue
except OSError as error:
    tried(f"{held} bytes in pipes, then {error}")
