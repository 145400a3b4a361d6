# SPDX-License-Identifier: Apache-2.0
"""snapshotd held in the middle of a commit, and the locks of others."""

import contextlib
import fcntl
import itertools
import os

from servers import BUILD, wait_until
from uploads import NAME

SHIM = BUILD / "tests/integration/.libs/hold_shim.so"


class UpdateLock:
    """Somebody else publishes: the repository's update lock, as replicactl holds it."""

    def __init__(self, uploads, name=NAME):
        self.path = uploads.spool / name / "is_updating.lock"

    def __enter__(self):
        self.file = open(self.path, "a", encoding="ascii")
        fcntl.flock(self.file, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_):
        self.file.close()


class Hold:
    """From `begin` on the next commit stops just before it is safe, until `end`."""

    def __init__(self, uploads):
        self.path = uploads.site.folder / "hold"
        self.reached = uploads.site.folder / "hold.reached"
        # Whoever is held knows the file by its inode: none of them is given to a later one.
        places = (self.path.with_suffix(f".{number}") for number in itertools.count())
        self.kept = (place for place in places if not place.exists())
        options = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"),
                                         "verify_asan_link_order=0")))
        uploads.daemon.environment = {"LD_PRELOAD": str(SHIM), "HOLD_FILE": str(self.path),
                                      "ASAN_OPTIONS": options}
        uploads.daemon.stop()
        uploads.daemon.start()
        wait_until(lambda: uploads.get("").status == 200, "snapshotd answers again")

    def begin(self):
        self.reached.unlink(missing_ok=True)
        self.path.write_text("")

    def wait(self):
        wait_until(self.reached.exists, "a commit is held")

    def step(self):
        """Whatever is held goes on; what comes next is held."""
        self.reached.unlink(missing_ok=True)
        self.path.with_suffix(".next").write_text("")
        os.link(self.path, next(self.kept))
        self.path.with_suffix(".next").replace(self.path)

    def until(self, answer):
        """On to the end of this request."""
        def is_done():
            if not answer.done() and self.reached.exists():
                self.step()
            return answer.done()

        wait_until(is_done, "the commit that was held has ended")

    def end(self):
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(next(self.kept))
