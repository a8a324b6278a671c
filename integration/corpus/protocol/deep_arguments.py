"""Calls tools with arguments nested 10,000 deep: the call may fail, the run and the application may not."""
# walls: descriptors
# depth: yes
# needs: tools
# observe: counted:1 neighbour
import os

def send(body):
    rest = memoryview(len(body).to_bytes(4, "little") + body)
    while rest:
        rest = rest[os.write(3, rest):]

def answer():
    return os.read(3, int.from_bytes(os.read(3, 4), "little"))

for depth in (100, 1000, 10_000):
    deep = b"[" * depth + b"]" * depth
    send(b'{"t":"call","id":1,"tool":"echo","args":{"value":%s}}' % deep)
    tried("%d deep: %s" % (depth, answer()[:80]))
send(b'{"t":"call","id":2,"tool":"echo","args":{"value":2}}')
tried("the control: %s" % answer())
