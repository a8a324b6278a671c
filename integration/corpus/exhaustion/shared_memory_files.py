"""Fills /dev/shm with files that no process has mapped."""
# walls: root cgroup_memory
# observe: bounded
# verdict: scratch_limit memory_limit
# run: --memory 128M --scratch-size 32M --timeout 10
tried("the first file")
number = 0
while True:
    with open(f"/dev/shm/{number}", "wb") as file:
        file.write(b"x" * (1 << 20))
    number += 1
