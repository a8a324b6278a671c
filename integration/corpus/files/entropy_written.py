"""Writes into the machine's source of random numbers, which every process of the host draws from."""
# walls: landlock
# observe: word
import os

for path in ("/dev/random", "/dev/urandom"):
    with open(path, "rb", buffering=0) as source:
        source.read(8)
    for flags in (os.O_WRONLY, os.O_RDWR):
        try:
            descriptor = os.open(path, flags)
        except OSError as error:
            tried(f"{path}: {error.strerror}")
            continue
        gained(f"{path} is open for writing")
        os.close(descriptor)
