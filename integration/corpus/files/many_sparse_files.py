"""Leaves a thousand sparse files of the largest size, together far more than scratch may hold."""
# walls: root
# observe: kept bounded
# verdict: ok scratch_limit
# depth: yes
# run: --file-size 256K --scratch-size 1M
import os

for index in range(1000):
    descriptor = os.open(f"/outputs/sparse-{index}", os.O_CREAT | os.O_WRONLY)
    os.ftruncate(descriptor, 256 << 10)
    os.close(descriptor)
tried(f"{len(os.listdir('/outputs'))} files of 256 KiB")
