"""Has the kernel spare it when memory runs out, so that others are killed in its place."""
# walls: landlock capabilities
# observe: word
# depth: yes
import os

for number in ("self", "1"):
    for name, text in (("oom_score_adj", "-1000"), ("oom_score_adj", "-1"), ("oom_adj", "-17")):
        path = f"/proc/{number}/{name}"
        try:
            descriptor = os.open(path, os.O_WRONLY)
            os.write(descriptor, text.encode())
            gained(f"{path} is now {text}")
        except OSError as error:
            tried(f"{path}: {error.strerror}")
