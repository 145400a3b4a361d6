# SPDX-License-Identifier: Apache-2.0
"""replicactl, called as an administrator calls it, in directories of the test's own."""

import os
import pathlib
import pty
import pwd
import subprocess

from replica import REPLICACTL
from servers import DEADLINE_SECONDS

IS_ROOT = os.geteuid() == 0
ME = pwd.getpwuid(os.geteuid()).pw_name
# Whom repositories belong to: root gives itself up where it can.
OWNER = "nobody" if IS_ROOT else ME


def owner_of(path):
    return pwd.getpwuid(os.lstat(path).st_uid).pw_name


class Site:
    """A server's directories; USER runs the commands and owns them (None: whoever tests)."""

    def __init__(self, folder, user=None):
        self.folder = pathlib.Path(folder)
        self.user = user
        self.confdir = self.folder / "etc"
        self.storage = self.folder / "srv"
        self.spool = self.folder / "spool"
        self.log = self.folder / "log"
        self.confdir.mkdir(parents=True)
        self.folder.chmod(0o755)
        self.settings = {"REPLICA_STORAGE_DIR": self.storage, "REPLICA_SPOOL_DIR": self.spool,
                         "REPLICA_LOG_DIR": self.log, "REPLICA_SLOT_DIR": self.folder / "slots",
                         "REPLICA_LOGROTATE_FILE": self.folder / "logrotate",
                         "CVMFS_HTTP_TIMEOUT": 10, "CVMFS_HTTP_RETRIES": 0,
                         "REPLICA_MIN_FREE_BYTES": 0, "REPLICA_MIN_FREE_INODES": 0,
                         "CVMFS_UPDATEGEO_DIR": self.folder / "geo",
                         "REPLICA_HTTPD_CONF_DIR": self.folder / "httpd-conf"}
        (self.folder / "httpd-conf").mkdir()
        self.set()
        if user is not None:
            os.chown(self.folder, pwd.getpwnam(user).pw_uid, -1)
            os.chown(self.confdir, pwd.getpwnam(user).pw_uid, -1)

    def set(self, **settings):
        self.settings.update(settings)
        (self.confdir / "replica.local").write_text(
            "".join(f"{key}='{value}'\n" for key, value in self.settings.items()))

    def environment(self, **more):
        return {**os.environ, "REPLICA_CONFDIR": str(self.confdir), "TMPDIR": str(self.folder),
                **more}

    def run(self, *arguments, stdin="", program=REPLICACTL, code=0, **environment):
        """Run a command that must end with CODE; its output, then its messages."""
        done = subprocess.run([program, *map(str, arguments)], input=stdin, text=True,
                              capture_output=True, timeout=4 * DEADLINE_SECONDS,
                              env=self.environment(**environment), user=self.user,
                              extra_groups=[] if self.user else None, check=False)
        output = done.stdout + done.stderr
        assert done.returncode == code, output
        return output

    def run_on_terminal(self, *arguments, typed, code=0):
        """The same for somebody who sits at a terminal and types."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([REPLICACTL, *map(str, arguments)], stdin=theirs, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env=self.environment(), user=self.user)
        os.close(theirs)
        os.write(ours, typed.encode())
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
        os.close(ours)
        assert process.returncode == code, output
        return output

    def configuration(self, name, file="server.conf"):
        return self.confdir / "repositories.d" / name / file

    def tree(self):
        """Every path of the site, to see that nothing changed."""
        return sorted(str(path) for path in self.folder.rglob("*"))
