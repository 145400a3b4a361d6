"""Manual pages against the programs: every setting, verb and option is described."""
import re
import subprocess

import pytest

from sources import BUILD, TOP

REPLICACTL = BUILD / "replicactl" / "replicactl"
HELPERS = BUILD / "squid-helpers"
SNAPSHOTD = BUILD / "snapshotd" / "snapshotd"
MAN = TOP / "docs" / "man"


def run(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


def page(name):
    """The text of a manual page, without the backslashes of its dashes."""
    return (MAN / name).read_text().replace("\\-", "-")


def test_every_setting_is_described_with_type_and_default():
    settings = re.findall(r"^(\w+) \((.*)\)\n    (.*)$", run(REPLICACTL, "--help-settings"), re.M)
    assert len(settings) > 40
    text = page("replica.conf.5")
    bad = [key for key, what, sentence in settings
           if f'.BR {key} " ({what})"\n{sentence}\n' not in text]
    assert not bad, "replica.conf.5 and settings.def differ"
    described = re.findall(r"^\.BR ([A-Z0-9_]+) \" \(", text, re.M)
    assert sorted(described) == sorted(key for key, _, _ in settings)


def usage_of_verbs():
    """Verb and arguments, as `replicactl help` prints them."""
    text = run(REPLICACTL, "help")
    return dict(re.findall(r"^  ([a-z][a-z-]*) (.*(?:\n {7,}\S.*?)*)\n      [A-Z]", text, re.M))


def sections(text):
    """Verb -> text of its sections in the manual page."""
    found = {}
    for part in re.split(r"^\.SS ", text.split("\n.SH VERBS\n")[1].split("\n.SH ")[0], flags=re.M):
        found.setdefault(part.split()[0] if part.split() else "", []).append(part)
    return {verb: "\n".join(parts) for verb, parts in found.items()}


def test_every_verb_and_option_of_replicactl_is_described():
    verbs = usage_of_verbs()
    assert len(verbs) >= 8
    described = sections(page("replicactl.8"))
    assert set(verbs) == set(described) - {""}
    bad = [f"{verb} {option}" for verb, arguments in verbs.items()
           for option in re.findall(r"--?[A-Za-z][a-z-]*", arguments)
           if option not in described[verb]]
    assert not bad


@pytest.mark.parametrize("verb", ["client-config", "proxy-config", "proxy-log"])
def test_every_option_of_the_verbs_for_squid_is_in_their_help(verb):
    source = (TOP / "replicactl" / f"cmd_{verb.replace('-', '_')}.c").read_text()
    options = re.findall(r'\{"([a-z-]+)", \w+_argument', source)
    assert len(options) >= 2
    assert sorted(set(re.findall(r"--([a-z-]+)", run(REPLICACTL, "help", verb)))) == sorted(options)


def test_every_option_of_snapshotd_is_described():
    text = page("snapshotd.8")
    bad = [option for option in re.findall(r"--[a-z]+", run(SNAPSHOTD, "--help"))
           if option not in text]
    assert not bad


@pytest.mark.parametrize("name", ["replica-policy", "replica-rewrite", "replica-store-id"])
def test_every_option_of_the_helpers_is_described(name):
    text = page(f"{name}.8")
    options = set(re.findall(r"--[a-z]+", run(HELPERS / name, "--help")))
    assert not [option for option in options if option not in text]
    sources = "".join((TOP / "squid-helpers" / f"{file}.c").read_text()
                      for file in ("helper_loop", "rule_program"))
    assert options == set(re.findall(r'strcmp\(arguments\[\w\], "(--[a-z]+)"\)', sources))
    # The text for people stands in both.
    usage = re.sub(r"\s+", " ", run(HELPERS / name, "--help").split("\n\n")[0])
    synopsis = re.sub(r"\.(?:[BI]+|br)\b|\s+", " ", text.split(".SH ")[2])
    assert not [word for word in re.findall(r"[A-Z]{3,}", usage) if word not in synopsis]


def test_every_word_of_policy_rules_is_described():
    text = page("replica-policy.conf.5")
    source = (TOP / "libreplica/format/policy_rules.c").read_text()
    source = re.search(r"once\[\] = \{(.*?)\}", source, re.S)[1]
    source += re.search(r"names\[POLICY_KIND_COUNT\] = \{(.*?)\};",
                        (TOP / "libreplica/format/policy_query.c").read_text(), re.S)[1]
    words = re.findall(r'"([a-z-]+)"', source)
    assert len(words) == 19
    assert not [word for word in words if not re.search(rf"^\.B[RI]? .*\b{word}\b", text, re.M)]


def test_every_word_of_rewrite_lines_is_described():
    text = page("replica-rewrite.conf.5")
    source = (TOP / "libreplica/format/rewrite_rules.c").read_text()
    words = set(re.findall(r'take_word\(words, "([a-z]+)"\)', source))
    words |= set(re.findall(r'\{"(\d+)", \d+\}', source))
    words |= set(re.findall(r'"([a-z]+)"', re.search(r"names\[REWRITE_PART_COUNT\] = \{(.*?)\};",
                                                     source, re.S)[1]))
    assert len(words) == 10
    assert not [word for word in words if not re.search(rf"^\.BI?R? .*\b{word}\b", text, re.M)]


def test_every_word_of_store_rules_is_described():
    text = page("replica-store-id.conf.5")
    source = (TOP / "libreplica/format/store_rules.c").read_text()
    words = set(re.findall(r'text_equals\([^"]*"([a-z]+)"\)', source))
    assert words == {"group", "geo", "host", "repository", "client", "database"}
    assert not [word for word in words if f'"{word}"' not in text]


def test_manual_pages_have_no_roff_errors():
    for path in MAN.glob("*.[58]"):
        done = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", str(path)],
                              capture_output=True, text=True, check=False)
        assert done.stderr == "", path


def test_every_complaint_has_a_test_or_a_reason():
    rows = [line.strip("|").split(" | ") for line in
            (TOP / "docs" / "complaints.md").read_text().splitlines()
            if line.startswith("| ") and "#" in line or line.startswith("| bbockelm")]
    assert len(rows) > 15
    for complaint, answer, shown in rows:
        tests = re.findall(r"`(\w+\.py)::(\w+)`", shown)
        assert tests or "cannot happen" in answer, complaint
        for file, name in tests:
            text = (TOP / "tests" / "integration" / file).read_text()
            assert f"def {name}(" in text, f"{complaint}: {file} has no {name}"


def test_complaints_about_replication_are_in_the_names_of_their_tests():
    """Or in operating.md, where it says why it cannot happen."""
    text = (TOP / "docs" / "complaints.md").read_text()
    operating = (TOP / "docs" / "operating.md").read_text()
    numbers = 0
    for heading in ("Replication correctness", "Operation of snapshots", "Garbage collection"):
        for row in re.findall(r"^\| (\S.*) \|$", text.split(f"## {heading}\n")[1].split("\n## ")[0], re.M):
            complaint = row.split(": ")[0]
            names = " ".join(re.findall(r"::(\w+)`", row))
            for number in re.findall(r"#(\d+)", complaint):
                numbers += 1
                assert re.search(rf"_{number}_", names) or (
                    "cannot happen" in row and f"#{number}" in operating), complaint
    assert numbers > 25
