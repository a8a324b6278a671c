"""Makes empty files, directories, links and pipes until there is no room for another."""
# walls: root
# observe: bounded word
# verdict: scratch_limit
# run: --memory 256M --scratch-inodes 512 --timeout 10
import os

tried("the first file")
number = 0
while True:
    os.close(os.open(f"/tmp/file{number}", os.O_CREAT))
    os.mkdir(f"/tmp/directory{number}")
    os.symlink("/", f"/tmp/link{number}")
    os.mkfifo(f"/tmp/pipe{number}")
    number += 1
    if number == 200:
        gained("800 files, links and directories of 512")
