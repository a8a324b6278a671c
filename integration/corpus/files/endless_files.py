"""Makes empty files and links, which take no space, until it is refused one."""
# walls: root
# observe: word kept bounded
# verdict: ok scratch_limit
# run: --scratch-inodes 2000 --scratch-size 16M
import os

made = 0
try:
    while made < 100_000:
        if made % 2:
            os.symlink("nowhere", f"/outputs/link-{made}")
        else:
            os.close(os.open(f"/outputs/file-{made}", os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError as error:
    tried(f"{made} files, then: {error.strerror}")
if made > 2000:
    gained(f"{made} files of 2000")
try:
    os.mkdir("/dev/shm/one-more")
    gained("another place has files of its own to give")
except OSError as error:
    tried(f"one more elsewhere: {error.strerror}")
