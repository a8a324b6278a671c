"""Writes to both streams for ever from several threads, in small pieces with odd bytes."""
# walls: rlimits
# observe: bounded neighbour
# verdict: output_limit
# run: --output 64K --timeout 5 --memory 64M --processes 16
# depth: yes
import os
import threading

tried("the first piece")


def flood(stream):
    try:
        while True:
            os.write(stream, b"\x1b[2J\xff\x00\r" * 7)
    except OSError:
        os._exit(1)


for stream in (1, 2) * 3:
    threading.Thread(target=flood, args=(stream,)).start()
