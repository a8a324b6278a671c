"""Calls tools by names of control characters, of escape sequences, of paths and of a mebibyte."""
# walls: descriptors
# depth: yes
# needs: tools
# observe: counted:0 bounded
import json, os

def read(count):
    data = b""
    while len(data) < count:
        data += os.read(3, count - len(data))
    return data

names = ["\x1b[2J\x1b]0;owned\x07", "\r\nverdict: ok\r\n", "\x00" * 100, "../../../etc/passwd",
         "\u202eohce", "x" * (1 << 20)]
for name in names:
    body = json.dumps({"t": "call", "id": 1, "tool": name, "args": {}}).encode()
    rest = memoryview(len(body).to_bytes(4, "little") + body)
    while rest:
        rest = rest[os.write(3, rest):]
    reply = read(int.from_bytes(read(4), "little"))
    assert len(reply) < 2000, len(reply)
    tried("a name of %d characters: an answer of %d" % (len(name), len(reply)))
