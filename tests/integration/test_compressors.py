# SPDX-License-Identifier: Apache-2.0
"""The compressor is part of a repository's identity: it is the same on every processor, it is
what the configuration says, and a change of it is noticed."""
import os
import pathlib
import random
import shutil
import subprocess
import zlib

import pytest

from cli import OWNER
from publisher import BUILD, Publisher
from repository_checks import Repository

TOOL = BUILD / "tests/integration/compress_tool"
EMULATOR = shutil.which("qemu-x86_64")
# The code paths of ISA-L from SSE 4.2 on; the host's own may be one for AVX-512.
PROCESSORS = ("Nehalem", "Westmere", "SandyBridge", "Haswell", "max")
NAME = "own.example.net"


class FastRepository(Repository):
    compresses_as_zlib = False


def sample():
    """Programs, text, noise, zeros and repetitions, sixteen megabytes of them."""
    noise = random.Random(5)
    parts = [pathlib.Path(path).read_bytes()[:6_000_000]
             for path in (shutil.which("sqlite3"), shutil.which("openssl"), "/bin/bash")]
    parts += [noise.randbytes(1_000_000), bytes(3_000_000), b"abcdefg" * 100_000,
              " ".join(str(noise.random()) for _ in range(200_000)).encode()]
    return b"".join(parts)[:16_000_000]


def compressed(kind, data, *emulator):
    return subprocess.run([*emulator, TOOL, kind], input=data, capture_output=True, check=False)


@pytest.mark.skipif(EMULATOR is None, reason="qemu-user, which EL 9 lacks, is not installed")
@pytest.mark.skipif(os.environ.get("REPLICA_SANITIZED") == "1",
                    reason="sanitized programs do not run in the emulator")
def test_every_processor_makes_the_same():
    data = sample()
    for kind in ("zlib", "isal"):
        here = compressed(kind, data)
        assert here.returncode == 0, here.stderr
        for processor in PROCESSORS:
            there = compressed(kind, data, EMULATOR, "-cpu", processor)
            assert there.stdout == here.stdout, (kind, processor, there.stderr)


@pytest.mark.skipif(EMULATOR is None, reason="qemu-user, which EL 9 lacks, is not installed")
@pytest.mark.skipif(os.environ.get("REPLICA_SANITIZED") == "1",
                    reason="sanitized programs do not run in the emulator")
def test_a_processor_that_would_make_something_else_is_refused():
    done = compressed("isal", b"", EMULATOR, "-cpu", "qemu64")
    assert done.returncode == 1
    assert b"needs an x86-64 processor with SSE 4.2" in done.stderr
    assert compressed("zlib", b"", EMULATOR, "-cpu", "qemu64").returncode == 0


def test_what_isal_makes_is_read_like_any_other(tmp_path):
    publisher = Publisher(tmp_path, "compressor=isal", "minimum=200000", "average=400000",
                          "maximum=800000").create()
    data = sample()
    publisher.write("big", data)
    publisher.write("empty")
    publisher.write("deep/.cvmfscatalog")
    publisher.write("deep/small", b"small\n")
    publisher.ingest()
    repository = FastRepository(tmp_path / "repository", publisher.fqrn, tmp_path / "scratch")
    _, tree = repository.check()
    assert tree.content(b"/big") == data
    assert tree.content(b"/deep/small") == b"small\n"
    objects = [path.read_bytes() for path in
               (tmp_path / "repository/storage/data").glob("??/*") if path.is_file()]
    assert all(zlib.decompress(content) is not None for content in objects)
    assert sum(content[:2] == b"\x78\x9c" for content in objects) == 0, "zlib made some"


def warnings(publisher, *options):
    return publisher.tool("ingest", publisher.folder / "repository", publisher.fqrn,
                          publisher.source, *options).stderr.decode()


def test_another_compressor_is_warned_about_once(tmp_path):
    publisher = Publisher(tmp_path).create()
    publisher.write("file", b"content" * 1000)
    assert "compressor" not in warnings(publisher)
    text = warnings(publisher, "compressor=isal")
    assert "publish-compressor-changed" in text
    assert "was='zlib " in text and "is='isal " in text
    assert "compressor" not in warnings(publisher, "compressor=isal")
    record = tmp_path / "repository/spool/compressor"
    record.write_text("isal 00000001\n")
    assert "was='isal 00000001' is='isal " in warnings(publisher, "compressor=isal")
    assert "was='isal " in warnings(publisher)


def test_without_a_record_it_was_the_reference_s(tmp_path):
    publisher = Publisher(tmp_path).create()
    publisher.write("file", b"content" * 1000)
    (tmp_path / "repository/spool/compressor").unlink()
    assert "compressor" not in warnings(publisher)
    (tmp_path / "repository/spool/compressor").unlink()
    assert "was='zlib " in warnings(publisher, "compressor=isal")


def test_mkfs_records_the_choice(site, folder):
    site.run("mkfs", "-o", OWNER, "--compressor", "isal", NAME)
    assert "REPLICA_COMPRESSOR=isal\n" in site.configuration(NAME).read_text()
    (folder / "source").mkdir()
    (folder / "source/file").write_text("content" * 1000)
    (folder / "source").chmod(0o755)
    assert "compressor" not in site.run("ingest", "--from", folder / "source", NAME)
    objects = [path.read_bytes()[:2] for path in (site.storage / NAME / "data").glob("??/*")]
    assert objects and b"\x78\x9c" not in objects
    site.run("mkfs", "-o", OWNER, "other.example.net")
    assert "REPLICA_COMPRESSOR" not in site.configuration("other.example.net").read_text()


def test_an_unknown_one_is_refused(site):
    assert "use zlib or isal" in site.run("mkfs", "-o", OWNER, "--compressor", "lzma", NAME, code=1)
    site.run("mkfs", "-o", OWNER, NAME)
    with open(site.configuration(NAME), "a", encoding="ascii") as file:
        file.write("REPLICA_COMPRESSOR=brotli\n")
    assert "REPLICA_COMPRESSOR='brotli': use zlib or isal" in site.run(
        "ingest", "--from", "/etc", NAME, code=1)
