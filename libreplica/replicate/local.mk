# Level 4: replication, origin to tree.
