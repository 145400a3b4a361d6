# SPDX-License-Identifier: Apache-2.0
"""The rules of a partial replica, told by regular expressions instead of the project's code."""

import re


def expression(pattern, any_byte):
    """A rule as a regular expression; ANY_BYTE is what * and ? stand for."""
    parts, i = [], 0
    while i < len(pattern):
        if pattern[i] == "\\":
            i += 1
            parts.append(re.escape(pattern[i]))
        elif pattern[i] in "*?":
            parts.append(any_byte + ("*" if pattern[i] == "*" else ""))
        else:
            parts.append(re.escape(pattern[i]))
        i += 1
    return re.compile("".join(parts), re.DOTALL)


def ancestors(path):
    """Proper ones, the root "" last."""
    while path:
        path = path[:path.rindex("/")]
        yield path


class Rules:
    def __init__(self, text):
        lines = [line.strip() for line in text.split("\n")]
        lines = [line for line in lines if line and not line.startswith("#")]
        assert lines[0] == "version 1"
        positive = [line.rstrip("/") for line in lines[1:] if line[0] != "!"]
        self.rules = [expression(line, "[^/]") for line in positive]
        self.parents = [expression(parent, "[^/]") for line in positive
                        for parent in ancestors(line)]
        self.exclusions = [expression(line[1:].strip().rstrip("/"), ".") for line in lines[1:]
                           if line[0] == "!"]

    def exclude(self, path):
        if path == "":
            return False
        included = any(rule.fullmatch(path) for rule in self.rules + self.parents) or any(
            rule.fullmatch(above) for above in ancestors(path) for rule in self.rules)
        return not included or any(rule.fullmatch(above) for rule in self.exclusions
                                   for above in [path, *ancestors(path)] if above)
