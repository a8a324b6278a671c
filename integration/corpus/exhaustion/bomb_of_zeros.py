"""Unpacks two megabytes that become two gigabytes."""
# walls: cgroup_memory rlimits
# observe: bounded
# verdict: memory_limit
# run: --timeout 10 --memory 64M
# depth: yes
import zlib

packer = zlib.compressobj(9, wbits=-15)
# Nothing in it refers to what is before it, so that it may stand there as often as one likes.
layer = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
packed = layer * 2048 + packer.flush()
tried(f"{len(packed)} bytes")
zlib.decompress(packed, wbits=-15)
