"""Takes memory bit by bit and writes to it."""
# walls: cgroup_memory rlimits
# observe: bounded neighbour
# verdict: memory_limit
# run: --memory 64M --timeout 10
# depth: yes
tried("the first piece")
held = []
while True:
    held.append(b"x" * (1 << 20))
