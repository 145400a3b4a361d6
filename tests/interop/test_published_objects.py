# SPDX-License-Identifier: Apache-2.0
"""Contents that the reference published, published again: the same objects come out."""

import os
import pathlib
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("REPLICA_BUILD", TOP / "build"))
FIXTURES = os.environ.get("REPLICA_FIXTURES")
if not FIXTURES:
    pytest.skip("REPLICA_FIXTURES names no folder of fixtures", allow_module_level=True)
sys.path.insert(0, str(TOP / "tests" / "integration"))
from repository_checks import DIRECTORY, SPECIAL, SYMLINK, Repository, Tree  # noqa: E402

CASES = {
    "sw.example.net": ("sha1", "zlib"),
    "shake.example.net": ("shake128", "none"),
}


def read_head(folder, fqrn, scratch):
    repository = Repository(folder, fqrn, scratch)
    text = repository.file("storage", ".cvmfspublished").split(b"\n--\n")[0].decode()
    fields = {line[0]: line[1:] for line in text.splitlines()}
    tree = Tree(repository)
    tree.read(fields["C"], int(fields["B"]), b"", None)
    return tree


def extract(tree, folder):
    """Write the regular files of TREE; returns the names of the objects they are in."""
    tree.repository.objects.clear()
    for path, row in sorted(tree.entries.items()):
        full = os.fsencode(folder) + path
        if row["flags"] & DIRECTORY:
            os.makedirs(full, exist_ok=True)
        elif not row["flags"] & (SYMLINK | SPECIAL):
            with open(full, "wb") as file:
                file.write(tree.content(path))
    return set(tree.repository.objects)


@pytest.mark.parametrize("fqrn", CASES)
def test_makes_the_objects_that_the_reference_made(tmp_path, fqrn):
    algorithm, compression = CASES[fqrn]
    fixture = pathlib.Path(FIXTURES) / "repositories" / fqrn
    for name in ("fixture", "scratch", "source", "ours"):
        (tmp_path / name).mkdir()
    (tmp_path / "fixture" / "storage").symlink_to(fixture / "repository")
    expected = extract(
        read_head(tmp_path / "fixture", fqrn, tmp_path / "scratch"), tmp_path / "source"
    )
    options = (f"hash={algorithm}", f"compression={compression}")
    tool = BUILD / "tests" / "integration" / "publish_tool"
    subprocess.run([tool, "create", tmp_path / "ours", fqrn, *options], check=True)
    subprocess.run(
        [tool, "ingest", tmp_path / "ours", fqrn, tmp_path / "source", *options], check=True
    )
    ours = read_head(tmp_path / "ours", fqrn, tmp_path / "scratch")
    (tmp_path / "again").mkdir()
    assert extract(ours, tmp_path / "again") == expected
    assert any(name.endswith("P") for name in expected)
