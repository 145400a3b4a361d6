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


def check_golden(program, rules, golden, has_channels):
    """Each (query, reply) of GOLDEN comes true, with channels or without."""
    # As opaque as a channel can be.
    channels = [f"{number:0{1 + number}d} " if has_channels else "" for number in
                range(7, 7 + len(golden))]
    answers = filter_lines(program, *(["--concurrency"] if has_channels else []), "--file", rules,
                           stdin="".join(f"{channel}{query}\n" for channel, (query, _)
                                         in zip(channels, golden)))
    assert answers.decode().splitlines() == [
        f"{channel}{reply}" for channel, (_, reply) in zip(channels, golden)]


def answers_to_each(program, rules, lines):
    """What is answered to LINES, one answer for each, on its channel if it has one; without the
    channels."""
    answers = filter_lines(program, "--concurrency", "--file", rules,
                           stdin=b"\n".join(lines) + b"\n").splitlines()
    assert len(answers) == len(lines)
    for number, (line, answer) in enumerate(zip(lines, answers)):
        channel, _, _ = line.partition(b" ")
        if channel.isdigit() and len(channel) <= 65536:
            assert answer.startswith(channel + b" "), (line[:80], answer[:80])
            answers[number] = answer = answer[len(channel) + 1:]
        assert not any(byte < 32 for byte in answer)
    return answers


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
        found = []

        def is_there():
            found[:] = self.children()
            return found

        wait_until(is_there, "there is a worker")
        return found[0]

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
