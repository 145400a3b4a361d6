# SPDX-License-Identifier: Apache-2.0
"""Input that means harm, properly signed where that matters: a clear error, no crash, bounded
memory, nothing published."""

import random
import resource
import subprocess
import zlib

import pytest

from forger import Forger, alter
from loops import count
from origin import Origin
from replica import REPLICACTL, Published, Replica, Run
from servers import DEADLINE_SECONDS, SANITIZED
from sources import fill

FQRN = "sw.example.net"
# Heap, stacks and all else that is private and writable.
MEMORY_BYTES = 64 << 20
BOMB_BYTES = 512 << 20


class Site:
    """A forged origin, and a replica that has a good revision or none."""

    def __init__(self, folder, published, good):
        self.published = published
        self.forger = Forger(folder, published)
        self.origin = Origin({FQRN: published.storage}, random.Random(1))
        self.replica = Replica(folder / "replica", FQRN, self.origin.url(FQRN), published.key,
                               REPLICA_MAX_CATALOG_BYTES="64M")
        if good:
            self.replica.snapshot().assert_ok()
        self.before = self.replica.manifest()
        self.origin.repositories[FQRN] = self.forger.storage

    def snapshot(self):
        """One that must do with little memory."""
        def bound():
            if not SANITIZED:
                resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))

        process = subprocess.Popen([REPLICACTL, "snapshot", FQRN], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, preexec_fn=bound,
                                   env=self.replica.environment())
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        return Run(process, output)

    def assert_refused(self, *words):
        run = self.snapshot().assert_failed(*words)
        assert "Sanitizer" not in run.output
        assert self.replica.manifest() == self.before
        assert self.replica.leftovers() == []


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    repository = Published(folder / "origin", FQRN, "minimum=32768", "average=65536",
                           "maximum=131072")
    repository.publish(fill(folder / "source", random.Random(7)))
    return repository


@pytest.fixture
def site(folder, published):
    """A replica that has the good revision, from before the origin was forged."""
    site = Site(folder, published, True)
    yield site
    site.origin.close()


@pytest.fixture(params=[False, True], ids=["initial", "incremental"])
def any_site(request, folder, published):
    """That, and a replica that has nothing yet."""
    site = Site(folder, published, request.param)
    yield site
    site.origin.close()


def nested(path=None, text=None, size=None):
    """Change the row of one nested catalog."""
    values = {"path": path, "sha1": text, "size": size}
    changes = ", ".join(f"{column} = '{value}'" for column, value in values.items()
                        if value is not None)
    return f"UPDATE nested_catalogs SET {changes} WHERE path = '/sw/package1'"


# SQL on the root catalog, and words of the error.
CATALOGS = {
    "nested path climbs": (nested(path="/sw/../../etc"), "nested catalog"),
    "nested path with a dot": (nested(path="/sw/./x"), "nested catalog"),
    "nested path is relative": (nested(path="sw/package1"), "nested catalog"),
    "nested path is the root": (nested(path=""), "nested catalog"),
    "nested path is another's": (nested(path="/sw/elsewhere"), "mounted at '/sw/package1'"),
    "nested hash is a path": (nested(text="../../../../etc/passwd"), "nested catalog"),
    "nested hash is short": (nested(text="abcdef"), "nested catalog"),
    "nested hash of nothing": (nested(text=""), "nested catalog"),
    "nested hash of an unknown kind": (nested(text="a" * 40 + "-md4"), "nested catalog"),
    "nested size is wrong": (nested(size=1000), "catalog"),
    "nested size is negative": (nested(size=-5), "nested catalog"),
    "nested size is beyond all": (nested(size=2 ** 62), "REPLICA_MAX_CATALOG_BYTES"),
    "wrong prefix": ("INSERT OR REPLACE INTO properties VALUES ('root_prefix', '/sw')",
                     "mounted at '/sw'"),
    "short hash": ("UPDATE catalog SET hash = x'abcdef' WHERE length(hash) > 0", "hash"),
    "long hash": ("UPDATE catalog SET hash = zeroblob(64) WHERE length(hash) > 0", "hash"),
    "hash is text": ("UPDATE catalog SET hash = '../../../../../etc/passwd' "
                     "WHERE length(hash) > 0", "hash"),
    "short chunk": ("UPDATE chunks SET hash = x'00'", "hash"),
    "unknown algorithm": ("UPDATE catalog SET flags = flags | 1792", "algorithm"),
    "flags beyond 32 bits": ("UPDATE catalog SET flags = 1 << 40", "catalog"),
    "a table is missing": ("DROP TABLE nested_catalogs", "nested_catalogs"),
    "a column is missing": ("ALTER TABLE catalog RENAME COLUMN hash TO hush", "catalog"),
    "unknown schema": ("INSERT OR REPLACE INTO properties VALUES ('schema', '9.9')", "9.9"),
    "a huge hash": ("UPDATE catalog SET hash = zeroblob(3000000) WHERE parent_1 = 0", "catalog"),
}


# Seen when the nested catalog itself is read: not if it is in the store, sound, already.
SEEN_ON_READING = ("nested path is another's", "nested size is wrong",
                   "nested size is beyond all")


@pytest.mark.parametrize("name", CATALOGS)
def test_a_catalog_that_lies(any_site, name):
    statement, word = CATALOGS[name]
    any_site.forger.publish_catalog(alter(any_site.forger.inflated("C"), statement),
                                    tags=name not in SEEN_ON_READING)
    if any_site.before is not None and name in SEEN_ON_READING:
        assert any_site.snapshot().code in (0, 1)
    else:
        any_site.assert_refused(word)


@pytest.mark.parametrize("table", ["catalog", "chunks", "nested_catalogs", "properties"])
def test_views_in_the_place_of_tables(site, table):
    forged = alter(site.forger.inflated("C"), f"ALTER TABLE {table} RENAME TO real",
                   f"CREATE VIEW {table} AS SELECT * FROM real")
    site.forger.publish_catalog(forged)
    site.assert_refused("catalog")


def test_a_view_that_never_ends(site):
    forged = alter(site.forger.inflated("C"), "DROP TABLE nested_catalogs",
                   "CREATE VIEW nested_catalogs AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                   "SELECT i + 1 FROM n) SELECT '/sw/' || i AS path, '' AS sha1, 0 AS size FROM n")
    site.forger.publish_catalog(forged)
    site.assert_refused("catalog")


def test_a_trigger(site):
    forged = alter(site.forger.inflated("C"),
                   "CREATE TRIGGER t AFTER INSERT ON catalog BEGIN DELETE FROM catalog; END")
    site.forger.publish_catalog(forged)
    site.assert_refused("catalog")


# What is under the name of the root catalog instead of it, by its real bytes.
CONTENTS = {
    "no database": lambda real: b"hello" * 5000,
    "empty": lambda real: b"",
    "only a header": lambda real: real[:100],
    "half a database": lambda real: real[:len(real) // 2],
    "pages of zeros": lambda real: real[:4096] + bytes(len(real) - 4096),
    "pages of ones": lambda real: real[:4096] + b"\xff" * (len(real) - 4096),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_no_catalog(site, name):
    site.forger.publish_catalog(CONTENTS[name](site.forger.inflated("C")))
    site.assert_refused("catalog")


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_no_tag_database(site, name):
    content = CONTENTS[name](site.forger.inflated("H"))
    site.forger.publish(H=site.forger.put(content, "H"), S=9)
    site.assert_refused("tag database")


@pytest.mark.parametrize("change", [
    "UPDATE tags SET hash = '../../../etc/passwd'", "UPDATE tags SET hash = 'abc'",
    "UPDATE tags SET size = -1", "DROP TABLE tags",
    "UPDATE properties SET value = 'other.example.net' WHERE key = 'fqrn'",
    "UPDATE properties SET value = '7.7' WHERE key = 'schema'",
])
def test_a_tag_database_that_lies(site, change):
    forged = alter(site.forger.inflated("H"), change)
    site.forger.publish(H=site.forger.put(forged, "H"), S=9)
    site.assert_refused("tag database")


@pytest.mark.parametrize("damage", [lambda stored: stored[:-4], lambda stored: stored + b"more",
                                    lambda stored: b"", lambda stored: stored[2:],
                                    lambda stored: stored[:len(stored) // 2]],
                         ids=["no checksum", "trailing bytes", "empty", "no header", "half"])
@pytest.mark.parametrize("letter", "CHX")
def test_objects_that_do_not_inflate(site, letter, damage):
    stored = zlib.compress(site.forger.inflated(letter))
    site.forger.publish(**{letter: site.forger.put(damage(stored), letter, compress=False),
                           "S": 9})
    site.assert_refused({"C": "catalog", "H": "tag database", "X": "certificate"}[letter])


@pytest.fixture(scope="module")
def bomb():
    """Half a megabyte that inflates to a thousand times as much."""
    stream = zlib.compressobj(9)
    block = bytes(1 << 20)
    return b"".join([stream.compress(block) for _ in range(BOMB_BYTES >> 20)]
                    + [stream.flush()])


@pytest.mark.parametrize("size", [1000, None, 0, BOMB_BYTES, 2 ** 63 - 1],
                         ids=["small", "none", "zero", "true", "huge"])
def test_a_catalog_that_inflates_without_end(any_site, bomb, size):
    any_site.forger.publish(C=any_site.forger.put(bomb, "C", compress=False), B=size)
    any_site.assert_refused("REPLICA_MAX_CATALOG_BYTES" if (size or 0) >= BOMB_BYTES
                            else "catalog")


def test_other_objects_that_inflate_without_end(site, bomb):
    site.forger.publish(H=site.forger.put(bomb, "H", compress=False), S=9)
    site.assert_refused("tag database")
    site.forger.publish(X=site.forger.put(bomb, "X", compress=False), S=9)
    site.assert_refused("certificate")


def rows(number, text):
    return ("INSERT INTO nested_catalogs (path, sha1, size) VALUES (?, ?, ?)",
            ((f"/sw/x{i}", text(i), 0) for i in range(number)))


def test_a_million_nested_catalogs(any_site):
    forged = alter(any_site.forger.inflated("C"), rows(1_000_000, lambda i: f"{i:040x}"))
    any_site.replica.configure(REPLICA_MAX_CATALOG_BYTES="1G")
    any_site.forger.publish_catalog(forged)
    any_site.assert_refused("catalog")


def test_the_same_nested_catalog_many_times(site):
    real = site.forger.inflated("C")
    forged = alter(real, rows(20_000, lambda i: site.forger.field("C")))
    site.forger.publish_catalog(forged)
    run = site.snapshot()
    assert run.code in (0, 1), run.output
    fetched = [path for path in site.origin.paths() if path.endswith("C")]
    assert len(fetched) == len(set(fetched))


def read(site, name):
    return (site.published.storage / name).read_bytes()


def line_damages(content):
    """Every line removed, doubled, emptied, or with its first, middle or last byte changed."""
    lines = content.split(b"\n", content.split(b"--\n")[0].count(b"\n") + 2)
    for i, line in enumerate(lines):
        changed = [b"", line + b"\n" + line]
        for at in {0, len(line) // 2, len(line) - 1}:
            changed.append(line[:at] + bytes([line[at] ^ 1]) + line[at + 1:])
        for new in changed:
            yield b"\n".join([*lines[:i], new, *lines[i + 1:]])
        yield b"\n".join(lines[:i] + lines[i + 1:])


@pytest.mark.parametrize("name", [".cvmfspublished", ".cvmfswhitelist"])
def test_every_line_damaged(site, name):
    content = read(site, name)
    site.origin.repositories[FQRN] = site.published.storage
    damaged = [other for other in line_damages(content) if other != content]
    assert len(damaged) > 20
    for other in damaged:
        site.origin.heal()
        site.origin.fault(rf"\{name}$", "replace", other)
        try:
            site.assert_refused()
            assert_names_the_file(site, name)
        except AssertionError as problem:
            raise AssertionError(f"{other!r}: {problem}") from None


def assert_names_the_file(site, name):
    """A manifest's damage may first show in the object that it names."""
    run = site.snapshot()
    assert name in run.output or (name == ".cvmfspublished" and "certificate" in run.output)


def test_every_line_of_a_signed_manifest_damaged(site):
    """The signature is right: the reader of the fields stands alone."""
    lines = site.forger.lines
    values = ["", "-1", "x", "../../etc/passwd", "9" * 30, "a" * 40, "a" * 39, "0" * 40,
              "a" * 40 + "-sha9", "\x01\x02", "yes" * 1000]
    for i, line in enumerate(lines):
        if line[0] in "TYL":  # a time, and what nobody reads
            continue
        for value in values:
            site.forger.sign([*lines[:i], line[0] + value, *lines[i + 1:]])
            run = site.snapshot()
            assert run.code in (0, 1), (line[0], value, run.code, run.output)
            if line[0] in "CXHMNR" and value not in ("0" * 40, ""):
                assert run.code == 1, (line[0], value, run.output)
            if run.code == 1:
                assert FQRN in run.output, "the message says of what"


def spoil(content, chance):
    """A few bytes changed, removed or put in somewhere."""
    content = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(content))
        kind = chance.randrange(4)
        if kind == 0:
            content[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del content[at:at + chance.randrange(1, 20)]
        elif kind == 2:
            content[at:at] = chance.randbytes(chance.randrange(1, 20))
        else:
            content[at:at + 8] = chance.choice((bytes(8), b"\xff" * 8, b"\n", b"-"))
        if not content:
            break
    return bytes(content)


@pytest.mark.parametrize("name", [".cvmfspublished", ".cvmfswhitelist"])
def test_random_damage_to_signed_files(folder, published, name):
    site = Site(folder, published, True)
    chance = random.Random(name)
    content = read(site, name)
    try:
        for _ in range(count("DAMAGED_INPUTS") // 4):
            damaged = spoil(content, chance)
            if damaged == content:
                continue
            site.origin.heal()
            site.origin.fault(rf"\{name}$", "replace", damaged)
            site.assert_refused()
    finally:
        site.origin.close()


@pytest.mark.parametrize("letter", "CH")
def test_random_damage_to_signed_databases(folder, published, letter):
    """Properly hashed and signed: whether it is taken depends on what was hit."""
    site = Site(folder, published, False)
    chance = random.Random(letter)
    content = site.forger.inflated(letter)
    try:
        for _ in range(count("DAMAGED_INPUTS") // 4):
            damaged = spoil(content, chance)
            fields = {letter: site.forger.put(damaged, letter)}
            if letter == "C":
                fields["B"] = len(damaged)
            site.forger.publish(**fields)
            manifest = site.replica.manifest()
            run = site.snapshot()
            assert run.code in (0, 1), run.output
            if run.code == 1:
                assert site.replica.manifest() == manifest
            assert site.replica.leftovers() == []
    finally:
        site.origin.close()
