/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on their way from the walk to the catalogs: in order, while contents are made. */
#ifndef REPLICA_PUBLISH_ROWS_H
#define REPLICA_PUBLISH_ROWS_H

#include "libreplica/publish/catalogs.h"
#include "libreplica/publish/workers.h"

enum row_action { ROW_ADD, ROW_OPEN_CATALOG, ROW_CLOSE_CATALOG };

struct rows;

/* A queue of bounded length; each waiting row may hold an open descriptor. */
struct rows *rows_create(struct catalogs *catalogs, struct workers *workers,
                         apr_pool_t *pool);

/* Append a row to be filled in by the caller before the next call; when the queue is
 * full, the oldest is entered into its catalog first. *pool is for what the row points
 * to. */
bool rows_append(struct row **row, apr_pool_t **pool, struct rows *rows,
                 enum row_action action, struct error *error);

/* Enter all that wait. ROOT is set when the root catalog was closed. */
bool rows_drain(struct rows *rows, struct catalog_nested *root, struct error *error);

/* Release the contents of rows that will not be entered; the workers have stopped. */
void rows_discard(struct rows *rows);

#endif
