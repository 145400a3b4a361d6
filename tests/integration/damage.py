# SPDX-License-Identifier: Apache-2.0
"""Damage to the objects of a storage tree, as disks, crashes and other servers do it."""

import re

BLOCK = 4096
# Files that say when something ran.
DATED = (".cvmfs_status.json", ".cvmfs_last_snapshot")
# How each kind is called in the summary of a check.
KINDS = {"flip": "corrupt", "cut": "corrupt", "double": "corrupt", "empty": "empty",
         "missing": "missing"}


def files_of(storage):
    """Every file of the tree that matters, by path."""
    return {str(path.relative_to(storage)): path.read_bytes()
            for path in storage.rglob("*")
            if path.is_file() and "txn" not in path.parts and path.name not in DATED}


def double_block(content, random):
    """One block of 4 KiB comes twice, the next one never: the length is right."""
    start = random.randrange(0, max(1, (len(content) - BLOCK) // BLOCK)) * BLOCK
    block = content[start:start + BLOCK]
    return (content[:start] + block + block + content[start + 2 * BLOCK:])[:len(content)]


def flip(content, random):
    at = random.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1:]


class Damage:
    """SIZE random objects of STORAGE, of all kinds in turn."""

    def __init__(self, storage, random, size):
        objects = sorted(path for path in (storage / "data").glob("??/*")
                         if path.stat().st_size > 1)
        self.random = random
        self.size = min(size, len(objects))
        self.plan = {}
        for number, path in enumerate(random.sample(objects, self.size)):
            self.plan[path] = list(KINDS)[number % len(KINDS)]

    def do(self):
        for path, kind in self.plan.items():
            content = path.read_bytes()
            if kind == "double" and len(content) < 3 * BLOCK:
                kind = self.plan[path] = "flip"
            if kind == "missing":
                path.unlink()
                continue
            new = {"flip": lambda c=content: flip(c, self.random),
                   "cut": lambda c=content: c[:self.random.randrange(1, len(c))],
                   "double": lambda c=content: double_block(c, self.random),
                   "empty": lambda: b""}[kind]()
            if new == content:
                new = flip(content, self.random)
            path.write_bytes(new)

    def catalogs_missing(self):
        return [path for path in self.plan if path.name.endswith("C")]

    def expected(self):
        """Kind -> (found, repaired)."""
        counts = {kind: 0 for kind in KINDS.values()}
        for kind in self.plan.values():
            counts[KINDS[kind]] += 1
        return {kind: (number, number) for kind, number in counts.items() if number}

    @staticmethod
    def counted(output):
        return {kind: (int(found), int(repaired)) for found, kind, repaired in re.findall(
            r"(\d+) (missing|empty|corrupt) objects, (\d+) of them repaired", output)}
