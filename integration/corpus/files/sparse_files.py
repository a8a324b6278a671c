"""Makes files that are enormous by their size and empty by their blocks, which a collector would copy as zeros."""
# walls: rlimits root
# observe: kept bounded
# verdict: ok file_size_limit scratch_limit
# depth: yes
# run: --file-size 256K --scratch-size 1M
import os
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for index, size in enumerate((1 << 18, 1 << 18, (1 << 18) + 1, 1 << 30, 1 << 40, (1 << 63) - 1)):
    descriptor = os.open(f"/outputs/sparse-{index}", os.O_CREAT | os.O_RDWR)
    for way, attempt in (
        ("truncated", lambda: os.ftruncate(descriptor, size)),
        ("allocated", lambda: os.posix_fallocate(descriptor, 0, size)),
        ("written at its end", lambda: os.pwrite(descriptor, b"x", size - 1)),
    ):
        try:
            attempt()
            tried(f"{way} to {size}")
        except OSError as error:
            tried(f"{way} to {size}: {error.strerror}")
    os.close(descriptor)
