"""Has the kernel run programs of its own making or watch the machine: BPF, counters, user faults, rings."""
# walls: seccomp capabilities
# observe: word
# depth: yes
# with: calls
import ctypes
import os
import platform

ARM = platform.machine() == "aarch64"
BPF, PERF, USERFAULTFD = (280, 241, 282) if ARM else (321, 298, 323)
IO_URING_SETUP = 425

buffer = ctypes.create_string_buffer(256)
here = ctypes.addressof(buffer)
for name, words in (
    ("bpf map", (BPF, 0, here, 72)),
    ("bpf program", (BPF, 5, here, 72)),
    ("bpf, next program", (BPF, 11, here, 72)),
    ("performance counter", (PERF, here, 0, -1, -1, 0)),
    ("performance counter of all", (PERF, here, -1, 0, -1, 0)),
    ("user faults", (USERFAULTFD, 1)),
    ("a ring", (IO_URING_SETUP, 1, here)),
):
    error = call(*words)
    if error not in (os.strerror(1), os.strerror(38)):
        gained(f"{name} was heard: {error}")
    tried(f"{name}: {error}")
