"""The project's own sources, for the guards."""
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("REPLICA_BUILD", TOP / "build"))

# The level of each folder of the library; a file may include its own level and those below.
LEVELS = {
    "base": 0, "format": 1, "store": 2, "geo": 2, "events": 2, "access": 2,
    "net": 3, "replicate": 4, "publish": 4, "operate": 5,
}
# Beginnings of top folders that are made, not kept (as in .gitignore).
MADE = ("build", "run", "packages", "autom4te.cache")
PROGRAMS = ("mod_replica", "squid-helpers", "snapshotd", "replicactl")


def tracked(*patterns):
    """Files under version control, or, in an unpacked archive, files that match."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
            cwd=TOP, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listing = [str(p.relative_to(TOP)) for pattern in patterns for p in TOP.rglob(pattern)
                   if not p.relative_to(TOP).parts[0].startswith(MADE)]
    return [TOP / name for name in sorted(set(listing)) if (TOP / name).is_file()]


def c_files():
    return tracked("*.c", "*.h")
