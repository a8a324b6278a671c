"""Ends with a result nested 500 deep, for readers that stop or crash somewhere below."""
# walls: descriptors
# depth: yes
result = []
for _ in range(500):
    result = [result]
tried("a result 500 deep")
