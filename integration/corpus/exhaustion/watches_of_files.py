"""Watches files by inotify and never reads what is told, till the queues of the user are full."""
# walls: rlimits cgroup_memory
# observe: bounded
# verdict: ok exception memory_limit open_files_limit timeout cpu_limit
# run: --timeout 3 --memory 64M --open-files 256
# depth: yes
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
EVERYTHING = 0xFFF
watches = 0
tried("the first watch")
while True:
    queue = libc.inotify_init1(0)
    if queue == -1:
        tried(f"{watches} watches, then {os.strerror(ctypes.get_errno())}")
        break
    for place in (b"/tmp", b"/", b"/usr", b"/dev/shm"):
        watches += libc.inotify_add_watch(queue, place, EVERYTHING) != -1
    for number in range(100):
        os.close(os.open(f"/tmp/{number}", os.O_CREAT | os.O_WRONLY))
