"""Writes the frames of another run's end to standard output, standard error and every other descriptor."""
# walls: descriptors
# depth: yes
# observe: neighbour bounded
import json, os

body = json.dumps({"t": "done", "ok": True, "result": '"of a neighbour"'}).encode()
frame = len(body).to_bytes(4, "little") + body
for descriptor in (0, 1, 2, *range(4, 64)):
    try:
        os.write(descriptor, frame)
        tried("a frame on descriptor %d" % descriptor)
    except OSError as error:
        tried("descriptor %d: %s" % (descriptor, error.strerror))
