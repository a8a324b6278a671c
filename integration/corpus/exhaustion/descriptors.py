"""Opens files until no descriptor is left."""
# walls: rlimits
# observe: bounded
# verdict: open_files_limit
# run: --memory 64M --open-files 64 --timeout 10
tried("the first file")
held = []
while True:
    held.append(open("/dev/null"))
