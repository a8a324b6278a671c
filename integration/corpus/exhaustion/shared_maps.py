"""Fills shared anonymous pages, which stay when no process has them mapped."""
# walls: cgroup_memory seccomp
# observe: bounded
# verdict: memory_limit exception
# run: --memory 64M --timeout 10
# depth: yes
import mmap

tried("the first map")
held = []
while True:
    piece = mmap.mmap(-1, 1 << 20, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
    piece.write(b"x" * (1 << 20))
    held.append(piece)
