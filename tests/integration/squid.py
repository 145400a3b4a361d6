# SPDX-License-Identifier: Apache-2.0
"""Real Squid on free loopback ports, from a shipped configuration."""

import os
import pathlib
import re
import shutil
import subprocess

from servers import BUILD, DEADLINE_SECONDS, TOP, first_program, free_port, is_listening, wait_until

SHIPPED = TOP / "conf" / "squid"


class Squid:
    """Squid with the shipped file NAME, or with TEXT: its ports, its httpd and its logs moved
    elsewhere, its helpers those that were built, with the rules that are shipped beside it, and
    what every private instance needs added. .ports maps a port of the file to ours. RULES:
    {helper: text} in the place of what is shipped."""

    def __init__(self, folder, name, httpd_port, text=None, rules=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.program = first_program("squid")
        self.process = None
        self.rules = rules or {}
        self.ports = {}
        self.configuration = self.folder / "squid.conf"
        text = text or (SHIPPED / name).read_text()
        # With several workers there is a process before them.
        workers = re.search(r"^workers ([2-9])", text, re.M)
        self.workers = int(workers.group(1)) if workers else 1
        self.mode = "--foreground" if workers else "-N"
        text = re.sub(r"^http_port (\d+)(?=[ \n])", self.move_port, text, flags=re.M)
        text = text.replace("parent 8080 ", f"parent {httpd_port} ")
        text = text.replace("/var/log/squid/", f"{self.folder}/")
        text = re.sub(r"/usr/libexec/replica/replica-(\S+) --concurrency",
                      lambda match: self.bring_helper(match.group(1), name), text)
        self.configuration.write_text(
            text + "\n" + "\n".join([
                f"pid_filename {self.folder}/squid.pid", f"cache_log {self.folder}/cache.log",
                f"coredump_dir {self.folder}", "memory_cache_shared off",
                "netdb_filename none",
                # The shipped file has its own; the last one counts.
                "shutdown_lifetime 0 seconds"]) + "\n")
        if os.geteuid() == 0:
            for user in ("proxy", "squid"):
                try:
                    shutil.chown(self.folder, user)
                    break
                except LookupError:
                    pass

    def move_port(self, match):
        self.ports[int(match.group(1))] = port = free_port()
        return f"http_port 127.0.0.1:{port}"

    def bring_helper(self, helper, name):
        """A helper and its rules, where Squid's user can reach them: its command line."""
        program = shutil.copy(BUILD / "squid-helpers" / f"replica-{helper}", self.folder)
        rules = self.folder / f"{helper}-{name.split('-', 1)[1]}"
        rules.write_text(self.rules[helper] if helper in self.rules
                         else (SHIPPED / rules.name).read_text())
        return f"{program} --concurrency --file {rules}"

    def command(self, *arguments):
        # The name of a service has letters and digits only, and is one for each instance.
        return [self.program, self.mode, "-n", f"replica{os.getpid()}x{min(self.ports.values())}",
                "-f", str(self.configuration), *arguments]

    def parse(self):
        """What `squid -k parse` complains about."""
        run = subprocess.run(self.command("-k", "parse"), capture_output=True, text=True)
        return [line for line in run.stderr.splitlines()
                if re.search(r"WARNING|ERROR|FATAL", line)]

    def start(self, **options):
        before = self.log_text().count("Accepting ")
        with open(self.folder / "stderr", "wb") as stderr:
            self.process = subprocess.Popen(self.command(), stderr=stderr, **options)
        # It listens before it knows what to do with signals, and says so afterwards.
        wait_until(lambda: self.process.poll() is not None or self.has_accepted(before)
                   and all(is_listening(port) for port in self.ports.values()), "Squid listens")
        assert self.process.poll() is None, self.log_text()
        return self

    def reconfigure(self):
        """Read the configuration again; done when Squid says so."""
        before = self.log_text().count("Accepting ")
        subprocess.run(self.command("-k", "reconfigure"), check=True, capture_output=True)
        wait_until(lambda: self.has_accepted(before), "Squid has read it")

    def has_accepted(self, before):
        """Whether every worker has said of every port that it accepts, after BEFORE lines."""
        return self.log_text().count("Accepting ") >= before + self.workers * len(self.ports)

    def log_text(self):
        path = self.folder / "cache.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self):
        """TERM, so that it takes its shared memory away."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(DEADLINE_SECONDS)
            self.process = None
