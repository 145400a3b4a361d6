# SPDX-License-Identifier: Apache-2.0
"""replica-rewrite as a filter: golden lines, hostile lines, lines that change and --explain.
What all helpers share is shown by test_replica_policy.py."""

import os
import random
import signal
import subprocess

import pytest

from helper import FOLDER, Helper, answers_to_each, check_golden
from servers import TOP, wait_until
from tree import replace_file

PROGRAM = "replica-rewrite"
RULES = """# of the tests
rewrite path /opt /cvmfs
rewrite repository *.old.org sw.example.org
include more
redirect 301 host www.* new.example.org
"""
MORE = """rewrite host retired.example.org new.example.org:8000
redirect path /moved /cvmfs/x
"""
GOLDEN = [
    ("http://h/opt/sw/.cvmfspublished?a=b 192.0.2.1/- GET",
     'OK rewrite-url="http://h/cvmfs/sw/.cvmfspublished?a=b" rewrite_="rules:2"'),
    ("http://h/opt/a.old.org/%41b",
     'OK rewrite-url="http://h/cvmfs/sw.example.org/%41b" rewrite_="rules:2,rules:3"'),
    ("http://Retired.example.org/opt/a.old.org/x 192.0.2.1/- - GET",
     'OK rewrite-url="http://new.example.org:8000/cvmfs/sw.example.org/x" '
     'rewrite_="rules:2,rules:3,more:1"'),
    ("  http://www.x:81/moved/\"'  -",
     'OK status="302" url="http://new.example.org/cvmfs/x/\\"\'" rewrite_="more:2,rules:5"'),
    ("http://www.x/ -", 'OK status="301" url="http://new.example.org/" rewrite_="rules:5"'),
    ("http://h/other 192.0.2.1/- - GET", "ERR"),
    ("http://h/opt/../x 192.0.2.1/- - GET", "ERR"),
    ("retired.example.org:443 192.0.2.1/- - CONNECT", "ERR"),
    ("", 'BH message="the query does not begin with a URL"'),
]


@pytest.fixture
def rules(folder):
    path = folder / "rules"
    path.write_text(RULES)
    (folder / "more").write_text(MORE)
    return path


@pytest.mark.parametrize("has_channels", [False, True])
def test_golden_lines(rules, has_channels):
    check_golden(PROGRAM, rules, GOLDEN, has_channels)


def test_hostile_lines_have_one_answer_each(rules):
    """Never one that Squid reads by its ancient rules: as a URL."""
    chance = random.Random(20261120)
    url = b"http://retired.example.org/opt/a.old.org/"
    lines = [b"", b"x", b"-1 a b c", b"1", b"2 " + url + b"%41" * 15000, b"3 " + url + b"a" * 36000,
             b"4 " + url + b"/.." * 9000, b"5 " + url + b"a" * 65400, b"6 " + url + b"a" * 200000,
             b"7 http://" + b"a" * 60000, b"8 http://" + b"." * 30000 + b"/opt",
             b"9 " + url + b'"\\' * 9000, b"9" * 70000, b"10 http://h/opt" + b"/a" * 30000,
             b"11 " + url + b"\0\r\x01 \0", b"12 " + bytes(set(range(256)) - {10})]
    lines += [b"%d " % number + url + chance.randbytes(chance.randrange(300)).replace(b"\n", b"")
              for number in range(100, 1100)]
    answers = answers_to_each(PROGRAM, rules, lines)
    for answer in answers:
        assert answer == b"ERR" or answer.startswith((b"BH message=", b'OK rewrite-url="http://'))
        assert answer.endswith((b"ERR", b'"')), answer[-80:]
    assert sum(b"OK" in answer for answer in answers) > 20


def test_without_sound_lines_nothing_changes(rules):
    """It fails open, and complains."""
    url, changed = "http://h/opt/x", '1 OK rewrite-url="http://h/cvmfs/x" rewrite_="rules:2"'
    rules.write_text("rewrite host a\n")
    with Helper(PROGRAM, "--concurrency", "--file", rules) as helper:
        assert helper.ask(f"1 {url}") == "1 ERR"
        wait_until(lambda: helper.complaints, "it complains")
        assert f"{rules}:1: it takes host, repository or path" in helper.complaints[0]
        replace_file(rules, RULES.encode())
        wait_until(lambda: helper.ask(f"1 {url}") == changed, "the lines are in force")
        replace_file(rules.parent / "more", b"rewrite\n")
        wait_until(lambda: helper.ask(f"1 {url}") and len(helper.complaints) > 1, "it complains")
        assert helper.complaints[1].endswith("(the rules before stay in force)")
        assert helper.ask(f"1 {url}") == changed
        rules.unlink()
        wait_until(lambda: helper.ask(f"1 {url}") and len(helper.complaints) > 2, "it complains")
        assert helper.ask(f"1 {url}") == changed
        replace_file(rules, b"rewrite path /opt /srv\n")
        wait_until(lambda: helper.ask(f"1 {url}").startswith('1 OK rewrite-url="http://h/srv/x"'),
                   "the new lines are in force")


def test_a_worker_that_stands_still_is_replaced(rules):
    with Helper(PROGRAM, "--concurrency", "--file", rules) as helper:
        helper.ask("1 http://h/")
        os.kill(helper.worker(), signal.SIGSTOP)
        assert helper.ask("2 http://h/").startswith(("2 ERR", "2 BH"))
        assert helper.ask("3 http://h/") == "3 ERR"


def test_the_shipped_lines_are_sound():
    run = subprocess.run([FOLDER / PROGRAM, "--check", TOP / "conf" / "squid" / "rewrite.conf"],
                         capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith(": 4 rules\n")


def test_check_names_file_and_line(rules):
    (rules.parent / "more").write_text("# nothing\n\nrewrite path a /b\n")
    run = subprocess.run([FOLDER / PROGRAM, "--check", rules], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == f"{rules.parent}/more:3: 'a' is no path: it begins with a slash\n"


def test_explain_says_which_lines_apply(rules):
    def explain(*words, **options):
        return subprocess.run([FOLDER / PROGRAM, "--explain", *words, "--file", rules],
                              capture_output=True, text=True, check=False, **options)

    run = explain("http://retired.example.org/opt/x")
    assert run.returncode == 0
    assert run.stdout.splitlines() == [
        "rewrite http://new.example.org:8000/cvmfs/x", f"  {rules}:2: path /opt /cvmfs",
        f"  {rules.parent}/more:1: host retired.example.org new.example.org:8000"]
    run = explain("http://www.a/")
    assert run.stdout.splitlines()[0] == "redirect 301 http://new.example.org/"
    run = explain("http://h/")
    assert (run.returncode, run.stdout) == (
        1, "unchanged: no line is about its path, its repository or its host\n")
    run = explain("http://h/opt//x")
    assert (run.returncode, run.stdout) == (
        1, "unchanged: it has two slashes side by side\n")
    assert explain().returncode == 2
    assert explain("a", "b").returncode == 2
    run = explain("-", input="http://h/opt/x\nhttp://h/\n")
    assert (run.returncode, run.stdout) == (0, "rewrite http://h/cvmfs/x\nunchanged: no line is "
                                               "about its path, its repository or its host\n")
