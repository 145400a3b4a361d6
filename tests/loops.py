"""How often the loops of the tests go round: every count in one place.

`scripts/test` sets REPLICA_TEST_MODE; each row is (normal, soak). The second pass of a run, with
sanitizers, goes round a part of that: it looks for other things, and slowly.
"""
import os
import sys

MODE = os.environ.get("REPLICA_TEST_MODE", "normal")
SANITIZED = os.environ.get("REPLICA_SANITIZED") == "1"
SANITIZED_PART = 4

_COUNTS = {
    # kill -9 of a running snapshot at a random moment
    "SNAPSHOT_KILLS": (20, 200),
    # places at which the power fails while a snapshot writes
    "POWER_CUTS": (500, 2000),
    # kill -9 of a garbage collection at a random moment
    "GC_KILLS": (100, 400),
    # places at which the power fails while garbage is collected
    "GC_POWER_CUTS": (160, 1000),
    # random change sets, each compared with a plain directory
    "CHANGE_SETS": (60, 1000),
    # random change sets of one repository, one after the other
    "LONG_HISTORY": (40, 1000),
    # places at which the power fails while a change set is committed
    "COMMIT_POWER_CUTS": (100, 1000),
    # places at which the power fails while uploads are published
    "UPLOAD_POWER_CUTS": (60, 600),
    # objects of a replica that are damaged and repaired
    "DAMAGED_OBJECTS": (520, 2000),
    # kill -9 of a running repair at a random moment
    "REPAIR_KILLS": (8, 80),
    # about so many changes at which an adoption, or its way back, is killed
    "ADOPTION_KILLS": (60, 10000),
    # places at which the power fails while a replica is repaired
    "REPAIR_POWER_CUTS": (64, 600),
    # our lock against the reference's lock-and-unlink sequence
    "LOCK_ROUNDS": (1000, 10000),
    # random damage to manifests, whitelists and catalogs
    "DAMAGED_INPUTS": (200, 5000),
    # runs without changes in one daemon
    "DAEMON_RUNS": (300, 4000),
    # intervals that two hundred replicas are looked after; two hours have 24 of the usual ones
    "MANY_REPLICAS_INTERVALS": (3, 24),
    # histories of random changes, replicated revision by revision
    "HISTORIES": (4, 60),
    # random lists of servers that the geo API sorts
    "GEO_LISTS": (400, 10000),
    # seconds of load while geo databases come and go
    "GEO_RELOAD_SECONDS": (6, 120),
    # queries to a helper whose workers are killed meanwhile
    "HELPER_LINES": (200000, 5000000),
    # questions to the geo API that Squid has to answer as httpd does
    "SHARED_QUESTIONS": (600, 20000),
    # requests that helpers explain as Squid decides them
    "EXPLAINED_REQUESTS": (500, 10000),
    # subscribers that behave as stock clients while the event server restarts
    "STOCK_SUBSCRIBERS": (1000, 1000),
    # subscribers that only wait, whose memory is counted
    "IDLE_SUBSCRIBERS": (10000, 10000),
    # messages that one reader is too slow for
    "SLOW_READER_EVENTS": (60, 600),
    # mebibytes of the largest upload, and of each of sixteen side by side
    "LARGE_UPLOAD_MIB": (256, 10240),
    "PARALLEL_UPLOAD_MIB": (16, 256),
    # seconds each fuzzer runs; 0 only replays its corpus
    "FUZZ_SECONDS": (0, 60),
}


def count(name):
    normal, soak = _COUNTS[name]
    rounds = soak if MODE == "soak" else normal
    return max(rounds // SANITIZED_PART, min(rounds, 1)) if SANITIZED else rounds


def table():
    return [(name, count(name)) for name in _COUNTS]


if __name__ == "__main__":
    print(count(sys.argv[1]))
