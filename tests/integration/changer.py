# SPDX-License-Identifier: Apache-2.0
"""Change sets applied to a repository and, the same ones, to a plain directory."""
import os
import random
import re
import shutil
import sqlite3
import stat
import subprocess

from publisher import BUILD, FQRN, Publisher, expect_same_tree
from replica import REPLICACTL
from repository_checks import Repository, Tree, parent_of

TOOL = BUILD / "tests" / "integration" / "change_tool"
MODE, OWNER, MTIME, XATTR = 1, 2, 4, 8
MARKER = b".cvmfscatalog"
DIRTAB = b"/.cvmfsdirtab"
ME = (os.geteuid(), os.getegid())


def escape(word):
    word = word if isinstance(word, bytes) else str(word).encode()
    return b"".join(bytes([byte]) if 33 <= byte < 127 and byte != 37 else b"%%%02x" % byte
                    for byte in word)


class QuickDatabase:
    """The same answers as the sqlite3 tool's, without a process for each question."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path)
        self.connection.row_factory = sqlite3.Row
        assert self.rows("PRAGMA integrity_check")[0]["integrity_check"] == "ok"
        assert self.rows("PRAGMA foreign_key_check") == []

    def rows(self, sql):
        return [dict(row) for row in self.connection.execute(sql)]

    def properties(self):
        return {row["key"]: os.fsdecode(bytes.fromhex(row["value"])) for row in
                self.rows("SELECT key, hex(value) AS value FROM properties")}


class QuickRepository(Repository):
    """Objects are looked at once: they never change."""

    numbers_groups_densely = False

    def __init__(self, folder, fqrn, scratch):
        super().__init__(folder, fqrn, scratch)
        self.known = {}
        self.databases = {}

    def object(self, text, letter="", compressed=True):
        key = text + letter
        if key not in self.known:
            self.known[key] = super().object(text, letter, compressed)
        return self.known[key]

    def database(self, text, letter):
        if text + letter not in self.databases:
            data = self.object(text, letter)
            path = self.temporary(text + letter, data)
            self.databases[text + letter] = QuickDatabase(path), len(data)
            os.unlink(path)
        return self.databases[text + letter]


def is_ruled(rules, path):
    """Whether a directory is to be a nested catalog."""
    def matches(rule, one, many):
        pattern = re.escape(rule).replace(rb"\*", many).replace(rb"\?", one)
        return re.fullmatch(pattern, path, re.DOTALL) is not None

    return any(matches(rule, b"[^/]", b"[^/]*") for rule in rules if rule[:1] == b"/") and \
        not any(matches(rule[1:].strip(), b".", b".*") for rule in rules if rule[:1] == b"!")


class ChangeTool:
    """One process, one change set after the other; each call is one change."""

    def __init__(self, folder, *options, environment=None):
        self.touched = set()  # paths that changes since the last commit were about
        self.process = subprocess.Popen(
            [TOOL, "apply", folder, FQRN, *options], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=environment)

    def ask(self, *words):
        self.touched.update(word for word in words[1:3]
                            if isinstance(word, bytes) and word.startswith(b"/"))
        self.process.stdin.write(b"\t".join(map(escape, words)) + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().strip()

    def do(self, *words):
        """None, or the name of the error's code."""
        answer = self.ask(*words)
        if answer.endswith("ok"):
            return None
        assert answer.startswith("error "), (words, answer)
        return answer.split()[1]

    def commit(self):
        """What came of it; .committed is what it was about."""
        self.committed, self.touched = self.touched, set()
        answer = self.ask("commit").split()
        assert answer and answer[-1] == "ok", answer
        return dict(zip(answer[:-1:2], map(int, answer[1:-1:2])))

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


def comparable(row, path):
    """What two repositories of the same content have in common."""
    same = dict(row, hardlinks=row["hardlinks"] & 0xFFFFFFFF)
    same["chunks"] = [(it["offset"], it["size"], it["hash"]) for it in row["chunks"]]
    if stat.S_ISDIR(row["mode"]):
        same.pop("size")
    return same


class World:
    """A repository below FOLDER, and a plain directory that ought to be the same."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.options = options
        self.publisher = Publisher(folder, *options)
        self.publisher.create()
        self.plain = os.fsencode(self.publisher.source)
        self.repository = QuickRepository(folder / "repository", FQRN, folder / "scratch")
        self.times = {}  # of directories: no change of another path changes them
        self.number = 0
        self.tool = ChangeTool(folder / "repository", *options)
        self.tree = None
        self.configure_check()
        # What the publisher made is given to the plain directory, too.
        self.remove(b"/new_repository", is_new=False)
        self.set(b"", MODE | OWNER | MTIME, mode=0o755)
        self.commit()

    def close(self):
        self.tool.close()

    def at(self, path):
        return self.plain + path

    def attributes(self, mode, xattr=b""):
        self.number += 1
        return [oct(mode)[2:], *ME, 1_500_000_000 + self.number, xattr]

    def settle_attributes(self, path, given):
        if not os.path.islink(self.at(path)):
            os.chmod(self.at(path), int(given[0], 8) & 0o7777)
        os.utime(self.at(path), (1, given[3]), follow_symlinks=False)
        if os.path.isdir(self.at(path)) and not os.path.islink(self.at(path)):
            self.times[path] = given[3]

    def clear(self, path):
        if os.path.lexists(self.at(path)):
            os.unlink(self.at(path))

    def put(self, path, content=b"", mode=0o644):
        given = self.attributes(mode)
        source = os.path.join(os.fsencode(self.folder), b"content%d" % self.number)
        with open(source, "wb") as file:
            file.write(content)
        code = self.tool.do("put", path, source, *given)
        os.unlink(source)
        if code is None:
            self.clear(path)
            with open(self.at(path), "wb") as file:
                file.write(content)
            self.settle_attributes(path, given)
        return code

    def mkdir(self, path, mode=0o755):
        given = self.attributes(mode)
        code = self.tool.do("mkdir", path, *given)
        if code is None:
            os.makedirs(self.at(path), exist_ok=True)
            self.settle_attributes(path, given)
        return code

    def symlink(self, path, target):
        given = self.attributes(0o777)
        code = self.tool.do("symlink", path, target, *given)
        if code is None:
            self.clear(path)
            os.symlink(target, self.at(path))
            self.settle_attributes(path, given)
        return code

    def fifo(self, path, mode=0o600):
        given = self.attributes(stat.S_IFIFO | mode)
        code = self.tool.do("special", path, 0, *given)
        if code is None:
            self.clear(path)
            os.mkfifo(self.at(path))
            self.settle_attributes(path, given)
        return code

    def link(self, path, existing):
        code = self.tool.do("link", path, existing)
        if code is None and not (os.path.lexists(self.at(path)) and
                                 os.path.samestat(os.lstat(self.at(path)),
                                                  os.lstat(self.at(existing)))):
            self.clear(path)
            os.link(self.at(existing), self.at(path))
        return code

    def set(self, path, which, mode=0o700):
        given = self.attributes(mode)
        code = self.tool.do("set", path, which, *given)
        if code is None:
            if which & MODE and not os.path.islink(self.at(path)):
                os.chmod(self.at(path), mode)
            if which & MTIME:
                os.utime(self.at(path), (1, given[3]), follow_symlinks=False)
                self.times.pop(path, None)
                if stat.S_ISDIR(os.lstat(self.at(path)).st_mode):
                    self.times[path] = given[3]
        return code

    def remove(self, path, is_new=True):
        code = self.tool.do("remove", path)
        if code is None and is_new:
            if stat.S_ISDIR(os.lstat(self.at(path)).st_mode):
                shutil.rmtree(self.at(path))
                self.times = {other: time for other, time in self.times.items()
                              if not (other + b"/").startswith(path + b"/")}
            else:
                os.unlink(self.at(path))
        return code

    def move(self, old, new):
        code = self.tool.do("move", old, new)
        if code is None:
            if os.path.isdir(self.at(new)) and old != new:
                self.times.pop(new, None)
            os.rename(self.at(old), self.at(new))
            self.times = {new + path[len(old):] if (path + b"/").startswith(old + b"/")
                          else path: time for path, time in self.times.items()}
            self.break_link(old, new)
        return code

    def break_link(self, old, new):
        """A file that leaves the directory of its other names is one of its own."""
        status = os.lstat(self.at(new))
        if os.path.dirname(old) == os.path.dirname(new) or status.st_nlink == 1 or \
                not stat.S_ISREG(status.st_mode):
            return
        shutil.copy2(self.at(new), self.at(b"/.copy"))
        os.rename(self.at(b"/.copy"), self.at(new))

    def commit(self):
        self.last = self.tool.commit()
        self.put_markers()
        return self.last

    def put_markers(self):
        """What the rules in /.cvmfsdirtab ask for, in the plain directory."""
        if not os.path.isfile(self.at(DIRTAB)):
            return
        with open(self.at(DIRTAB), "rb") as file:
            rules = [line.strip() for line in file.read().split(b"\n")]
        for path, _, names in list(os.walk(self.plain)):
            below = path[len(self.plain):]
            if below and MARKER not in names and is_ruled(rules, below):
                marker = os.path.join(path, MARKER)
                time = self.times.get(below, int(os.lstat(path).st_mtime))
                with open(marker, "wb"):
                    pass
                os.chmod(marker, 0o644)
                os.utime(marker, (1, time))

    def set_times(self):
        for path, time in self.times.items():
            os.utime(self.at(path), (1, time))

    # What must hold after each commit.

    def verify(self):
        fields, tree = self.repository.check()
        self.set_times()
        expect_same_tree(tree, self.plain)
        before, self.tree = self.tree, tree
        self.verify_unchanged(before)
        self.run_check()
        assert self.last["entries"] == sum(it["rows"] for it in tree.catalogs.values())
        assert self.last["catalogs"] == len(tree.catalogs)
        assert self.last["revision"] == int(fields["S"])
        self.repository.known = {name: data for name, data in self.repository.known.items()
                                 if len(data) < 1_000_000}
        return tree

    @staticmethod
    def contents(tree):
        """Each catalog's rows, and the hashes of those below it."""
        found = {path: ({}, {}) for path in tree.catalogs}
        for path, row in tree.entries.items():
            within = path if path in found else parent_of(path)
            while within not in found:
                within = parent_of(within)
            found[within][0][path] = comparable(row, path)
            if path in tree.catalogs and path:
                above = parent_of(path)
                while above not in found:
                    above = parent_of(above)
                found[above][1][path] = tree.catalogs[path]["hash"]
        return found

    def verify_unchanged(self, before):
        """Only catalogs are new that have changed or are on the way to a change."""
        if before is None:
            return
        old, new = self.contents(before), self.contents(self.tree)
        for path in old.keys() & new.keys() - {b""}:
            same = before.catalogs[path]["hash"] == self.tree.catalogs[path]["hash"]
            assert same or old[path] != new[path] or any(
                (touched + b"/").startswith(path + b"/")
                for touched in self.tool.committed), path

    def verify_same_as_directory(self):
        """A directory with the same content gives the same rows."""
        self.set_times()
        other = self.folder / "other"
        shutil.rmtree(other, ignore_errors=True)
        other.mkdir()
        publisher = Publisher(other, *self.options).create()
        publisher.ingest(source=os.fsdecode(self.plain))
        tree = Tree(publisher.repository())
        fields = publisher.repository().check_manifest()
        tree.read(fields["C"], int(fields["B"]), b"", None)
        assert set(tree.catalogs) == set(self.tree.catalogs)
        assert set(tree.entries) == set(self.tree.entries)
        for path, row in tree.entries.items():
            assert comparable(row, path) == comparable(self.tree.entries[path], path), path

    def configure_check(self):
        folder = self.folder / "etc" / "repositories.d" / FQRN
        folder.mkdir(parents=True)
        (self.folder / "etc" / "replica.local").write_text(
            f"REPLICA_LOG_DIR={self.folder}/log\nREPLICA_SPOOL_DIR={self.folder}/spool\n"
            f"REPLICA_SLOT_DIR={self.folder}/slots\n")
        (self.folder / "log").mkdir()
        repository = self.folder / "repository"
        (folder / "server.conf").write_text(
            f"CVMFS_REPOSITORY_NAME={FQRN}\nCVMFS_REPOSITORY_TYPE=stratum1\n"
            f"CVMFS_SPOOL_DIR={repository}/spool\nCVMFS_STRATUM0=http://127.0.0.1:9/\n"
            f"CVMFS_UPSTREAM_STORAGE=local,{repository}/storage/data/txn,"
            f"{repository}/storage\n")
        (folder / "replica.conf").write_text(
            f"CVMFS_PUBLIC_KEY={repository}/keys/{FQRN}.pub\n")

    def run_check(self):
        done = subprocess.run([REPLICACTL, "check", FQRN], capture_output=True, text=True,
                              errors="replace",
                              check=False,
                              env=dict(os.environ, REPLICA_CONFDIR=str(self.folder / "etc")))
        assert done.returncode == 0, done.stdout + done.stderr


def fill(world):
    """Nested catalogs two deep, and something of every kind."""
    chance = random.Random(5)
    for path in (b"/a", b"/a/b", b"/a/b/c", b"/a/plain", b"/d", b"/d/e"):
        assert world.mkdir(path) is None
        assert world.put(path + b"/file", b"in " + path) is None
        assert world.symlink(path + b"/link", b"file") is None
    for path in (b"/a/b", b"/a", b"/d/e"):
        assert world.put(path + b"/.cvmfscatalog") is None
    assert world.put(b"/a/b/large", chance.randbytes(150_000)) is None
    assert world.link(b"/a/b/large2", b"/a/b/large") is None
    assert world.link(b"/a/b/large3", b"/a/b/large") is None
    assert world.link(b"/d/file2", b"/d/file") is None
    assert world.fifo(b"/d/fifo") is None
    world.commit()
    return world.verify()
