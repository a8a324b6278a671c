"""Leaves named pipes in /outputs, at which a careless collector waits for ever."""
# walls: root
# observe: kept
# depth: yes
# within: 15
import os

os.makedirs("/outputs/below", exist_ok=True)
for name in ("pipe", "result.json", "below/pipe.txt"):
    try:
        os.mkfifo(f"/outputs/{name}", 0o666)
        tried(f"a pipe named {name}")
    except OSError as error:
        tried(f"a pipe named {name}: {error.strerror}")

# One with a writer that never writes, so that even opening it tells nothing.
if os.fork() == 0:
    held = os.open("/outputs/pipe", os.O_RDWR)
    os.setsid()
    os.closerange(0, held)
    while True:
        os.read(held, 1)
tried("a pipe with a silent writer")
