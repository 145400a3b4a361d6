# SPDX-License-Identifier: Apache-2.0
"""What a disk may hold after the power failed: a model replays what power_cut_shim.c recorded.

Bytes are safe once their file was synced, a name once its folder was, both by a syncfs of their
file system. Of all else each item is, by a choice of its own, as it was, as it became, or partly
done: no file system promises more.
"""

import os
import pathlib
import shutil

from servers import BUILD, DEADLINE_SECONDS

SHIM = BUILD / "tests" / "integration" / ".libs" / "power_cut_shim.so"
# What becomes of all that is not safe.
STYLES = ("lost", "empty", "truncated", "mixed")


class File:
    def __init__(self, content=b"", is_safe=False):
        self.content = bytearray(content)
        self.safe = bytes(content) if is_safe else None
        self.kept = len(content) if is_safe else 0

    def sync(self):
        self.safe = bytes(self.content)
        self.kept = len(self.safe)

    def truncate(self, size):
        self.kept = min(self.kept, size)
        self.content.extend(bytes(max(0, size - len(self.content))))
        del self.content[size:]

    def after_cut(self, style, random):
        latest = bytes(self.content)
        if self.safe == latest:
            return latest
        if style == "mixed":
            style = random.choice(("lost", "empty", "truncated", "zeros", "written"))
        end = random.randrange(len(latest) + 1)
        # What is safe and was written over, as in a database, is there, old or new.
        old = (self.safe or b"")[:self.kept]
        return {"lost": self.safe or b"", "empty": old,
                "zeros": old + bytes(max(0, len(latest) - len(old))),
                "truncated": latest[:end] + old[end:],
                "written": latest}[style]


class Folder:
    pass


class Link:
    def __init__(self, target):
        self.target = target


class Name:
    """What a path has led to: when it was last safe, and everything since."""

    def __init__(self, safe=None):
        self.states = [safe]

    def now(self):
        return self.states[-1]

    def become(self, node):
        self.states.append(node)

    def sync(self):
        self.states = [self.now()]

    def after_cut(self, style, random):
        if style == "lost":
            return self.states[0]
        return random.choice(self.states) if style == "mixed" else self.now()


class Disk:
    """The folder ROOT; each of FILE_SYSTEMS, folders in it, is synced by itself."""

    def __init__(self, root, file_systems):
        self.root = str(root)
        self.file_systems = [str(path) for path in file_systems]
        self.names = {}
        self.descriptors = {}
        for path in sorted(pathlib.Path(root).rglob("*")):
            if any(str(path).startswith(mounted + "/") for mounted in self.file_systems):
                self.names[str(path)] = Name(
                    Link(os.readlink(path)) if path.is_symlink() else
                    Folder() if path.is_dir() else File(path.read_bytes(), is_safe=True))

    def name(self, path):
        return self.names.setdefault(path, Name())

    def apply(self, operation):
        word, *arguments = operation
        getattr(self, "do_" + word)(*arguments)

    def do_open(self, fd, flags, path):
        name = self.name(path)
        if name.now() is None and "c" in flags:
            name.become(File())
        node = name.now()
        if isinstance(node, File):
            if "t" in flags:
                node.truncate(0)
            self.descriptors[fd] = node

    def do_close(self, fd):
        self.descriptors.pop(fd, None)

    def do_write(self, fd, offset, content):
        file = self.descriptors[fd]
        file.content.extend(bytes(max(0, offset - len(file.content))))
        file.content[offset:offset + len(content)] = content

    def do_truncate(self, fd, size):
        self.descriptors[fd].truncate(size)

    def do_rename(self, old, new):
        self.name(new).become(self.name(old).now())
        self.name(old).become(None)

    def do_unlink(self, path):
        self.name(path).become(None)

    def do_symlink(self, target, path):
        self.name(path).become(Link(target))

    def do_mkdir(self, path):
        self.name(path).become(Folder())

    def do_fsync(self, fd, path):
        if fd in self.descriptors:
            self.descriptors[fd].sync()
        for name in (n for p, n in self.names.items() if os.path.dirname(p) == path):
            name.sync()

    def do_syncfs(self, _, path):
        mounted = next(m for m in self.file_systems if (path + "/").startswith(m + "/"))
        for path, name in self.names.items():
            if path.startswith(mounted + "/"):
                name.sync()
                if isinstance(name.now(), File):
                    name.now().sync()
        # A file without a name is of no use after a cut.

    def cut(self, style, random):
        """Put into the place of the tree what the disk holds now."""
        for mounted in self.file_systems:
            shutil.rmtree(mounted, ignore_errors=True)
            os.makedirs(mounted)
        contents = {}
        for path in sorted(self.names):
            node = self.names[path].after_cut(style, random)
            if node is None or not os.path.isdir(os.path.dirname(path)):
                continue
            if isinstance(node, Folder):
                os.mkdir(path)
            elif isinstance(node, Link):
                os.symlink(node.target, path)
            else:
                # Two names of one file lead to the same bytes.
                if node not in contents:
                    contents[node] = node.after_cut(style, random)
                pathlib.Path(path).write_bytes(contents[node])


def parse(line, data):
    word, *arguments = line.split("\t")
    if word == "write":
        fd, offset, length, start = map(int, arguments)
        return word, str(fd), offset, data[start:start + length]
    if word == "truncate":
        return word, arguments[0], int(arguments[1])
    return (word, *arguments)


class Recording:
    """All that a snapshot, or what else BEGIN starts, did to a replica's storage and spool, from
    the tree it began with."""

    def __init__(self, replica, begin=None, **environment):
        self.root = replica.folder
        self.file_systems = getattr(replica, "file_systems",
                                    [replica.folder / "srv", replica.folder / "spool"])
        self.before = self.root.with_name(self.root.name + ".before")
        shutil.rmtree(self.before, ignore_errors=True)
        for folder in self.file_systems:
            shutil.copytree(folder, self.before / folder.name, symlinks=True)
        log, data = self.before / "log", self.before / "data"
        options = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"),
                                         "verify_asan_link_order=0")))
        process = (begin or replica.begin)(LD_PRELOAD=str(SHIM), POWER_CUT_ROOT=str(self.root),
                                POWER_CUT_LOG=str(log), POWER_CUT_DATA=str(data),
                                ASAN_OPTIONS=options, **environment)
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0, output
        content = data.read_bytes()
        # What it does to other folders (its log) is of no interest.
        self.operations = [parse(line, content) for line in log.read_text().splitlines()
                           if self.is_ours(line)]

    def is_ours(self, line):
        word, *arguments = line.split("\t")
        return word in ("close", "write", "truncate") or any(
            arguments[-1].startswith(str(folder)) for folder in self.file_systems)

    def restore(self):
        """The tree as it was before."""
        for folder in self.file_systems:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(self.before / folder.name, folder, symlinks=True)

    def disk(self, operations, without=()):
        """The disk after so many operations; those named in WITHOUT have no effect."""
        self.restore()
        disk = Disk(self.root, self.file_systems)
        for operation in self.operations[:operations]:
            if operation[0] not in without:
                disk.apply(operation)
        return disk


