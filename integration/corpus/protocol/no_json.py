"""Sends pickled and marshalled code where JSON is read."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# within: 10
import marshal, os, pickle, time

class Trap:
    def __reduce__(self):
        return os.system, ("id",)

for body in (marshal.dumps(compile("1", "x", "exec")), pickle.dumps(Trap())):
    os.write(3, len(body).to_bytes(4, "little") + body)
    tried("a frame of %d bytes of code" % len(body))
time.sleep(60)
