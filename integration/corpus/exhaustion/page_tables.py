"""Fills page tables and no pages: one page read in each stretch of a large map."""
# walls: rlimits cgroup_memory
# observe: bounded
# verdict: memory_limit exception
# run: --memory 64M --timeout 10
# depth: yes
import mmap

tried("the first map")
held = []
while True:
    piece = mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)
    for at in range(0, 1 << 30, 2 << 20):
        piece[at]
    held.append(piece)
