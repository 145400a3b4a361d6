# SPDX-License-Identifier: Apache-2.0
"""A replica of the tests: its configuration, its storage, and snapshots of it."""

import os
import pathlib
import subprocess
import time

from closure import Closure, stored_objects
from servers import BUILD, DEADLINE_SECONDS

REPLICACTL = BUILD / "replicactl" / "replicactl"
PUBLISH_TOOL = BUILD / "tests" / "integration" / "publish_tool"


class Published:
    """A repository made with the project's publisher: .storage, .key; a revision at a time."""

    def __init__(self, folder, fqrn, *options):
        self.folder = pathlib.Path(folder)
        self.fqrn = fqrn
        self.options = options
        self.folder.mkdir(parents=True)
        self.storage = self.folder / "storage"
        self.key = self.folder / "keys" / f"{fqrn}.pub"
        self.tool("create")

    def tool(self, verb, *arguments):
        subprocess.run([PUBLISH_TOOL, verb, self.folder, self.fqrn, *arguments, *self.options],
                       check=True, capture_output=True, timeout=DEADLINE_SECONDS)

    def publish(self, directory):
        self.tool("ingest", directory)

    def resign(self, now=None):
        """A new whitelist, by default of a later second than the present one's."""
        self.tool("resign", f"now={now or int(time.time()) + 60}")


class Run:
    """How a snapshot ended."""

    def __init__(self, process, output):
        self.code = process.returncode
        self.output = output

    def assert_ok(self):
        assert self.code == 0, self.output
        return self

    def assert_failed(self, *words):
        """With a clear message that has all the words."""
        assert self.code == 1, self.output
        for word in words:
            assert word in self.output, f"no '{word}' in: {self.output}"
        return self


class Replica:
    """One replica below FOLDER of the repository at URL."""

    def __init__(self, folder, fqrn, url, key, **settings):
        self.folder = pathlib.Path(folder)
        self.fqrn = fqrn
        self.confdir = self.folder / "etc"
        self.storage = self.folder / "srv" / fqrn
        self.spool = self.folder / "spool" / fqrn
        self.log = self.folder / "log"
        self.url = url
        self.key = key
        (self.storage / "data" / "txn").mkdir(parents=True)
        self.spool.mkdir(parents=True)
        self.log.mkdir(exist_ok=True)
        self.configure(**settings)

    def configure(self, **settings):
        folder = self.confdir / "repositories.d" / self.fqrn
        folder.mkdir(parents=True, exist_ok=True)
        # A busy machine needs a while for an answer.
        settings = {"CVMFS_HTTP_TIMEOUT": 10, "CVMFS_HTTP_RETRIES": 3,
                    "REPLICA_MIN_FREE_BYTES": 0, "REPLICA_MIN_FREE_INODES": 0,
                    "CVMFS_PUBLIC_KEY": self.key, **settings}
        (self.confdir / "replica.local").write_text(
            f"REPLICA_LOG_DIR={self.log}\nREPLICA_SPOOL_DIR={self.folder}/spool\n"
            f"REPLICA_SLOT_DIR={self.folder}/slots\n"
            f"REPLICA_LOGROTATE_FILE={self.folder}/logrotate\n")
        (folder / "server.conf").write_text(
            f"CVMFS_REPOSITORY_NAME={self.fqrn}\nCVMFS_REPOSITORY_TYPE=stratum1\n"
            f"CVMFS_SPOOL_DIR={self.spool}\nCVMFS_STRATUM0={self.url}\n"
            f"CVMFS_UPSTREAM_STORAGE=local,{self.storage}/data/txn,{self.storage}\n")
        (folder / "replica.conf").write_text(
            "".join(f"{name}={value}\n" for name, value in settings.items()))

    def environment(self, **more):
        return dict(os.environ, REPLICA_CONFDIR=str(self.confdir), **more)

    def begin(self, *arguments, stdout=subprocess.PIPE, **environment):
        return subprocess.Popen([REPLICACTL, "snapshot", *arguments, self.fqrn],
                                stdout=stdout, stderr=subprocess.STDOUT, text=True,
                                env=self.environment(**environment))

    def snapshot(self, *arguments, **environment):
        process = self.begin(*arguments, **environment)
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        return Run(process, output)

    def begin_gc(self, *arguments, stdout=subprocess.PIPE, **environment):
        return subprocess.Popen([REPLICACTL, "gc", *map(str, arguments), self.fqrn],
                                stdin=subprocess.DEVNULL, stdout=stdout,
                                stderr=subprocess.STDOUT, text=True,
                                env=self.environment(**environment))

    def gc(self, *arguments, **environment):
        process = self.begin_gc("-f", *arguments, **environment)
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        return Run(process, output)

    def begin_scrub(self, *arguments):
        return subprocess.Popen([REPLICACTL, "scrub", *arguments, self.fqrn], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env=self.environment())

    def scrub(self, *arguments):
        process = self.begin_scrub(*arguments)
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        return Run(process, output)

    def manifest(self):
        path = self.storage / ".cvmfspublished"
        return path.read_bytes() if path.exists() else None

    def closure(self):
        """Raises if the published manifest, if there is one, lacks anything."""
        return Closure(self.storage) if self.manifest() is not None else None

    def objects(self):
        return stored_objects(self.storage)

    def leftovers(self):
        """What a finished run must not leave behind."""
        names = [path.name for path in (self.storage / "data" / "txn").iterdir()]
        return names + [name for name in (".cvmfs_is_snapshotting", ".replica_dirty",
                                     ".replica_gc_journal")
                        if (self.storage / name).exists()]
