"""Sends bytes that are no UTF-8 within a name."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# within: 10
import os, time

body = b'{"t":"call","id":1,"tool":"\xc3\x28\xed\xa0\x80\xff","args":{}}'
os.write(3, len(body).to_bytes(4, "little") + body)
tried("a name that is no UTF-8")
time.sleep(60)
