"""What the house style says and a tool can check."""
import re
import shutil
import subprocess

from sources import TOP, c_files, tracked

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60


def test_every_c_file_has_its_licence_and_says_its_job():
    bad = []
    for path in c_files():
        lines = path.read_text().splitlines()
        if not lines[0].startswith("/* SPDX-License-Identifier: Apache-2.0 */"):
            bad.append(f"{path}: licence")
        elif not lines[1].startswith("/*") and path.suffix != ".def":
            bad.append(f"{path}: no sentence on the file's job")
    assert not bad


def test_files_are_small():
    bad = [f"{path}: {n} lines" for path in tracked("*.c", "*.h", "*.py", "*.sh")
           if (n := len(path.read_text().splitlines())) > FILE_LINES_MAX]
    assert not bad


def functions(path):
    """(name, lines) of each function: a brace in column 0 opens and closes it."""
    name, start = None, None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            yield name, number - start + 1
            start = None
        elif start is None and (match := re.match(r"^[\w\s\*]*?\b(\w+)\(", line)):
            name = match.group(1)


def test_functions_are_short():
    bad = [f"{path}: {name} has {lines} lines" for path in tracked("*.c")
           for name, lines in functions(path) if lines > FUNCTION_LINES_MAX]
    assert not bad


def test_formatting():
    tool = shutil.which("clang-format")
    assert tool, "clang-format is missing: run scripts/bootstrap"
    run = subprocess.run([tool, "--dry-run", "-Werror", *map(str, c_files())],
                         capture_output=True, text=True, cwd=TOP)
    assert run.returncode == 0, run.stderr[:3000]


def test_scripts_pass_shellcheck():
    tool = shutil.which("shellcheck")
    assert tool, "shellcheck is missing: run scripts/bootstrap"
    scripts = [p for p in tracked("scripts/*", ".ci/*", "*.sh", "tests/bench/*",
                                 "conf/debian/*")
               if p.read_bytes()[:20].startswith((b"#!/usr/bin/env bash", b"#!/bin/sh",
                                                  b"#!/bin/bash"))]
    assert scripts
    run = subprocess.run([tool, "-x", *map(str, scripts)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[:3000]


def test_sha1_signatures_use_no_digest_api():
    """System policies forbid them; see libreplica/format/signature.h."""
    call = re.compile(r"\bEVP_Digest(Sign|Verify)\w*\s*\(")
    bad = [f"{path}: {line.strip()}" for path in c_files()
           if path.relative_to(TOP).parts[0] != "tests"
           for line in path.read_text().splitlines() if call.search(line)]
    assert not bad


def test_apr_formats_have_apr_conversions():
    """apr's own printf family knows neither %ll nor %z."""
    call = re.compile(r"\b(apr_p?v?snprintf|apr_psprintf|apr_pvsprintf|apr_file_printf|"
                      r"ap_rprintf|ap_log_\w?error)\s*\((?:[^;\"]|\"(?:[^\"\\]|\\.)*\")*?;")
    bad = [f"{path}: {match.group(0)[:90]}" for path in tracked("*.c")
           for match in call.finditer(path.read_text())
           if re.search(r"%[-+ #0-9.*]*(ll|z|j|t)[diuxX]", match.group(0))]
    assert not bad


def test_paths_below_a_tree_are_built_by_the_store_alone():
    bad = [f"{path}: {line.strip()}" for path in tracked("libreplica/*.c", "mod_replica/*.c",
                                                         "snapshotd/*.c", "replicactl/*.c")
           if path.relative_to(TOP).parts[1] not in ("store", "format")
           for line in path.read_text().splitlines() if re.search(r'"[^"]*\bdata/', line)]
    assert not bad


def test_nothing_is_left_open():
    """No note to do a thing later stands in for the thing."""
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    bad = [f"{path}:{number}" for path in tracked("*.c", "*.h", "*.py", "*.mk", "*.am", "*.md",
                                                  "scripts/*")
           for number, line in enumerate(path.read_text().splitlines(), 1)
           if words.search(line)]
    assert not bad
