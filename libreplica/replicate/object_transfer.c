/* SPDX-License-Identifier: Apache-2.0 */
/* One object on its way from an origin into the store. This is where a byte is verified.
 */
#include "libreplica/replicate/object_transfer.h"

#define RUN_MILLISECONDS 1000

static bool transfer_write(void *baton, const void *bytes, size_t length,
                           struct error *error)
{
    struct object_transfer *transfer = baton;

    return store_write(transfer->file, bytes, length, error);
}

static bool transfer_rewind(void *baton, struct error *error)
{
    struct object_transfer *transfer = baton;

    return store_rewind(transfer->file, error);
}

static bool transfer_complete(void *baton, struct error *error)
{
    struct object_transfer *transfer = baton;
    char expected[OBJECT_NAME_SIZE], found[HASH_TEXT_SIZE];
    struct hash hash;

    if (!store_finish(transfer->file, &hash, &transfer->size, error))
        return false;
    if (!hash_equals(&hash, &transfer->object.hash))
        return error_set(error, ERROR_BAD_HASH,
                         "corrupt data: the %lld bytes received for %s hash to %s",
                         (long long)transfer->size,
                         object_name(expected, &transfer->object),
                         hash_format(found, &hash));
    return true;
}

static void transfer_done(void *baton, const struct error *error)
{
    struct object_transfer *transfer = baton;

    if (error != NULL) {
        store_abort(transfer->file);
        transfer->file = NULL;
    }
    transfer->done(transfer, error);
}

static const struct fetch_sink transfer_sink = {
    .write = transfer_write,
    .rewind = transfer_rewind,
    .complete = transfer_complete,
    .done = transfer_done,
};

bool object_transfer_start(struct object_transfer *transfer, struct store *store,
                           struct fetcher *fetcher, int64_t size_limit, apr_pool_t *pool,
                           struct error *error)
{
    char path[OBJECT_PATH_SIZE];
    struct fetch_request request = {
        .path = object_path(path, &transfer->object),
        .size_limit = size_limit,
        .sink = &transfer_sink,
        .baton = transfer,
    };

    transfer->store = store;
    if (!store_begin(&transfer->file, store, transfer->object.hash.algorithm, pool,
                     error))
        return false;
    fetcher_add(fetcher, &request);
    return true;
}

struct waiter {
    bool is_done;
    bool ok;
    struct error error;
};

static void waiter_done(struct object_transfer *transfer, const struct error *error)
{
    struct waiter *waiter = transfer->baton;

    waiter->is_done = true;
    waiter->ok = error == NULL;
    if (error != NULL)
        waiter->error = *error;
}

bool object_receive(struct store_file **file, struct store *store,
                    struct fetcher *fetcher, const struct object *object,
                    int64_t size_limit, apr_pool_t *pool, struct error *error)
{
    struct waiter waiter = {0};
    struct object_transfer transfer = {
        .object = *object, .done = waiter_done, .baton = &waiter};

    if (!object_transfer_start(&transfer, store, fetcher, size_limit, pool, error))
        return false;
    while (!waiter.is_done)
        if (!fetcher_run(fetcher, RUN_MILLISECONDS, error)) {
            fetcher_abort(fetcher, error);
            return false;
        }
    if (!waiter.ok)
        *error = waiter.error;
    *file = transfer.file;
    return waiter.ok;
}

bool object_fetch(struct store *store, struct fetcher *fetcher,
                  const struct object *object, int64_t size_limit, apr_pool_t *pool,
                  struct error *error)
{
    struct store_file *file;
    bool intact;

    if (!store_verify(store, object, &intact, error))
        return false;
    return intact ||
           (object_receive(&file, store, fetcher, object, size_limit, pool, error) &&
            store_commit(file, object, error));
}
