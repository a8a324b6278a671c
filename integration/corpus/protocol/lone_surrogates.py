"""Ends with half of a surrogate pair in its result, for readers whose strings can't hold one."""
# walls: descriptors
# depth: yes
# observe: neighbour
result = {"\ud800": "\udfff", "nul": "\x00"}
tried("a lone surrogate and a NUL in the result")
