/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of rows that wait for their contents. */
#include "libreplica/publish/rows.h"

/* With the store's and the directories' descriptors this stays below the usual limit of
 * 1024. */
#define ROWS_WAITING 256

struct waiting {
    enum row_action action;
    struct row row;
    apr_pool_t *pool;
};

struct rows {
    struct catalogs *catalogs;
    struct workers *workers;
    struct waiting ring[ROWS_WAITING];
    unsigned int first;
    unsigned int count;
    struct catalog_nested root;
};

struct rows *rows_create(struct catalogs *catalogs, struct workers *workers,
                         apr_pool_t *pool)
{
    struct rows *rows = apr_pcalloc(pool, sizeof(*rows));

    rows->catalogs = catalogs;
    rows->workers = workers;
    for (int i = 0; i < ROWS_WAITING; i++)
        apr_pool_create(&rows->ring[i].pool, pool);
    return rows;
}

static bool enter(struct rows *rows, const struct waiting *waiting, struct error *error)
{
    const struct row *row = &waiting->row;

    if (row->content != NULL && !workers_wait(rows->workers, row->content, error))
        return false;
    switch (waiting->action) {
    case ROW_OPEN_CATALOG:
        return catalogs_open(rows->catalogs, row, error);
    case ROW_CLOSE_CATALOG:
        return catalogs_close(rows->catalogs, &rows->root, error);
    default:
        return catalogs_add(rows->catalogs, row, error);
    }
}

static void forget(struct waiting *waiting)
{
    if (waiting->row.content != NULL)
        content_release(waiting->row.content);
    waiting->row.content = NULL;
    apr_pool_clear(waiting->pool);
}

static bool enter_first(struct rows *rows, struct error *error)
{
    struct waiting *waiting = &rows->ring[rows->first];

    if (!enter(rows, waiting, error))
        return false;
    forget(waiting);
    rows->first = (rows->first + 1) % ROWS_WAITING;
    rows->count--;
    return true;
}

/* The last of half a ring is waited for first: the others are done with it or soon after.
 * Else the thread would sleep and be woken for each. */
static bool enter_half(struct rows *rows, struct error *error)
{
    unsigned int left = ROWS_WAITING / 2, last = (rows->first + left - 1) % ROWS_WAITING;

    if (rows->ring[last].row.content != NULL)
        workers_wait(rows->workers, rows->ring[last].row.content, NULL);
    for (; left > 0; left--)
        if (!enter_first(rows, error))
            return false;
    return true;
}

bool rows_append(struct row **row, apr_pool_t **pool, struct rows *rows,
                 enum row_action action, struct error *error)
{
    struct waiting *waiting;

    if (rows->count == ROWS_WAITING && !enter_half(rows, error))
        return false;
    waiting = &rows->ring[(rows->first + rows->count++) % ROWS_WAITING];
    waiting->action = action;
    waiting->row = (struct row){.path = ""};
    *row = &waiting->row;
    *pool = waiting->pool;
    return true;
}

bool rows_drain(struct rows *rows, struct catalog_nested *root, struct error *error)
{
    while (rows->count > 0)
        if (!enter_first(rows, error))
            return false;
    *root = rows->root;
    return true;
}

void rows_discard(struct rows *rows)
{
    for (; rows->count > 0; rows->count--) {
        forget(&rows->ring[rows->first]);
        rows->first = (rows->first + 1) % ROWS_WAITING;
    }
}
