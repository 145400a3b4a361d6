# SPDX-License-Identifier: Apache-2.0
"""Repositories that the reference tools made are imported and go on being published.

Their private keys were not kept, so the present revision is signed with others first."""

import io
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import pytest

from cli import IS_ROOT, OWNER, Site
from closure import Closure, manifest_fields
from signer import Signer

FIXTURES = os.environ.get("REPLICA_FIXTURES")
if not FIXTURES:
    pytest.skip("REPLICA_FIXTURES names no folder of fixtures", allow_module_level=True)
REPOSITORIES = sorted(p for p in (pathlib.Path(FIXTURES) / "repositories").iterdir() if p.is_dir())
SETTINGS = {"sw.example.net": ("sha1", "default"), "shake.example.net": ("shake128", "none"),
            # A tar archive was put into it with the reference's defaults.
            "rmd.example.net": ("sha1", "default"), "ext.example.net": ("sha1", "none")}


@pytest.fixture(params=REPOSITORIES, ids=lambda p: p.name)
def site(request):
    # Unlike pytest's own, one that other users may enter.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="replica-"))
    folder.chmod(0o755)
    site = Site(folder / "site")
    site.name = request.param.name
    storage = site.storage / site.name
    shutil.copytree(request.param / "repository", storage, symlinks=True)
    subprocess.run(["chmod", "-R", "u+w", storage], check=True)
    site.signer = Signer(folder / "keys", site.name)
    site.signer.manifest(storage)
    site.signer.whitelist(storage)
    if IS_ROOT:
        subprocess.run(["chown", "-R", OWNER, storage], check=True)
    yield site
    shutil.rmtree(folder)


def archive(folder):
    path = folder / "new.tar"
    with tarfile.open(path, "w") as file:
        entry = tarfile.TarInfo("file")
        entry.size = 4
        file.addfile(entry, io.BytesIO(b"new\n"))
    path.chmod(0o644)
    return path


def test_goes_on_where_the_reference_was(site):
    storage = site.storage / site.name
    before = manifest_fields(storage)
    site.run("import", "-o", OWNER, "-k", site.signer.folder, site.name)
    text = site.configuration(site.name).read_text()
    algorithm, compression = SETTINGS[site.name]
    assert f"CVMFS_HASH_ALGORITHM={algorithm}\n" in text
    assert f"CVMFS_COMPRESSION_ALGORITHM={compression}\n" in text
    assert ("CVMFS_GARBAGE_COLLECTION=true\n" in text) == (before.get("G") == "yes")

    site.run("ingest", "-t", archive(site.folder), "-b", "imported", site.name)
    after = manifest_fields(storage)
    assert int(after["S"]) == int(before["S"]) + 1
    assert (after["D"], after.get("G")) == (before["D"], before.get("G"))
    assert site.run("diff", "-m", site.name).count("imported") > 0
    site.run("tag", "-a", "imported", site.name)
    if before.get("G") == "yes":
        site.run("gc", "-f", "-r", 0, site.name)
    site.run("check", site.name)
    Closure(storage)

    site.run("rollback", "-f", site.name)
    assert int(manifest_fields(storage)["S"]) == int(before["S"]) + 2
    assert "imported" not in site.run("list-catalogs", site.name)
    Closure(storage)
