"""Unpacks a few kilobytes that become gigabytes, layer below layer."""
# walls: cgroup_memory rlimits
# observe: bounded
# verdict: memory_limit
# run: --timeout 10 --memory 64M
# depth: yes
import zlib

packer = zlib.compressobj(9)
packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(512)) + packer.flush()
tried(f"{len(packed)} bytes")
zlib.decompress(packed)
