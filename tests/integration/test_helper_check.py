# SPDX-License-Identifier: Apache-2.0
"""--check of each helper: what is wrong is named by file, line and reason."""

import subprocess

import pytest

from helper import FOLDER

END = "\ndefault allow"
# The first line of each text is sound, or a comment; the mistake is in the second.
MISTAKES = {
    "policy": [(f"#\n{line}{END}\n", reason) for line, reason in [
        ("permit kind geo", "a line begins with allow, deny, default or include"),
        ("allow kind geese", "kind: 'geese' is no kind"),
        ("allow kind", "kind needs a value"),
        ("allow kind geo kind data", "there is a second kind"),
        ("allow method get", "method: 'get' is no method"),
        ("allow client 10.0.0.1/8", "client: '10.0.0.1/8' is no network: the address goes on"),
        ("allow client 10.0.0.0/33", "client: '10.0.0.0/33' is no network: the number of bits"),
        ("allow client h.example.org", "client: 'h.example.org' is no address or network"),
        ("allow port 0", "port: '0' is no port"),
        ("allow port 90-80", "port: '90-80' is no port"),
        ("allow time 8-18", "time: '8-18' is no time of day"),
        ("allow day monday", "day: 'monday' is no day"),
        ("allow suffix c", "suffix: 'c' is no suffix"),
        ("allow repository a/b", "repository: 'a/b' is no name or pattern"),
        ("allow host a,", "host: '' is no name or pattern"),
        ("allow cache no-cache", "cache and no-cache contradict"),
        ("deny cache kind geo", "what is denied has no cache"),
        ('deny "no', "a quote is not closed"),
        ("allow note a", "'a' is no note"),
        ("allow note kind=x", "the note kind_ is set anyway"),
        ("default allow kind geo", "the default has no conditions"),
        ("allow\0", "a line holds a NUL byte"),
        ("include nothere", "nothere: No such file"),
        ("include rules", "does a file include itself?")]],
    "store-id": [(f"group a host b repository c\n{line}\n", reason) for line, reason in [
        ("groups a", "a line begins with group, geo or include"),
        ("group", "'' is no name of a group"),
        ("group A host b repository c", "'A' is no name of a group"),
        ("group a host b", "there is no repository"),
        ("group a repository b", "there is no host"),
        ("group a host b repository", "'repository' needs a value"),
        ("group a host b:80 repository c", "host: 'b:80' has a port"),
        ("group a host b repository c/d", "repository: 'c/d' is no name or pattern"),
        ("group a host b repository c host d", "there is a second host"),
        ("group a host b repository c client 10.0.0.0/8", "'client' is not among host and"),
        ("geo database /x", "there is no host"),
        ("geo host a database x", "database: 'x' does not begin with a slash"),
        ("geo host a database ,", "database needs the name of a file"),
        ("geo host a client 10.0.0.1/8", "client: '10.0.0.1/8' is no network"),
        ("geo host a client x", "client: 'x' is no address"),
        ("geo host a kind geo", "'kind' is not among host, repository, client and database"),
        ('group a host "b"c repository d', "a blank has to follow a closed quote"),
        ("include", "include takes the name of one file"),
        ("include nothere", "nothere: No such file")]],
    "rewrite": [(f"rewrite path /a /b\n{line}\n", reason) for line, reason in [
        ("move path /a /b", "a line begins with rewrite, redirect or include"),
        ("rewrite path /a", "it takes host, repository or path, then what there was"),
        ("rewrite path /a /b /c", "it takes host, repository or path, then what there was"),
        ("rewrite url /a /b", "'url' is no host, repository or path"),
        ("redirect 300 path /a /b", "'300' is no status"),
        ("rewrite 301 host a b", "'301' is no host, repository or path"),
        ("rewrite path a /b", "'a' is no path: it begins with a slash"),
        ("rewrite path /a/../b /c", "'/a/../b' has a component that is only dots"),
        ("rewrite path /a//b /c", "'/a//b' has two slashes side by side"),
        ("rewrite path /a%2fb /c", "'/a%2fb' has an encoded slash"),
        ("rewrite path /a%zz /c", "'/a%zz' has a percent sign that encodes nothing"),
        ("rewrite path /a?b /c", "'/a?b' is no path"),
        ("redirect path /a /a/b", "clients would be sent from one path to the next"),
        ("rewrite host a b:0", "'b:0' is no host or host:port"),
        ("rewrite host a *.b", "'*.b' is no host or host:port"),
        ("rewrite host http://a b", "'http://a' is no host, pattern"),
        ("rewrite host a [192.0.2.1]", "'[192.0.2.1]' is no host"),
        ("rewrite repository a/b c", "'a/b' is no name of a repository or pattern"),
        ("rewrite repository a *", "'*' is no name of a repository"),
        ('rewrite path "/a /b', "a quote is not closed"),
        ("include nothere", "nothere: No such file")]],
}


@pytest.mark.parametrize("helper", MISTAKES)
def test_mistakes_are_named_by_file_line_and_reason(folder, helper):
    path = folder / "rules"
    for text, reason in MISTAKES[helper]:
        path.write_text(text)
        done = subprocess.run([FOLDER / f"replica-{helper}", "--check", path], check=False,
                              capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (1, ""), text
        assert done.stderr.count("\n") == 1
        place, _, said = done.stderr.partition(": ")
        assert (place, reason in said) == (f"{path}:2", True), (text, done.stderr)
    assert len(MISTAKES[helper]) > 15
