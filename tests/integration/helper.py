# SPDX-License-Identifier: Apache-2.0
"""A helper of Squid's, called as Squid calls it: lines in, lines out."""

import pathlib
import subprocess
import threading

from servers import BUILD, DEADLINE_SECONDS, wait_until

FOLDER = BUILD / "squid-helpers"
# replica-store-id trusts a database once it has been in its place for so long.
SETTLE_SECONDS = 10


def filter_lines(program, *arguments, stdin, code=0):
    """What the helper answers to STDIN, all of it sent at once."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done = subprocess.run([FOLDER / program, *map(str, arguments)], input=stdin,
                          capture_output=True, timeout=DEADLINE_SECONDS, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


class Helper:
    """One that is kept running."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([FOLDER / program, *map(str, arguments)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.complaints = []
        self.reader = threading.Thread(target=self.read_complaints)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self.end()

    def read_complaints(self):
        for line in self.process.stderr:
            self.complaints.append(line.decode().rstrip("\n"))

    def send(self, *lines):
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.process.stdin.flush()

    def ask(self, line):
        self.send(line)
        return self.process.stdout.readline().decode().rstrip("\n")

    def children(self):
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def worker(self):
        wait_until(self.children, "there is a worker")
        return self.children()[0]

    def end(self):
        """Close standard input; the exit code and what was still answered."""
        if self.process.stdout.closed:
            return self.process.returncode, ""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        rest = self.process.stdout.read().decode()
        code = self.process.wait(DEADLINE_SECONDS)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code, rest
