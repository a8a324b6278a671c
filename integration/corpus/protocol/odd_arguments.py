"""Calls a tool with arguments of every wrong shape: no object, none, an object of a thousand keys."""
# walls: descriptors
# depth: yes
# needs: tools
# observe: counted:9 neighbour
import json, os

def read(count):
    data = b""
    while len(data) < count:
        data += os.read(3, count - len(data))
    return data

shapes = [None, [], "value", 7, True, {}, {"value": None}, {"value": {"value": []}},
          {"__codemode_value__": 1, "": "", "\x00": 0}, {str(n): "x" * 99 for n in range(1000)}]
for shape in shapes:
    body = json.dumps({"t": "call", "id": 1, "tool": "echo", "args": shape}).encode()
    rest = memoryview(len(body).to_bytes(4, "little") + body)
    while rest:
        rest = rest[os.write(3, rest):]
    tried("%.30r: %.60r" % (shape, read(int.from_bytes(read(4), "little"))))
