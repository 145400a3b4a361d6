# SPDX-License-Identifier: Apache-2.0
"""replica-policy as a filter: golden lines, hostile lines, rules that change, and workers that die
or stand still."""

import contextlib
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import pytest

from helper import FOLDER, Helper, answers_to_each, check_golden, filter_lines
from loops import count
from servers import DEADLINE_SECONDS, TOP, wait_until
from tree import replace_file

PROGRAM = "replica-policy"
DIGITS = "0" * 38
RULES = """# of the tests
deny "only \\"GET\\", \\\\" method !GET,HEAD note why=method
deny client 10.0.0.0/8,2001:db8::/32
include more
deny "it" host [2001:db8::1]
allow cache port 8000 note "a=b  c"
default deny "not here"
"""
MORE = """allow cache kind geo
allow no-cache limit slow repository *.cern.ch suffix C,none
"""
GOLDEN = [
    ("192.0.2.1 GET /cvmfs/a.cern.ch/.cvmfspublished 80 -",
     'ERR message="not here" kind_="manifest" repository_="a.cern.ch" line_="rules:7"'),
    (f"192.0.2.1 GET /cvmfs/a.cern.ch/data/ab/{DIGITS}C 80",
     'OK cache_="no" limit_="slow" kind_="catalog" repository_="a.cern.ch" line_="more:2"'),
    (f"192.0.2.1  HEAD   http://h:80/cvmfs/a.cern.ch/data/ab/{DIGITS} 80 -",
     'OK cache_="no" limit_="slow" kind_="data" repository_="a.cern.ch" line_="more:2"'),
    ("192.0.2.1 GET /cvmfs/x/api/v1.0/geo/%2A/a,b - ",
     'OK cache_="yes" kind_="geo" repository_="x" line_="more:1"'),
    ("10.1.2.3 GET /cvmfs/x/api/v1.0/geo/y/a,b 80",
     'ERR message="denied" kind_="geo" repository_="x" line_="rules:3"'),
    ("2001:db8::7 GET / 80", 'ERR message="denied" kind_="other" line_="rules:3"'),
    ("192.0.2.1 PUT / 80",
     'ERR message="only \\"GET\\", \\\\" kind_="other" line_="rules:2" why_="method"'),
    ("192.0.2.1 GET / 8000", 'OK cache_="yes" kind_="other" line_="rules:6" a_="b  c"'),
    # Squid leaves percent signs as they are: these are a client's.
    ("- GET %2Fcvmfs%2Fx%2Fapi%2F 80", 'ERR message="not here" kind_="other" line_="rules:7"'),
    ("- GET http://h/cvmfs/x/.cvmfspublished%3f/../../y 80",
     'ERR message="not here" kind_="other" line_="rules:7"'),
    ("- GET http://h/cvmfs/x/api/%252e%252E/y 80",
     'OK cache_="yes" kind_="geo" repository_="x" line_="more:1"'),
    ("- GET http://good.example.net%2fcvmfs%2fx%2fapi%2f%3f.h/y 80",
     'ERR message="not here" kind_="other" line_="rules:7"'),
    ("- GET http://%5B2001:db8::1%5D:80/cvmfs/z/.cvmfspublished 8001",
     'ERR message="it" kind_="manifest" repository_="z" line_="rules:5"'),
    ("- GET http://%5B2001:db8::1%5D/cvmfs/z/.cvmfspublished 8001",
     'ERR message="it" kind_="manifest" repository_="z" line_="rules:5"'),
    ("- GET http://%5B2001:db8::1%5D.h/cvmfs/z/.cvmfspublished 8001",
     'ERR message="not here" kind_="manifest" repository_="z" line_="rules:7"'),
    ("- GET http://%5B2001:db8::1%5D 8001", 'ERR message="not here" kind_="other" line_="rules:7"'),
    ("192.0.2.1 GET /cvmfs/x%22%5C%0A/api/ 80",
     'OK cache_="yes" kind_="geo" repository_="x\\"\\\\?" line_="more:1"'),
    ("192.0.2.1 GET", 'BH message="the query is not CLIENT METHOD URL [PORT]"'),
    ("", 'BH message="the query is not CLIENT METHOD URL [PORT]"'),
]


@pytest.fixture
def rules(folder):
    path = folder / "rules"
    path.write_text(RULES)
    (folder / "more").write_text(MORE)
    return path


def query(number):
    return f"{number} 192.0.2.1 GET /cvmfs/x/api/v1.0/geo/y/a{number} 80 -"


@pytest.mark.parametrize("has_channels", [False, True])
def test_golden_lines(rules, has_channels):
    check_golden(PROGRAM, rules, GOLDEN, has_channels)


def test_hostile_lines_have_one_answer_each(rules):
    chance = random.Random(20261120)
    lines = [b"", b"x", b"-1 a b c", b"1", b"2 " + b"%" * 9000, b"3 " + b"a " * 30000,
             b"4 " + b"a" * 65536, b"5 " + b"a" * 200000, b"9" * 70000, b"6 \0\0 \0 \0",
             b"7 192.0.2.1 GET " + b"/" * 60000, b"8 " + bytes(set(range(256)) - {10})]
    lines += [b"%d " % number + chance.randbytes(chance.randrange(300)).replace(b"\n", b"")
              for number in range(100, 1100)]
    for answer in answers_to_each(PROGRAM, rules, lines):
        assert answer.startswith((b"OK ", b"ERR ", b"BH message=")), answer[:80]


def test_an_end_without_a_line_feed_is_no_query(rules):
    assert filter_lines(PROGRAM, "--concurrency", "--file", rules,
                        stdin=query(1) + "\n" + query(2)).count(b"\n") == 1


def test_answers_come_without_waiting_for_more(rules):
    with Helper(PROGRAM, "--concurrency", "--file", rules) as helper:
        for number in range(3):
            assert helper.ask(query(number)).startswith(f"{number} OK ")
        helper.send(*(query(number) for number in range(100)))
        assert [helper.process.stdout.readline().split()[0] for _ in range(100)] == [
            b"%d" % number for number in range(100)]
        assert helper.end() == (0, "")
        assert helper.complaints == []


def test_it_ends_before_the_counter_overflows(rules):
    with Helper(PROGRAM, "--concurrency", "--recycle", "3", "--file", rules) as helper:
        helper.send(query(1), query(2))
        for number in (1, 2):
            assert helper.process.stdout.readline().startswith(b"%d OK" % number)
        assert helper.ask(query(3)).startswith("3 OK")
        assert helper.process.wait(DEADLINE_SECONDS) == 0


def test_debug_says_everything(rules):
    with Helper(PROGRAM, "-d", "--concurrency", "--file", rules) as helper:
        answer = helper.ask(query(12))
        helper.end()
        assert helper.complaints[0] == f"replica-policy: {query(12)} -> {answer}"


def test_changed_rules_are_taken_up_and_wrong_ones_are_not(rules):
    def said(text):
        helper.ask(query(1))
        return any(text in line for line in helper.complaints)

    with Helper(PROGRAM, "--concurrency", "--file", rules) as helper:
        assert " OK " in helper.ask(query(1))
        replace_file(rules.parent / "more", b"deny \"now\" kind geo\n")
        wait_until(lambda: helper.ask(query(1)).startswith('1 ERR message="now"'), "an include")
        replace_file(rules.parent / "more", b"\nallow kind geese\n")
        wait_until(lambda: said("more:2: kind: 'geese' is no kind"), "it complains")
        assert " ERR " in helper.ask(query(1)), "the rules before stay"
        complaints = len(helper.complaints)
        rules.unlink()
        wait_until(lambda: said("rules") and len(helper.complaints) > complaints, "it complains")
        assert " ERR " in helper.ask(query(1))
        replace_file(rules, b"default allow\n")
        wait_until(lambda: " OK " in helper.ask(query(1)), "mended rules")
        assert len(helper.complaints) == complaints + 1, "once for each change"


def test_without_rules_it_stays_and_says_so(folder):
    with Helper(PROGRAM, "--concurrency", "--file", folder / "rules") as helper:
        assert helper.ask(query(1)) == '1 BH message="there are no rules that can be used"'
        replace_file(folder / "rules", b"default allow\n")
        wait_until(lambda: " OK " in helper.ask(query(2)), "there are rules")


def test_a_worker_that_dies_is_replaced_and_nothing_is_answered_twice(rules):
    """Killed at any moment while it works, the helper answers each line once, in order."""
    total = count("HELPER_LINES")
    with Helper(PROGRAM, "--concurrency", "--file", rules) as helper:
        ends, answers = threading.Event(), []

        def kill():
            chance, pause, seen = random.Random(1), 0.02, 0
            while not ends.wait(chance.random() * pause):
                # A slow machine gets the time to start one that answers.
                pause, seen = (0.02 if len(answers) > seen else 2 * pause), len(answers)
                for worker in helper.children():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(worker, signal.SIGKILL)

        def read():
            answers.extend(helper.process.stdout.readline() for _ in range(total))

        threads = [threading.Thread(target=run) for run in (kill, read)]
        for thread in threads:
            thread.start()
        for first in range(0, total, 50):
            helper.send(*(query(number) for number in range(first, first + 50)))
        threads[1].join()
        ends.set()
        threads[0].join()
        code, rest = helper.end()
    assert (code, rest) == (0, "")
    assert [int(line.split()[0]) for line in answers] == list(range(total))
    assert {line.split()[1] for line in answers} <= {b"OK", b"BH"}
    assert sum(line.split()[1] == b"OK" for line in answers) > 0


@pytest.mark.parametrize("when", ["idle", "answering"])
def test_a_worker_that_stands_still_is_replaced(rules, when):
    with Helper(PROGRAM, "--concurrency", "--file", rules) as helper:
        helper.ask(query(1))
        stopped = helper.worker()
        if when == "idle":
            # The watching process looks less often when there is nothing to do.
            time.sleep(1.5)
        os.kill(stopped, signal.SIGSTOP)
        # If it was not read yet, the next worker has it.
        assert helper.ask(query(2)).startswith(("2 OK", "2 BH"))
        assert helper.ask(query(3)).startswith("3 OK")
        assert helper.worker() != stopped
        assert helper.end()[0] == 0
        assert "stands still" in helper.complaints[0]


def test_a_worker_that_does_not_end_a_query_is_replaced(rules):
    """It waits for a rule file that is a pipe, which nobody writes to, until it is replaced."""
    with Helper(PROGRAM, "--concurrency", "--file", rules) as helper:
        helper.ask(query(1))
        os.mkfifo(rules.with_suffix(".new"))
        rules.with_suffix(".new").rename(rules)
        time.sleep(1)
        assert helper.ask(query(2)).startswith(("2 OK", "2 BH"))
        (rules.parent / "fifo").write_text("default allow\n")
        (rules.parent / "fifo").rename(rules)
        wait_until(lambda: helper.ask(query(3)).startswith("3 OK"), "it is well again")


def test_an_idle_helper_sleeps(rules):
    def switches():
        text = pathlib.Path(f"/proc/{helper.process.pid}/status").read_text()
        return int(text.split("\nvoluntary_ctxt_switches:")[1].split()[0])

    with Helper(PROGRAM, "--concurrency", "--file", rules) as helper:
        helper.ask(query(1))
        time.sleep(2)
        start, before = time.monotonic(), switches()
        time.sleep(1)
        woken = switches() - before
        assert woken < 20 * (time.monotonic() - start), "it looks a few times a second"


def test_the_worker_goes_with_the_helper(rules):
    helper = Helper(PROGRAM, "--concurrency", "--file", rules)
    helper.ask(query(1))
    worker = helper.worker()
    helper.process.kill()
    helper.process.wait()
    wait_until(lambda: not pathlib.Path(f"/proc/{worker}").exists(), "the worker is gone")
    helper.end()


@pytest.mark.parametrize("name", ["policy-accelerator.conf", "policy-site-proxy.conf"])
def test_the_shipped_rules_are_sound(name):
    run = subprocess.run([FOLDER / PROGRAM, "--check", TOP / "conf" / "squid" / name],
                         capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def test_check_names_file_and_line(rules):
    (rules.parent / "more").write_text("allow\n\ndeny kind\n")
    run = subprocess.run([FOLDER / PROGRAM, "--check", rules], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == f"{rules.parent}/more:3: kind needs a value\n"


def test_explain_says_which_line_decides_and_why(rules):
    def explain(*words):
        return subprocess.run([FOLDER / PROGRAM, "--explain", *words, "--file", rules],
                              capture_output=True, text=True)

    run = explain("GET", "/cvmfs/x/api/v1.0/geo/a/b", "192.0.2.1", "80")
    assert run.returncode == 0
    assert run.stdout.startswith(f"{rules.parent}/more:1: allow cache\n")
    assert f"not {rules}:3: its client is another" in run.stdout
    run = explain("PUT", "/", "192.0.2.1")
    assert run.returncode == 1
    assert run.stdout.startswith(f"{rules}:2: deny ")
    assert explain("GET", "/", "example.net").returncode == 2
