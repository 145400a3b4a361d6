# SPDX-License-Identifier: Apache-2.0
"""What benches of snapshots share: a repository behind a line, a replica of it, and the floor."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
FQRN = "bench.example.net"
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; keepalive_requests 100000000;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen 127.0.0.1:{port}; location /cvmfs/{fqrn}/ {{ alias {storage}/; }} }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port):
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


# A process of its own measures: what is run by a large one counts its memory as theirs.
MEASURE = """
import json, resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.call(sys.argv[2:])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump({"seconds": time.monotonic() - start, "cpu": usage.ru_utime + usage.ru_stime,
               "peak": usage.ru_maxrss / 1024}, file)
sys.exit(code)
"""


class Cost:
    """What a command took: .seconds, .cpu (seconds), .peak (MiB), .output."""

    def __init__(self, command, **options):
        with tempfile.NamedTemporaryFile() as file:
            run = subprocess.run([sys.executable, "-S", "-c", MEASURE, file.name, *command],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 **options)
            self.output = run.stdout
            if run.returncode != 0:
                sys.exit(f"{command[0]} failed:\n{self.output}")
            self.__dict__.update(json.load(file))

    def number(self, pattern):
        found = re.search(pattern, self.output)
        return int(found[1]) if found else 0

    def requests(self):
        return self.number(r"Sent (\d+) requests")

    def width(self):
        return self.number(r"at most (\d+) at once")


class Repository:
    """A published repository in FOLDER, served by nginx on loopback."""

    def __init__(self, build, folder):
        self.build = pathlib.Path(build).resolve()
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.origin = self.folder / "origin"
        self.storage = self.origin / "storage"
        self.tree = self.folder / "tree"
        self.port = free_port()
        self.server = None

    def tool(self, verb, *arguments):
        subprocess.run([self.build / "tests/integration/publish_tool", verb, self.origin, FQRN,
                        *arguments], check=True, stdout=subprocess.DEVNULL)

    def make(self, *tree_options):
        self.origin.mkdir()
        subprocess.run([HERE / "make_tree", self.tree, *tree_options], check=True)
        self.tool("create")
        self.publish()

    def publish(self):
        self.tool("ingest", self.tree, "tags=no")

    def objects(self):
        return sorted(str(p.relative_to(self.storage))
                      for p in (self.storage / "data").glob("??/*"))

    def key(self):
        return next((self.origin / "keys").glob("*.pub"))

    def serve(self):
        configuration = self.folder / "nginx.conf"
        configuration.write_text(NGINX.format(folder=self.folder, port=self.port, fqrn=FQRN,
                                              storage=self.storage))
        # Not the keys: those are secrets.
        subprocess.run(["chmod", "a+rX", self.folder.parent, self.folder, self.origin], check=True)
        subprocess.run(["chmod", "-R", "a+rX", self.storage], check=True)
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        self.server = subprocess.Popen([nginx, "-c", configuration])
        wait_for_port(self.port)

    def stop(self):
        if self.server is not None:
            self.server.terminate()
            self.server.wait()

    def url(self, port=None):
        return f"http://127.0.0.1:{port or self.port}/cvmfs/{FQRN}"

    @contextlib.contextmanager
    def line(self, milliseconds):
        """A port that is so far away; without distance the server's own."""
        if milliseconds == 0:
            yield self.port
            return
        port = free_port()
        relay = subprocess.Popen([self.build / "tests/bench/delay_relay", str(port),
                                  str(self.port), str(milliseconds)], stdin=subprocess.PIPE)
        wait_for_port(port)
        try:
            yield port
        finally:
            relay.stdin.close()
            relay.wait()

    def floor(self, connections, objects, port=None):
        target = self.folder / "floor"
        with tempfile.TemporaryFile("w+") as listing:
            listing.write("\n".join(objects) + "\n")
            listing.seek(0)
            cost = Cost([self.build / "tests/bench/snapshot_floor", self.url(port), target,
                         str(connections)], stdin=listing)
        shutil.rmtree(target)
        return cost


class Replica:
    """Of REPOSITORY, asked for at PORT."""

    def __init__(self, repository, port=None, **settings):
        self.build = repository.build
        self.folder = repository.folder / "replica"
        self.storage = self.folder / "srv" / FQRN
        configuration = self.folder / "conf/repositories.d" / FQRN
        configuration.mkdir(parents=True)
        (self.storage / "data/txn").mkdir(parents=True)
        (configuration / "server.conf").write_text(
            f"CVMFS_REPOSITORY_NAME={FQRN}\nCVMFS_SPOOL_DIR={self.folder}/spool\n"
            f"CVMFS_STRATUM0={repository.url(port)}\n"
            f"CVMFS_UPSTREAM_STORAGE=local,{self.storage}/data/txn,{self.storage}\n")
        settings = {"CVMFS_PUBLIC_KEY": repository.key(), **settings}
        (configuration / "replica.conf").write_text(
            "".join(f"{name}={value}\n" for name, value in settings.items()))

    def snapshot(self):
        return Cost([self.build / "replicactl/replicactl", "snapshot", FQRN],
                    env=dict(os.environ, REPLICA_CONFDIR=str(self.folder / "conf")))

    def stored(self):
        return sum(1 for _ in (self.storage / "data").glob("??/*"))

    def remove(self):
        shutil.rmtree(self.folder)


def cold_snapshot(repository, objects, port=None, **settings):
    """The cost of a first snapshot, which must hold OBJECTS but for what only the empty first
    revision had; the replica is removed."""
    replica = Replica(repository, port, **settings)
    cost = replica.snapshot()
    if replica.stored() < len(objects) - 5:
        sys.exit(f"the snapshot stored only {replica.stored()} objects of {len(objects)}")
    replica.remove()
    return cost
