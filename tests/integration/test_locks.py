# SPDX-License-Identifier: Apache-2.0
"""Our locks beside the reference's, which unlinks the file when it releases."""

import fcntl
import os
import subprocess

import pytest

from loops import count
from servers import BUILD, DEADLINE_SECONDS

TOOL = BUILD / "tests" / "integration" / "lock_tool"


class Reference:
    """Takes and releases a lock as the reference's shell functions do: exec fd>file; flock -n;
    and then rm -f file, before the descriptor is closed."""

    def __init__(self, path, owner):
        self.path = path
        self.owner = owner
        self.rounds = 0

    def attempt(self):
        with open(self.path, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            os.close(os.open(self.owner, os.O_CREAT | os.O_EXCL))
            os.unlink(self.owner)
            os.unlink(self.path)
        self.rounds += 1


@pytest.mark.parametrize("kinds", [("try",), ("wait",), ("try", "try", "wait")],
                         ids=lambda kinds: "+".join(kinds))
def test_never_two_holders(tmp_path, kinds):
    path, owner = tmp_path / "is_updating.lock", tmp_path / "owner"
    rounds = count("LOCK_ROUNDS")
    reference = Reference(path, owner)
    # Who waits looks again only ten times a second.
    processes = [subprocess.Popen([TOOL, kind, path, owner,
                                   str(rounds if kind == "try" else rounds // 20)],
                                  stderr=subprocess.PIPE, text=True) for kind in kinds]
    try:
        while any(process.poll() is None for process in processes):
            reference.attempt()
        while reference.rounds < 100:
            reference.attempt()
    finally:
        for process in processes:
            process.kill()
    for process in processes:
        assert process.wait() == 0, process.stderr.read()


def test_the_reference_waits_for_us_and_we_for_it(tmp_path):
    path, owner = tmp_path / "is_updating.lock", tmp_path / "owner"
    with open(path, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = subprocess.Popen([TOOL, "wait", path, owner, "1"])
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.3)
        os.unlink(path)
    assert waiting.wait(DEADLINE_SECONDS) == 0
    assert path.exists(), "we leave the file, made anew, where it is"
