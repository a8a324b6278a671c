"""Fills every writable place at once."""
# walls: root
# observe: bounded neighbour
# verdict: scratch_limit
# run: --memory 256M --scratch-size 8M --timeout 10
tried("the first file")
number = 0
while True:
    for place in ("/tmp", "/sandbox", "/outputs", "/dev/shm"):
        with open(f"{place}/{number}", "wb") as file:
            file.write(b"x" * (1 << 18))
    number += 1
