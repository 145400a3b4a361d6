# SPDX-License-Identifier: Apache-2.0
"""Verify a repository on disk with openssl, sqlite3, zlib and hashlib: nothing of ours."""
import hashlib
import json
import os
import stat
import struct
import subprocess
import zlib

COUNTERS = ("regular", "symlink", "special", "dir", "nested", "chunked", "chunks",
            "file_size", "chunked_size", "xattr", "external", "external_file_size")
ALGORITHM_CODES = {0: "sha1", 1: "rmd160", 2: "shake128"}
SUFFIXES = {"sha1": "", "rmd160": "-rmd160", "shake128": "-shake128"}
NULL_HASH = "0" * 40
DIRECTORY, MOUNTPOINT, FILE, SYMLINK, SPECIAL, NESTED_ROOT, CHUNKED, EXTERNAL = (
    1 << bit for bit in range(8))


def run(*command, data=None):
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, (command, done.stderr.decode())
    return done.stdout


def digest(algorithm, data):
    """The text form of DATA's hash."""
    if algorithm == "shake128":
        return hashlib.shake_128(data).hexdigest(20) + SUFFIXES[algorithm]
    name = {"sha1": "sha1", "rmd160": "ripemd160"}[algorithm]
    return hashlib.new(name, data).hexdigest() + SUFFIXES[algorithm]


def algorithm_of(text):
    return next(name for name, suffix in SUFFIXES.items()
                if len(text) == 40 + len(suffix) and text.endswith(suffix))


def path_hash(path):
    return struct.unpack("<qq", hashlib.md5(path).digest())


def parent_of(path):
    return path[:path.rindex(b"/")] if path else None


def signed_parts(file):
    """Body, hash line, signature; the hash line is checked."""
    body, rest = file.split(b"\n--\n", 1)
    body += b"\n"
    line, signature = rest.split(b"\n", 1)
    line = line.decode()
    assert digest(algorithm_of(line), body) == line
    return body.decode().splitlines(), line, signature


class Database:
    """A database file, read through the sqlite3 tool."""

    def __init__(self, path):
        self.path = str(path)
        assert self.text("PRAGMA integrity_check") == "ok"
        assert self.text("PRAGMA foreign_key_check") == ""

    def text(self, sql):
        return run("sqlite3", "-readonly", self.path, sql).decode().strip()

    def rows(self, sql):
        out = run("sqlite3", "-readonly", "-json", self.path, sql)
        return json.loads(out) if out.strip() else []

    def properties(self):
        return {row["key"]: os.fsdecode(bytes.fromhex(row["value"])) for row in
                self.rows("SELECT key, hex(value) AS value FROM properties")}


class Repository:
    """FOLDER holds storage, spool and keys; SCRATCH is for inflated databases."""

    # Groups of hard links have the numbers from 1 on.
    numbers_groups_densely = True
    # Objects are byte for byte what the reference makes.
    compresses_as_zlib = True

    def __init__(self, folder, fqrn, scratch):
        self.folder, self.fqrn, self.scratch = str(folder), fqrn, str(scratch)
        self.storage = os.path.join(self.folder, "storage")
        self.objects = set()  # names of all that were read

    def file(self, *parts):
        with open(os.path.join(self.folder, *parts), "rb") as file:
            return file.read()

    def key(self, ending):
        return os.path.join(self.folder, "keys", self.fqrn + ending)

    def temporary(self, name, data):
        path = os.path.join(self.scratch, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def object(self, text, letter="", compressed=True):
        """The content of an object, which hashes to its name."""
        name = text + letter
        raw = self.file("storage", "data", name[:2], name[2:])
        assert digest(algorithm_of(text), raw) == text, name
        self.objects.add(name)
        if not compressed:
            return raw
        inflater = zlib.decompressobj()
        data = inflater.decompress(raw)
        assert inflater.eof and not inflater.unused_data
        assert not self.compresses_as_zlib or raw == zlib.compress(data, 6)
        return data

    def database(self, text, letter):
        data = self.object(text, letter)
        return Database(self.temporary(text + letter, data)), len(data)

    def stored_objects(self):
        names = set()
        for folder in os.listdir(os.path.join(self.storage, "data")):
            for rest in os.listdir(os.path.join(self.storage, "data", folder)):
                names.add(folder + rest)
        return names

    def check_keys(self):
        for ending, mode in ((".masterkey", 0o400), (".pub", 0o444), (".key", 0o400),
                             (".crt", 0o444)):
            assert stat.S_IMODE(os.stat(self.key(ending)).st_mode) == mode
        public = run("openssl", "rsa", "-in", self.key(".masterkey"), "-pubout")
        assert public == self.file("keys", self.fqrn + ".pub")
        assert b"2048 bit" in run("openssl", "pkey", "-pubin", "-in", self.key(".pub"),
                                  "-noout", "-text")
        assert run("openssl", "x509", "-in", self.key(".crt"), "-noout", "-pubkey") == \
            run("openssl", "pkey", "-in", self.key(".key"), "-pubout")
        run("openssl", "verify", "-check_ss_sig", "-no_check_time", "-CAfile",
            self.key(".crt"), self.key(".crt"))

    def check_whitelist(self, algorithm):
        lines, hash_line, signature = signed_parts(self.file("storage",
                                                             ".cvmfswhitelist"))
        path = self.temporary("whitelist.signature", signature)
        recovered = run("openssl", "pkeyutl", "-verifyrecover", "-pubin", "-inkey",
                        self.key(".pub"), "-in", path)
        assert recovered.decode() == hash_line
        assert len(lines) == 4 and len(lines[0]) == 14 and len(lines[1]) == 15
        assert lines[1][0] == "E" and lines[2] == "N" + self.fqrn
        der = run("openssl", "x509", "-in", self.key(".crt"), "-outform", "der")
        text = digest(algorithm, der)
        pairs = ":".join(text[i:i + 2] for i in range(0, 40, 2)) + text[40:]
        assert lines[3] == pairs.upper()
        if algorithm == "sha1":
            shown = run("openssl", "x509", "-in", self.key(".crt"), "-noout",
                        "-fingerprint", "-sha1").decode().strip()
            assert shown.split("=")[1] == lines[3]
        return lines

    def check_manifest(self):
        lines, hash_line, signature = signed_parts(self.file("storage",
                                                             ".cvmfspublished"))
        fields = {line[0]: line[1:] for line in lines}
        assert "".join(line[0] for line in lines) == "".join(
            letter for letter in "CBRDSGALNXHTMY" if letter in fields)
        assert algorithm_of(hash_line) == algorithm_of(fields["C"])
        certificate = self.temporary("certificate", self.object(fields["X"], "X"))
        assert self.file("keys", self.fqrn + ".crt") == self.object(fields["X"], "X")
        public = self.temporary("certificate.pub", run(
            "openssl", "x509", "-in", certificate, "-noout", "-pubkey"))
        shown = run("openssl", "dgst", "-sha1", "-verify", public, "-signature",
                    self.temporary("manifest.signature", signature),
                    self.temporary("manifest.hash", hash_line.encode()))
        assert shown == b"Verified OK\n"
        assert fields["N"] == self.fqrn
        assert fields["R"] == hashlib.md5(b"").hexdigest()
        json.loads(self.object(fields["M"], "M"))
        return fields

    def check_reflog(self, fields):
        raw = self.file("storage", ".cvmfsreflog")
        text = self.file("spool", "reflog.chksum").decode()
        assert text == digest(algorithm_of(text), raw) == fields["Y"]
        reflog = Database(os.path.join(self.storage, ".cvmfsreflog"))
        assert reflog.properties() == {"schema": "1.0", "schema_revision": "0",
                                       "fqrn": self.fqrn}
        refs = {(row["hash"], row["type"]): row["timestamp"]
                for row in reflog.rows("SELECT hash, type, timestamp FROM refs")}
        for letter, kind in (("C", 0), ("X", 1), ("H", 2), ("M", 3)):
            if letter in fields:
                assert (fields[letter], kind) in refs
        return refs

    def check_tags(self, fields):
        database, _ = self.database(fields["H"], "H")
        properties = database.properties()
        assert properties["schema"] == "1.0" and properties["schema_revision"] == "3"
        assert properties["fqrn"] == self.fqrn
        assert database.rows("SELECT * FROM branches") == [
            {"branch": "", "parent": None, "initial_revision": 0}]
        tags = {row["name"]: row for row in database.rows("SELECT * FROM tags")}
        trunk = tags["trunk"]
        assert trunk["hash"] == fields["C"] and trunk["revision"] == int(fields["S"])
        assert trunk["size"] == int(fields["B"]) and trunk["channel"] == 0
        assert trunk["description"] == "current HEAD"
        return tags, properties["previous_revision"]

    def check(self):
        """Everything; returns the manifest's fields and the entries by path."""
        self.check_keys()
        fields = self.check_manifest()
        self.check_whitelist(algorithm_of(fields["C"]))
        self.check_reflog(fields)
        self.check_tags(fields)
        tree = Tree(self)
        tree.read(fields["C"], int(fields["B"]), b"", None)
        assert tree.catalogs[b""]["properties"]["revision"] == fields["S"]
        assert tree.catalogs[b""]["properties"]["TTL"] == fields["D"]
        return fields, tree


class Tree:
    """All catalogs of a revision, and the rules that hold in and between them."""

    def __init__(self, repository):
        self.repository = repository
        self.entries = {}   # path -> row; a mountpoint's is the nested root's
        self.catalogs = {}  # mountpoint -> hash, properties, counters

    def read(self, text, size, mountpoint, transition):
        """Check one catalog and those below it; returns its counters with them."""
        database, actual = self.repository.database(text, "C")
        assert size == actual
        properties = database.properties()
        assert properties["schema"] == "2.5" and properties["schema_revision"] == "7"
        assert properties.get("root_prefix", "") == os.fsdecode(mountpoint)
        rows = self.read_rows(database, mountpoint, transition)
        nested = database.rows(
            "SELECT hex(path) AS path, sha1, size FROM nested_catalogs")
        nested = [dict(row, path=bytes.fromhex(row["path"])) for row in nested]
        counted = self.count(rows, len(nested))
        stored = {row["counter"]: row["value"]
                  for row in database.rows("SELECT counter, value FROM statistics")}
        assert len(stored) == 24
        below = dict.fromkeys(COUNTERS, 0)
        self.catalogs[mountpoint] = {"hash": text, "properties": properties,
                                     "rows": len(rows)}
        for row in nested:
            path = row["path"]
            assert rows[path]["flags"] & MOUNTPOINT
            for name, value in self.read(row["sha1"], row["size"], path,
                                         rows[path]).items():
                below[name] += value
        assert {row["path"] for row in nested} == {
            path for path, row in rows.items() if row["flags"] & MOUNTPOINT}
        for name in COUNTERS:
            assert stored["self_" + name] == counted[name], name
            assert stored["subtree_" + name] == below[name], name
        return {name: counted[name] + below[name] for name in COUNTERS}

    @staticmethod
    def columns(row):
        row = dict(row)
        for name in ("name", "symlink", "hash", "xattr"):
            if row[name] is not None:
                row[name] = bytes.fromhex(row[name])
        return row

    def read_rows(self, database, mountpoint, transition):
        """Rows by path, every one of them reachable from the catalog's root."""
        raw = [self.columns(row) for row in database.rows(
            "SELECT md5path_1, md5path_2, parent_1, parent_2, hardlinks, size, mode,"
            " mtime, mtimens, flags, hex(name) AS name, hex(symlink) AS symlink, uid,"
            " gid, CASE WHEN hash IS NULL THEN NULL ELSE hex(hash) END AS hash,"
            " CASE WHEN xattr IS NULL THEN NULL ELSE hex(xattr) END AS xattr,"
            " typeof(name) AS name_type, typeof(symlink) AS symlink_type FROM catalog")]
        chunks = {}
        for row in database.rows("SELECT md5path_1, md5path_2, offset, size,"
                                 " lower(hex(hash)) AS hash FROM chunks"
                                 " ORDER BY offset"):
            chunks.setdefault((row["md5path_1"], row["md5path_2"]), []).append(row)
        children = {}
        for row in raw:
            children.setdefault((row["parent_1"], row["parent_2"]), []).append(row)
        root = next(row for row in raw
                    if (row["md5path_1"], row["md5path_2"]) == path_hash(mountpoint))
        self.check_root(root, mountpoint, transition)
        rows = {mountpoint: root}
        pending = [mountpoint]
        while pending:
            path = pending.pop()
            for row in children.get(path_hash(path), []):
                below = path + b"/" + row["name"]
                assert path_hash(below) == (row["md5path_1"], row["md5path_2"])
                rows[below] = row
                pending.append(below)
        assert len(rows) == len(raw)
        for path, row in rows.items():
            row["chunks"] = chunks.pop((row["md5path_1"], row["md5path_2"]), [])
            self.check_row(path, row, rows, mountpoint)
        assert not chunks
        self.check_groups(rows, self.repository.numbers_groups_densely)
        self.entries.update(rows)
        return rows

    @staticmethod
    def check_root(root, mountpoint, transition):
        parent = parent_of(mountpoint)
        assert (root["parent_1"], root["parent_2"]) == (
            (0, 0) if parent is None else path_hash(parent))
        assert root["flags"] == (DIRECTORY if transition is None
                                 else DIRECTORY | NESTED_ROOT)
        if transition is not None:
            same = dict(transition)
            same.pop("chunks")
            same["flags"] = DIRECTORY | NESTED_ROOT
            assert same == root

    def check_row(self, path, row, rows, mountpoint):
        mode, flags = row["mode"], row["flags"]
        assert row["name_type"] == row["symlink_type"] == "text"
        assert row["mtimens"] is None and row["xattr"] != b""
        if path.endswith(b"/.cvmfscatalog"):
            assert parent_of(path) == mountpoint != b""
        if flags & DIRECTORY:
            assert stat.S_ISDIR(mode) and row["hash"] is None
            if not flags & MOUNTPOINT:
                directories = sum(1 for other, it in rows.items()
                                  if it["flags"] & DIRECTORY and other != mountpoint
                                  and parent_of(other) == path)
                assert row["hardlinks"] == 2 + directories
            return
        assert flags & FILE and row["hardlinks"] & 0xFFFFFFFF > 0
        if stat.S_ISREG(mode):
            assert not flags & (SYMLINK | SPECIAL)
            self.check_chunks(row)
        else:
            assert row["hash"] is None and not row["chunks"]
            assert flags == FILE | (SYMLINK if stat.S_ISLNK(mode) else SPECIAL)
        assert stat.S_ISLNK(mode) == (row["symlink"] != b"")

    @staticmethod
    def check_chunks(row):
        assert bool(row["flags"] & CHUNKED) == bool(row["chunks"])
        assert row["hash"] is not None or row["chunks"]
        offset = 0
        for chunk in row["chunks"]:
            assert chunk["offset"] == offset and chunk["size"] > 0
            offset += chunk["size"]
        assert not row["chunks"] or (offset == row["size"] and len(row["chunks"]) > 1)

    @staticmethod
    def check_groups(rows, densely):
        groups = {}
        for path, row in rows.items():
            if row["hardlinks"] >> 32:
                groups.setdefault(row["hardlinks"] >> 32, []).append((path, row))
        assert not densely or sorted(groups) == list(range(1, len(groups) + 1))
        for members in groups.values():
            assert len({parent_of(path) for path, _ in members}) == 1
            assert {row["hardlinks"] & 0xFFFFFFFF for _, row in members} == {
                len(members)}

    @staticmethod
    def count(rows, nested):
        counted = dict.fromkeys(COUNTERS, 0)
        counted["nested"] = nested
        for row in rows.values():
            counted["xattr"] += row["xattr"] is not None
            if row["flags"] & DIRECTORY:
                counted["dir"] += 1
            elif row["flags"] & SYMLINK:
                counted["symlink"] += 1
            elif row["flags"] & SPECIAL:
                counted["special"] += 1
            else:
                counted["regular"] += 1
                counted["file_size"] += row["size"]
                counted["chunked"] += bool(row["chunks"])
                counted["chunked_size"] += row["size"] if row["chunks"] else 0
                counted["chunks"] += len(row["chunks"])
        return counted

    def content(self, path):
        """The bytes of a regular file, from its chunks and from its whole object."""
        row = self.entries[path]
        suffix = SUFFIXES[ALGORITHM_CODES[row["flags"] >> 8 & 7]]
        compressed = row["flags"] >> 11 & 7 == 0
        parts = [self.repository.object(chunk["hash"] + suffix, "P", compressed)
                 for chunk in row["chunks"]]
        assert [len(part) for part in parts] == [chunk["size"] for chunk in row["chunks"]]
        if row["hash"] is not None:
            whole = self.repository.object(row["hash"].hex() + suffix, "", compressed)
            assert not parts or whole == b"".join(parts)
            parts = [whole]
        return b"".join(parts)
