"""Sends a frame that is a call by its first key and an end by its second."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# within: 10
import os, time

body = b'{"t":"call","t":"done","id":1,"id":2,"tool":"echo","args":{},"ok":true}'
os.write(3, len(body).to_bytes(4, "little") + body)
tried("a frame of two kinds")
time.sleep(60)
