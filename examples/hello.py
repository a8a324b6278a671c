"""What a program sees of the world from inside a sandbox."""
import os
import platform

print("Hello from inside the sandbox!")
print("Python", platform.python_version(), "as uid", os.getuid(), "pid", os.getpid())
print("files at /:", " ".join(sorted(os.listdir("/"))))
print("variables:", " ".join(sorted(os.environ)))
result = {"sum": sum(range(101))}
