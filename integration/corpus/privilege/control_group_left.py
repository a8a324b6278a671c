"""Leaves its control groups: looks for their files, moves itself to the top, lifts limits, makes groups."""
# walls: root cgroup_namespace landlock
# observe: word
# depth: yes
import os

NAMES = (
    "cgroup.procs", "tasks", "memory.max", "memory.limit_in_bytes", "pids.max", "cgroup.kill", "cgroup.freeze",
)

tops = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/cgroup", "/dev/cgroup", "/proc/1/root/sys/fs/cgroup"]
try:
    with open("/proc/self/mountinfo") as table:
        tops += [line.split()[4] for line in table if " - cgroup" in line]
except OSError as error:
    tried(f"/proc/self/mountinfo: {error.strerror}")
for top in tops:
    for group in ("", "/memory", "/pids", "/..", "/memory/.."):
        for name in NAMES:
            path = f"{top}{group}/{name}"
            try:
                os.close(os.open(path, os.O_WRONLY))
                gained(f"{path} is open for writing")
            except OSError as error:
                tried(f"{path}: {error.strerror}")
    try:
        os.mkdir(f"{top}/made-by-a-run")
        gained(f"a group in {top}")
    except OSError as error:
        tried(f"a group in {top}: {error.strerror}")
