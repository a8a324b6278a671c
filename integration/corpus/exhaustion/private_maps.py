"""Maps private pages and touches one of each, for ever."""
# walls: cgroup_memory rlimits
# observe: bounded
# verdict: memory_limit
# run: --memory 64M --timeout 10
# depth: yes
import mmap

tried("the first map")
held = []
while True:
    piece = mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, 1 << 20, mmap.PAGESIZE):
        piece[at] = 1
    held.append(piece)
