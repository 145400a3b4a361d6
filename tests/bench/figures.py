# SPDX-License-Identifier: Apache-2.0
"""What benches of servers share: load by wrk, processor time, medians of ratios."""

import os
import pathlib
import re
import statistics
import subprocess


def processor_seconds(session):
    """What all processes of a server have used so far; they are one session."""
    ticks = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


class Figures:
    """What was measured of one server, round by round."""

    def __init__(self):
        self.rates = []
        self.costs = []
        self.latencies = {50: [], 99: []}

    def measure(self, session, url, connections, seconds, script=None):
        before = processor_seconds(session)
        run = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
             *(["-s", script] if script else []), url],
            capture_output=True, text=True, check=True)
        if "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
            raise SystemExit(f"{url} failed:\n{run.stdout}")
        count = int(re.search(r"(\d+) requests in", run.stdout)[1])
        self.rates.append(float(re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)[1]))
        self.costs.append((processor_seconds(session) - before) / count)
        for percent, values in self.latencies.items():
            found = re.search(rf"^\s+{percent}%\s+(\S+)$", run.stdout, re.M)
            values.append(milliseconds(found[1]))

    def rate(self):
        return statistics.median(self.rates)

    def latency(self, percent):
        return statistics.median(self.latencies[percent])


def median_ratio(values, others):
    return statistics.median(value / other for value, other in zip(values, others))
