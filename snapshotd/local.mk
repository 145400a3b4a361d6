# The snapshot daemon.
