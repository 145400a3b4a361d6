/* SPDX-License-Identifier: Apache-2.0 */
/* The objects that a catalog referred to lately, in memory that does not grow with it.
 *
 * A new catalog is read beside its predecessor. Rows keep their order from revision to
 * revision, so it is enough to remember the predecessor's rows around the same place:
 * what falls out of the window is only looked for in the store instead. A window never
 * claims an object that was not put into it. */
#ifndef REPLICA_REPLICATE_OBJECT_WINDOW_H
#define REPLICA_REPLICATE_OBJECT_WINDOW_H

#include <apr_pools.h>

#include "libreplica/format/object.h"

/* At least so many of the objects put in last are remembered, at most twice as many. */
#define OBJECT_WINDOW_SIZE (1 << 17)

struct object_window;

/* Empty; memory is taken as it fills, about 10 MiB at most. POOL owns it. */
struct object_window *object_window_create(apr_pool_t *pool);

/* Forget everything. */
void object_window_clear(struct object_window *window);

/* Remember OBJECT with its place among the predecessor's rows. */
void object_window_put(struct object_window *window, const struct object *object,
                       int64_t place);

/* Whether OBJECT is remembered; then *place is where it was last put. */
bool object_window_find(int64_t *place, const struct object_window *window,
                        const struct object *object);

#endif
