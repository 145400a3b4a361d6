# SPDX-License-Identifier: Apache-2.0
"""A Stratum 0 of the tests: what publish_tool made, configured for replicactl."""

import subprocess

from replica import Published, Replica, Run
from replica import REPLICACTL
from servers import DEADLINE_SECONDS


class Stratum0(Replica):
    """Of the repository that PUBLISHED has, with its owner's commands."""

    def __init__(self, folder, published, **settings):
        self.published = published
        super().__init__(folder, published.fqrn, "http://127.0.0.1:1/none", published.key,
                         **settings)
        self.storage = published.storage
        self.spool = published.folder / "spool"
        # What a power cut may damage: see power_cut.Recording.
        self.file_systems = [self.storage, self.spool]
        self.configure(**settings)

    def configure(self, **settings):
        folder = self.confdir / "repositories.d" / self.fqrn
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"CVMFS_GARBAGE_COLLECTION": "true", "CVMFS_AUTO_TAG": "false", **settings}
        (self.confdir / "replica.local").write_text(
            f"REPLICA_LOG_DIR={self.log}\nREPLICA_SPOOL_DIR={self.folder}/spool\n"
            f"REPLICA_SLOT_DIR={self.folder}/slots\n"
            f"REPLICA_KEYS_DIR={self.published.folder}/keys\n")
        (folder / "server.conf").write_text(
            f"CVMFS_REPOSITORY_NAME={self.fqrn}\nCVMFS_REPOSITORY_TYPE=stratum0\n"
            f"CVMFS_SPOOL_DIR={self.spool}\n"
            f"CVMFS_UPSTREAM_STORAGE=local,{self.storage}/data/txn,{self.storage}\n" +
            "".join(f"{name}={value}\n" for name, value in settings.items()))

    def run(self, verb, *arguments):
        process = subprocess.Popen([REPLICACTL, verb, *map(str, arguments), self.fqrn],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   env=self.environment())
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        return Run(process, output)

    def ingest(self, source):
        return self.run("ingest", "--from", source)


def publish(folder, fqrn, *options, **settings):
    """A new one, whose revisions are made by .published.tool."""
    published = Published(folder / "stratum0" / "published", fqrn, "collectable=yes", "tags=no", *options)
    return Stratum0(folder / "stratum0", published, **settings)
