# SPDX-License-Identifier: Apache-2.0
"""Writes MaxMind DB files: databases of our own for every test that needs one.

    mmdb.write_standard(folder / "GeoLite2-City.mmdb")
    mmdb.write(path, [("192.0.2.0/24", (46.2, 6.1)), ("192.0.2.7/32", None)])

From the command line: mmdb.py PATH writes the standard one."""

import ipaddress
import os
import pathlib
import struct
import sys

# Documentation addresses for the places that the distances are known of, and what the
# golden cases use.
A, B, L = "10.0.0.1", "10.0.0.2", "127.0.0.1"
CERN, FNAL, IHEP, RAL = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"
CERN_IPV6, FNAL_IPV6 = "2001:db8:1::1", "2001:db8:2::1"
IHEP_IPV6, RAL_IPV6 = "2001:db8:3::1", "2001:db8:4::1"
NOWHERE = "192.0.2.9"  # has a record, but no location
IPV6_ONLY = "2001:db8:6::1"
UNKNOWN, UNKNOWN_IPV6 = "192.0.2.99", "2001:db8:99::1"  # have no record

PLACES = {
    A: (41.8, -88.3),
    B: (40.0, 116.0),
    L: (46.2, 6.1),
    CERN: (46.2324, 6.0502),
    FNAL: (41.7768, -88.4604),
    IHEP: (39.9289, 116.3883),
    RAL: (51.75, -1.25),
    NOWHERE: None,
    CERN_IPV6: (46.2324, 6.0502),
    FNAL_IPV6: (41.7768, -88.4604),
    IHEP_IPV6: (39.9289, 116.3883),
    RAL_IPV6: (51.75, -1.25),
    IPV6_ONLY: (-33.9, 151.2),
}

EPOCH = 1760000000
MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR_SIZE = 16
POINTER, STRING, DOUBLE, BYTES, UINT16, UINT32, MAP = 1, 2, 3, 4, 5, 6, 7
INT32, UINT64, UINT128, ARRAY, BOOLEAN, FLOAT = 8, 9, 10, 11, 14, 15


class Float(float):
    """A number to be written with four bytes."""


class Unsigned(int):
    """A number with the width it is written with."""

    def __new__(cls, value, kind=UINT32):
        self = super().__new__(cls, value)
        self.kind = kind
        return self


def control(kind, size):
    """The bytes in front of a value."""
    extended = b"" if kind <= 7 else bytes([kind - 7])
    first = (kind if kind <= 7 else 0) << 5
    if size < 29:
        return bytes([first | size]) + extended
    if size < 285:
        return bytes([first | 29]) + extended + bytes([size - 29])
    if size < 65821:
        return bytes([first | 30]) + extended + (size - 285).to_bytes(2, "big")
    return bytes([first | 31]) + extended + (size - 65821).to_bytes(3, "big")


def pointer(offset):
    """A pointer to OFFSET of the data section, as short as can be."""
    for size_class, (bits, base) in enumerate(((11, 0), (19, 2048), (27, 526336))):
        if offset - base < 1 << bits:
            value = offset - base
            first = POINTER << 5 | size_class << 3 | value >> 8 * (size_class + 1)
            rest = value & (1 << 8 * (size_class + 1)) - 1
            return bytes([first]) + rest.to_bytes(size_class + 1, "big")
    return bytes([POINTER << 5 | 3 << 3]) + offset.to_bytes(4, "big")


class Data:
    """The data section: each record and each longer string once."""

    def __init__(self, share=True):
        self.bytes = bytearray()
        self.share = share
        self.strings = {}
        self.records = {}

    def append(self, value):
        """Write VALUE, whatever it is, at the end."""
        if isinstance(value, (bytes, bytearray)):  # encoded by the caller, damage and all
            self.bytes += value
        elif isinstance(value, dict):
            self.bytes += control(MAP, len(value))
            for key, member in value.items():
                self.append(key)
                self.append(member)
        elif isinstance(value, (list, tuple)):
            self.bytes += control(ARRAY, len(value))
            for member in value:
                self.append(member)
        elif isinstance(value, str):
            self.append_string(value)
        elif isinstance(value, bool):
            self.bytes += control(BOOLEAN, int(value))
        else:
            self.append_number(value)

    def append_string(self, value):
        if value in self.strings:
            self.bytes += pointer(self.strings[value])
            return
        encoded = value.encode()
        if self.share and len(encoded) > 3:
            self.strings[value] = len(self.bytes)
        self.bytes += control(STRING, len(encoded)) + encoded

    def append_number(self, value):
        if isinstance(value, Float):
            self.bytes += control(FLOAT, 4) + struct.pack(">f", value)
        elif isinstance(value, float):
            self.bytes += control(DOUBLE, 8) + struct.pack(">d", value)
        else:
            kind = getattr(value, "kind", UINT32)
            encoded = int(value).to_bytes((int(value).bit_length() + 7) // 8, "big")
            self.bytes += control(kind, len(encoded)) + encoded

    def record(self, value):
        """The offset of the record VALUE."""
        key = repr((value, types_of(value)))
        if key not in self.records:
            self.records[key] = len(self.bytes)
            self.append(value)
        return self.records[key]


def types_of(value):
    """What a value's text does not show: the widths of its numbers."""
    if isinstance(value, dict):
        return [types_of(member) for member in value.values()]
    if isinstance(value, (list, tuple)):
        return [types_of(member) for member in value]
    return type(value).__name__


class Tree:
    """The search tree. A record is None, the number of a node, or -1 - offset of data."""

    def __init__(self, bits):
        self.bits = bits
        self.nodes = [[None, None]]

    def insert(self, network, record):
        """Networks must come from the shortest prefix to the longest."""
        length = network.prefixlen
        address = int(network.network_address)
        if network.version == 4 and self.bits == 128:
            length += 96
        if network.max_prefixlen > self.bits:
            raise ValueError(f"{network} does not fit into an IPv4 tree")
        if length == 0:
            self.nodes[0] = [record, record]
            return
        node = self.nodes[0]
        for depth in range(length - 1):
            side = address >> self.bits - 1 - depth & 1
            below = node[side]
            if below is None or below < 0:
                node[side] = len(self.nodes)
                self.nodes.append([below, below])
            node = self.nodes[node[side]]
        node[address >> self.bits - length & 1] = record

    def encode(self, record_size):
        """The tree's bytes."""
        return b"".join(self.encode_node(node, record_size) for node in self.nodes)

    def encode_node(self, node, record_size):
        count = len(self.nodes)
        left, right = (
            count if r is None else r if r >= 0 else count + SEPARATOR_SIZE - 1 - r for r in node
        )
        if max(left, right) >= 1 << record_size:
            raise ValueError(f"records of {record_size} bits are too small for this database")
        if record_size == 28:
            middle = bytes([left >> 24 << 4 | right >> 24])
            left, right = left & 0xFFFFFF, right & 0xFFFFFF
            return left.to_bytes(3, "big") + middle + right.to_bytes(3, "big")
        return left.to_bytes(record_size // 8, "big") + right.to_bytes(record_size // 8, "big")


def normalized(value, flat, float32):
    """A record as it goes into the file. A place may be given as (latitude, longitude),
    None is a record without a location."""
    if isinstance(value, bytes):
        return value
    if value is None:
        return {"country": {"iso_code": "ZZ"}}
    if isinstance(value, tuple):
        value = {"location": {"latitude": value[0], "longitude": value[1]}}
    record = dict(value)
    location = record.pop("location", None)
    if isinstance(location, dict):
        kind = Float if float32 else float
        location = {
            key: kind(member) if isinstance(member, (int, float)) else member
            for key, member in location.items()
        }
    if location is not None:
        record |= location if flat else {"location": location}
    return record


def write(
    path,
    networks,
    *,
    ip_version=6,
    record_size=28,
    epoch=EPOCH,
    database_type="GeoLite2-City",
    flat=False,
    float32=False,
    share=True,
):
    """Write a database to PATH by a rename, as databases must be replaced.

    networks   a dict or pairs of a network ("10.0.0.1/32", "2001:db8::/32") and what is
               there: {"location": {"latitude": .., "longitude": ..}}, for short
               (latitude, longitude); None for a record without a location; bytes for a
               record that is encoded already. The longest prefix wins; of one network
               the last record.
    flat       latitude and longitude directly in the record
    float32    written with four bytes
    share      strings and keys once, others point there"""
    pairs = networks.items() if isinstance(networks, dict) else networks
    parsed = [(ipaddress.ip_network(network), value) for network, value in pairs]
    parsed.sort(key=lambda pair: pair[0].prefixlen + (96 if pair[0].version == 4 else 0))
    tree = Tree(128 if ip_version == 6 else 32)
    data = Data(share)
    for network, value in parsed:
        tree.insert(network, -1 - data.record(normalized(value, flat, float32)))
    metadata = Data(share=False)
    metadata.append({
        "node_count": Unsigned(len(tree.nodes)),
        "record_size": Unsigned(record_size, UINT16),
        "ip_version": Unsigned(ip_version, UINT16),
        "database_type": database_type,
        "languages": ["en"],
        "binary_format_major_version": Unsigned(2, UINT16),
        "binary_format_minor_version": Unsigned(0, UINT16),
        "build_epoch": Unsigned(epoch, UINT64),
        "description": {"en": "made for tests"},
    })  # fmt: skip
    separator = bytes(SEPARATOR_SIZE)
    content = tree.encode(record_size) + separator + data.bytes + MARKER + metadata.bytes
    temporary = pathlib.Path(f"{path}.{os.getpid()}.new")
    temporary.write_bytes(content)
    temporary.rename(path)


def standard(ip_version=6):
    """The networks of the standard database, one for each of PLACES."""
    addresses = {ipaddress.ip_address(text): place for text, place in PLACES.items()}
    return {
        f"{address}/{address.max_prefixlen}": place
        for address, place in addresses.items()
        if address.version <= ip_version
    }


def write_standard(path, *, ip_version=6, extra=(), **options):
    """Write PLACES, and what is in EXTRA."""
    networks = [*standard(ip_version).items(), *dict(extra).items()]
    write(path, networks, ip_version=ip_version, **options)


if __name__ == "__main__":
    write_standard(sys.argv[1])
