/* SPDX-License-Identifier: Apache-2.0 */
/* One writer at a time, by the reference's own lock files. */
#ifndef REPLICA_BASE_LOCK_H
#define REPLICA_BASE_LOCK_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"

struct lock;

/* Take an exclusive flock(2) on PATH, which is created if need be, without waiting.
 *   pool   owns *lock; clearing it releases the lock
 * True: the lock is held and PATH names the locked inode. The file holds "<pid>
 * <start>\n" of the holder for people; it is never unlinked by us, though the reference
 * tools do on release. False: ERROR_BUSY (message names the holder if it is known),
 * ERROR_PERMISSION, ERROR_IO. Thread-safe; locks of one process exclude each other too.
 * Source: stratum1-http-and-ops 3.3 (locking), design 6.4. */
bool lock_try(struct lock **lock, const char *path, apr_pool_t *pool,
              struct error *error);

/* The same, but wait until the lock is free. *STOP (may be NULL), when it becomes
 * nonzero, ends the wait with ERROR_CANCELLED; it is looked at ten times a second. */
bool lock_wait(struct lock **lock, const char *path, const volatile int *stop,
               apr_pool_t *pool, struct error *error);

/* Release before the pool goes. */
void lock_release(struct lock *lock);

#endif
