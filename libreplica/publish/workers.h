/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that make contents. */
#ifndef REPLICA_PUBLISH_WORKERS_H
#define REPLICA_PUBLISH_WORKERS_H

#include "libreplica/publish/content.h"

struct workers;

/* Start the target's number of threads. They are ended by workers_stop or with POOL. */
bool workers_start(struct workers **workers, const struct publish_target *target,
                   struct store *store, const volatile int *stop, apr_pool_t *pool,
                   struct error *error);

/* Hand a content over; from now on only the workers touch it until it is waited for. */
void workers_submit(struct workers *workers, struct content *content);

/* Wait until CONTENT is made. False: its error. */
bool workers_wait(struct workers *workers, struct content *content, struct error *error);

/* Let each thread end the content it is at, and end. What was submitted and not begun
 * stays undone. */
void workers_stop(struct workers *workers);

#endif
