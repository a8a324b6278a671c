"""Says over and over that its program has only begun, which the supervisor hears once per run."""
# walls: descriptors
# depth: yes
# observe: neighbour
import os

body = b'{"t":"go"}'
stream = (len(body).to_bytes(4, "little") + body) * 1000
for _ in range(100):
    rest = memoryview(stream)
    while rest:
        rest = rest[os.write(3, rest):]
tried("100,000 beginnings")
