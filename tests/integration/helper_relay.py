#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands between Squid and a helper with channels: notes every query, and spoils replies in the
ways that a helper could. Arguments: a folder, then the helper's command.

<folder>/asked gets the queries. Replies are held back while there are more to come, and leave in
reverse order. One to a query with "wrong-id" in it goes to a channel that nobody has."""

import os
import pathlib
import select
import subprocess
import sys

HOLD_SECONDS = 0.02


def lines_of(descriptor, rest):
    """Whole lines that can be read now and the rest; None at the end."""
    data = os.read(descriptor, 65536)
    if not data:
        return None, rest
    *lines, rest = (rest + data).split(b"\n")
    return lines, rest


def spoil(reply, spoiled):
    channel, _, rest = reply.partition(b" ")
    return b"9" + channel + b" " + rest if channel in spoiled else reply


def main(folder, *command):
    asked = open(pathlib.Path(folder) / f"asked.{os.getpid()}", "ab", buffering=0)
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    replies_from = child.stdout.fileno()
    query_rest = reply_rest = b""
    held, spoiled, sources = [], set(), [0, replies_from]
    while True:
        ready = select.select(sources, [], [], HOLD_SECONDS)[0]
        if not ready and held:
            os.write(1, b"".join(spoil(reply, spoiled) + b"\n" for reply in reversed(held)))
            held = []
        if 0 in ready:
            queries, query_rest = lines_of(0, query_rest)
            if queries is None:
                sources.remove(0)
                child.stdin.close()
                continue
            for query in queries:
                asked.write(query + b"\n")
                if b"wrong-id" in query:
                    spoiled.add(query.split(b" ")[0])
                os.write(child.stdin.fileno(), query + b"\n")
        if replies_from in ready:
            replies, reply_rest = lines_of(replies_from, reply_rest)
            if replies is None:
                break
            held += replies
    os.write(1, b"".join(reply + b"\n" for reply in held))
    return child.wait()


sys.exit(main(*sys.argv[1:]))
