"""Calls tools that are not on its list by names that look like one that is."""
# walls: descriptors
# depth: yes
# needs: tools
# observe: counted:0
import json, os

names = ["nobody", "hold", "Echo", "ECHO", " echo", "echo ", "echo\x00", "echo\n", "./echo", "../echo", "/echo",
         "e\u0441ho", "echo\u200b", "", "*", "%65cho", "echo,hold", '{"tool":"echo"}']
for name in names:
    body = json.dumps({"t": "call", "id": 1, "tool": name, "args": {"value": 1}}).encode()
    os.write(3, len(body).to_bytes(4, "little") + body)
    reply = json.loads(os.read(3, int.from_bytes(os.read(3, 4), "little")))
    assert reply["ok"] is False, (name, reply)
    tried("%r: refused" % name)
