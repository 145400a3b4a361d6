# SPDX-License-Identifier: Apache-2.0
"""Lists the networks of a MaxMind DB file, to know which addresses are worth asking for.
Reads the tree alone; what is in the records is for the readers under test."""

import ipaddress

MARKER = b"\xab\xcd\xefMaxMind.com"


def unsigned(metadata, key):
    """The number after KEY: one control byte, a second one if it says so, the bytes."""
    at = metadata.index(key.encode()) + len(key)
    size = metadata[at] & 31
    at += 1 if metadata[at] >> 5 else 2
    return int.from_bytes(metadata[at : at + size], "big")


class Tree:
    """The search tree of the file at PATH."""

    def __init__(self, path):
        self.bytes = path.read_bytes()
        metadata = self.bytes[self.bytes.rindex(MARKER) + len(MARKER) :]
        self.node_count = unsigned(metadata, "node_count")
        self.record_size = unsigned(metadata, "record_size")
        self.bits = 128 if unsigned(metadata, "ip_version") == 6 else 32

    def records(self, number):
        """The left and the right record of a node."""
        size = self.record_size // 4
        node = self.bytes[number * size : number * size + size]
        if self.record_size == 28:
            return (
                int.from_bytes(node[:3], "big") | node[3] >> 4 << 24,
                int.from_bytes(node[4:], "big") | (node[3] & 15) << 24,
            )
        return int.from_bytes(node[: size // 2], "big"), int.from_bytes(node[size // 2 :], "big")

    def networks(self):
        """Every network that has a record of its own, or none; aliases of the IPv4 tree
        are followed like everything else."""
        pending = [(0, 0, 0)]
        while pending:
            number, prefix, length = pending.pop()
            if number >= self.node_count or length == self.bits:
                yield self.network(prefix, length)
                continue
            for side, record in enumerate(self.records(number)):
                pending.append((record, prefix << 1 | side, length + 1))

    def network(self, prefix, length):
        address = prefix << self.bits - length
        if self.bits == 32:
            return ipaddress.IPv4Network((address, length))
        return ipaddress.IPv6Network((address, length))


def addresses(network, random):
    """The first, the last and one inner address; those below ::/96 as IPv4 too."""
    picked = {network[0], network[-1], network[random.randrange(network.num_addresses)]}
    below = ipaddress.ip_network("::/96")
    for address in sorted(picked):
        yield str(address)
        if address.version == 6 and address in below:
            yield str(ipaddress.IPv4Address(int(address)))
