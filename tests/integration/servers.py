# SPDX-License-Identifier: Apache-2.0
"""The servers that tests talk to: real httpd on free loopback ports, in temporary folders."""

import contextlib
import http.client
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("REPLICA_BUILD", TOP / "build"))
SANITIZED = os.environ.get("REPLICA_SANITIZED") == "1"
SANITIZER_REPORT = re.compile(r".*(AddressSanitizer|runtime error:)")
OUR_CODE = re.compile(r"mod_replica|libreplica")
# Only who waits in vain gets there: longer than a busy machine takes for anything.
DEADLINE_SECONDS = 120
THREADS = 16

# What any httpd of these tests loads, as far as it is not linked in; {mpm} is chosen.
BASE_MODULES = ["mpm_{mpm}", "unixd", "log_config", "logio", "authz_core", "authz_host", "mime"]

# Few processes, and their number does not change.
SIZE = {"prefork": ["StartServers 4", "ServerLimit 32", "MinSpareServers 1"],
        "threaded": ["StartServers 2", "ServerLimit 4", f"ThreadsPerChild {THREADS}",
                     f"MaxRequestWorkers {4 * THREADS}", "MinSpareThreads 1",
                     f"MaxSpareThreads {4 * THREADS}"]}


# Workers that run side by side must not take one another's free ports: each has its own range.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
FIRST_PORT, PORTS = 10000 + 1000 * (WORKER % 20), 1000
UNUSED_PORTS = []


def free_port():
    """A port of the loopback address that nobody listens on, another one each time: who got the
    last one need not listen yet."""
    for _ in range(PORTS):
        if not UNUSED_PORTS:
            UNUSED_PORTS[:] = random.sample(range(FIRST_PORT, FIRST_PORT + PORTS), PORTS)
        port = UNUSED_PORTS.pop()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise AssertionError(f"no free port in {FIRST_PORT}..{FIRST_PORT + PORTS - 1}")


def wait_until(condition, what, seconds=DEADLINE_SECONDS):
    """Wait for a condition, never for a time; fail loudly when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain until {what}"
        time.sleep(0.02)


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Response:
    """Status, headers (by lower-case name) and body of an answer."""

    def __init__(self, answer, body):
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.body = body


def fetch(port, path, method="GET", headers=None, body=None):
    """Send one request exactly as it is written and read the whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
    try:
        headers = headers or {}
        connection.putrequest(method, path, skip_host="Host" in headers,
                              skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Response(answer, answer.read())
    finally:
        connection.close()


def first_program(*names):
    for name in names:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        if path:
            return path
    raise AssertionError(f"none of {names} is installed; run scripts/bootstrap")


def module_folder():
    apxs = first_program("apxs", "apxs2")
    return pathlib.Path(
        subprocess.run([apxs, "-q", "LIBEXECDIR"], capture_output=True, text=True,
                       check=True).stdout.strip())


def linked_modules(program):
    """Names such as "log_config" of the modules inside the httpd program."""
    text = subprocess.run([program, "-l"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"mod_(\w+)\.c", text))


def sanitizer_environment():
    """httpd is not built with sanitizers, so their libraries must be there before it."""
    def library(name):
        return subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True,
                              text=True, check=True).stdout.strip()
    shim = BUILD / "tests" / "integration" / ".libs" / "pool_shim.so"
    return {"LD_PRELOAD": f"{library('libasan.so')} {library('libubsan.so')} {shim}",
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
            "UBSAN_OPTIONS": "print_stacktrace=1"}


class Httpd:
    """One httpd. CONFIG is what is added to a server that loads the module and listens on
    `port`; it is in the server's scope, so <Location> and <VirtualHost> work too."""

    def __init__(self, folder, config, mpm="event", modules=(), port=None):
        self.folder = pathlib.Path(folder)
        self.port = port or free_port()
        self.program = first_program("apache2", "httpd")
        self.error_log = self.folder / "error.log"
        self.access_log = self.folder / "access.log"
        self.process = None
        self.expected_signal = None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.write_config(config, mpm, modules)

    def load_lines(self, mpm, modules):
        folder, linked = module_folder(), linked_modules(self.program)
        names = [name.format(mpm=mpm) for name in BASE_MODULES] + list(modules)
        lines = [f"LoadModule {name}_module {folder}/mod_{name}.so"
                 for name in dict.fromkeys(names) if name not in linked]
        lines.append(f"LoadModule replica_module {BUILD}/.libs/mod_replica.so")
        return lines

    def write_config(self, config, mpm="event", modules=()):
        """Write the whole configuration; takes effect at start or graceful."""
        lines = [f"ServerRoot {self.folder}", f"DefaultRuntimeDir {self.folder}",
                 f"PidFile {self.folder}/httpd.pid", f"Mutex default:{self.folder}",
                 "ServerName localhost", f"Listen 127.0.0.1:{self.port}",
                 *self.load_lines(mpm, modules)]
        if os.geteuid() == 0:
            name = "www-data" if self.program.endswith("apache2") else "apache"
            lines += [f"User {name}", f"Group {name}"]
        lines += [f"ErrorLog {self.error_log}", "LogLevel warn replica:info",
                  'LogFormat "%a %>s %{replica-kind}n %{replica-repository}n %U" replica',
                  f"CustomLog {self.access_log} replica",
                  *SIZE["prefork" if mpm == "prefork" else "threaded"],
                  "TypesConfig /dev/null", "GracefulShutdownTimeout 5", config]
        (self.folder / "httpd.conf").write_text("\n".join(lines) + "\n")

    def command(self, *arguments):
        return [self.program, "-d", str(self.folder), "-f", str(self.folder / "httpd.conf"),
                *arguments]

    def check(self):
        """The message of `httpd -t` if the configuration is refused, else None."""
        run = subprocess.run(self.command("-t"), capture_output=True, text=True,
                             env=self.environment())
        return None if run.returncode == 0 else run.stderr

    def environment(self):
        environment = dict(os.environ)
        if SANITIZED:
            environment.update(sanitizer_environment())
        return environment

    def start(self):
        before = self.generations()
        with open(self.folder / "stderr", "wb") as stderr:
            # A session of its own: some MPMs end by a signal to their process group.
            self.process = subprocess.Popen(self.command("-DFOREGROUND"), stderr=stderr,
                                            env=self.environment(), start_new_session=True)
        # It listens before it knows what to do with signals.
        wait_until(lambda: self.process.poll() is not None or self.is_running(before)
                   and is_listening(self.port), "httpd listens")
        assert self.process.poll() is None, self.log_text()
        return self

    def generations(self):
        return self.log_text().count("resuming normal operations")

    def is_running(self, before):
        """Whether there is a generation that was not BEFORE."""
        return self.generations() > before

    def graceful(self):
        """Restart gracefully and wait until the new generation is there."""
        before = self.generations()
        self.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: self.is_running(before), "httpd has restarted")

    def child_pids(self):
        pid = self.process.pid
        return [int(child) for child
                in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill_children(self):
        """End every child process in the middle of whatever it does."""
        self.expected_signal = "Killed"
        for pid in self.child_pids():
            with contextlib.suppress(ProcessLookupError):  # one that has ended meanwhile
                os.kill(pid, signal.SIGKILL)

    def stop(self):
        if self.process is None:
            return
        # Afterwards a child may crash in the event MPM itself, which closes its workers'
        # sockets while they end.
        signals = set(re.findall(r"exit signal (\w+)", self.log_text()))
        crashed = signals - {self.expected_signal}
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(DEADLINE_SECONDS)
        self.process = None
        text = self.log_text()
        report = SANITIZER_REPORT.search(text)
        assert not crashed, text
        assert report is None or OUR_CODE.search(text, report.start()) is None, text

    def log_text(self):
        texts = [path.read_text(errors="replace")
                 for path in (self.folder / "stderr", self.error_log) if path.exists()]
        return "".join(texts)

    def access_lines(self):
        return self.access_log.read_text().splitlines() if self.access_log.exists() else []

    def fetch(self, path, method="GET", headers=None, body=None):
        return fetch(self.port, path, method, headers, body)
