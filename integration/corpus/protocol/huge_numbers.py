"""Calls with numbers that no double holds, and with one of 100,000 digits."""
# walls: descriptors
# depth: yes
# needs: tools
# observe: counted:0 neighbour
import os

for value in (b"1e999", b"-1e999", b"1e-999999999", b"1" * 100_000):
    body = b'{"t":"call","id":1,"tool":"nobody","args":{"value":%s}}' % value
    rest = memoryview(len(body).to_bytes(4, "little") + body)
    while rest:
        rest = rest[os.write(3, rest):]
    tried("%.9r: %s" % (value, os.read(3, int.from_bytes(os.read(3, 4), "little"))))
