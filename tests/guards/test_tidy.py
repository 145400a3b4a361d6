"""clang-tidy with the project's .clang-tidy over every source file."""
import concurrent.futures
import os
import shutil
import subprocess

import pytest

from sources import BUILD, TOP, tracked


def include_flags():
    def ask(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    apxs = shutil.which("apxs") or shutil.which("apxs2")
    return ["-std=gnu11", f"-I{TOP}", f"-I{BUILD}", "-D_GNU_SOURCE",
            *ask("pkg-config", "--cflags", "apr-1", "jansson", "libsystemd"),
            "-I" + ask(apxs, "-q", "INCLUDEDIR")[0]]


@pytest.mark.skipif(os.environ.get("REPLICA_TEST_MODE") == "quick", reason="takes half a minute")
def test_clang_tidy_has_nothing_to_say():
    tool = shutil.which("clang-tidy")
    assert tool, "clang-tidy is missing: run scripts/bootstrap"
    flags = include_flags()
    files = tracked("libreplica/*.c", "mod_replica/*.c", "snapshotd/*.c", "replicactl/*.c",
                    "squid-helpers/*.c")
    assert len(files) > 50

    def check(path):
        run = subprocess.run([tool, "--quiet", str(path), "--", *flags], cwd=TOP,
                             capture_output=True, text=True)
        return run.stdout + run.stderr if run.returncode != 0 else ""

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [text for text in pool.map(check, files) if text]
    assert not findings, "\n".join(findings)[:5000]
