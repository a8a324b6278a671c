"""Raises each of its limits above the hard one, by every call that sets limits."""
# walls: rlimits capabilities
# observe: word
# depth: yes
import resource

names = sorted(name for name in vars(resource) if name.startswith("RLIMIT_"))
for name in names:
    kind = getattr(resource, name)
    soft, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY:
        tried(f"{name} has no hard limit")
        continue
    for way, attempt in (
        ("setrlimit", lambda wish: resource.setrlimit(kind, wish)),
        ("prlimit", lambda wish: resource.prlimit(0, kind, wish)),
    ):
        for wish in ((resource.RLIM_INFINITY,) * 2, (hard + 1, hard + 1), (soft, hard + 1)):
            try:
                attempt(wish)
            except (OSError, ValueError) as error:
                tried(f"{way} {name}: {error}")
    if resource.getrlimit(kind)[1] not in (hard,):
        gained(f"{name} was {hard}, is {resource.getrlimit(kind)[1]}")
