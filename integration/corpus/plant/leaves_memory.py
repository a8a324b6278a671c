"""Fills much memory with a word that no other run can know, in objects, in freed blocks and in the environment."""
import mmap
import os

word = "LEFT" + "-BEHIND-" + os.urandom(16).hex()
kept = [f"{word} {index}" for index in range(20_000)]
freed = [word.encode() * 100 for _ in range(2_000)]
del freed
os.environ["LEFT_BEHIND"] = word
anonymous = mmap.mmap(-1, 4 << 20)
anonymous.write((word.encode() + b"\n") * 1000)
with open("/dev/shm/left-memory", "w") as file:
    file.write(word * 1000)
tried(f"the word is in {len(kept)} objects")
