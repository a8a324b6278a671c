"""Looks for a route to the addresses at which clouds tell a machine its credentials."""
# walls: network_namespace
# observe: word
# depth: yes
import socket

# A connected datagram socket has a route, and sends nothing.
addresses = ["169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "fd00:ec2::254"]
for address in addresses:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 80))
            gained(f"a route to {address} from {probe.getsockname()[0]}")
    except OSError as error:
        tried(f"{address}: {error}")
