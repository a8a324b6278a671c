"""Opens the files of /proc by which a process changes itself: name, scheduling, memory, dumps, groups."""
# walls: landlock
# observe: word
import os

try:
    tasks = [f"/proc/self/task/{name}" for name in os.listdir("/proc/self/task")]
except OSError as error:
    tasks = []
    tried(f"/proc/self/task: {error.strerror}")
for directory in ["/proc/self", "/proc/1", *tasks]:
    for name in (
        "comm", "oom_score_adj", "coredump_filter", "clear_refs", "timerslack_ns", "sched", "autogroup", "loginuid",
        "mem", "attr/current", "attr/exec", "attr/keycreate", "uid_map", "setgroups", "timens_offsets", "make-it-fail",
    ):
        path = f"{directory}/{name}"
        try:
            os.close(os.open(path, os.O_WRONLY))
            gained(f"{path} is open for writing")
        except OSError as error:
            tried(f"{path}: {error.strerror}")
