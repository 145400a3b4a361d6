/* SPDX-License-Identifier: Apache-2.0 */
/* Small files, fetched into memory while the caller waits. */
#include "libreplica/net/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

#define RUN_MILLISECONDS 1000

struct waiter {
    char *bytes;
    size_t length;
    size_t capacity;
    bool is_done;
    bool ok;
    struct error error;
};

static bool waiter_write(void *baton, const void *bytes, size_t length,
                         struct error *error)
{
    struct waiter *waiter = baton;

    if (waiter->length + length > waiter->capacity) {
        size_t capacity = 2 * (waiter->length + length) + 4096;
        char *larger = realloc(waiter->bytes, capacity);

        if (larger == NULL)
            return error_set(error, ERROR_TOO_LARGE, "no memory for %zu bytes", capacity);
        waiter->bytes = larger;
        waiter->capacity = capacity;
    }
    memcpy(waiter->bytes + waiter->length, bytes, length);
    waiter->length += length;
    return true;
}

static bool waiter_rewind(void *baton, struct error *error)
{
    struct waiter *waiter = baton;

    waiter->length = 0;
    return true;
}

static bool waiter_complete(void *baton, struct error *error)
{
    return true;
}

static void waiter_done(void *baton, const struct error *error)
{
    struct waiter *waiter = baton;

    waiter->is_done = true;
    waiter->ok = error == NULL;
    if (error != NULL)
        waiter->error = *error;
}

static const struct fetch_sink waiter_sink = {
    .write = waiter_write,
    .rewind = waiter_rewind,
    .complete = waiter_complete,
    .done = waiter_done,
};

static bool wait_for(struct waiter *waiter, struct fetcher *fetcher,
                     const struct fetch_request *request, struct error *error)
{
    fetcher_add(fetcher, request);
    while (!waiter->is_done)
        if (!fetcher_run(fetcher, RUN_MILLISECONDS, error)) {
            /* The transfer must not outlive WAITER, which is on our caller's stack. */
            fetcher_abort(fetcher, error);
            return false;
        }
    if (!waiter->ok && error != NULL)
        *error = waiter->error;
    return waiter->ok;
}

bool fetch_text(struct text *text, struct fetcher *fetcher, const char *base_url,
                const char *path, int64_t size_limit, bool no_cache, apr_pool_t *pool,
                struct error *error)
{
    struct fetch_request request = {
        .base_url = base_url,
        .path = path,
        .no_cache = no_cache,
        .size_limit = size_limit,
    };

    return fetch_text_of(text, fetcher, &request, pool, error);
}

bool fetch_text_of(struct text *text, struct fetcher *fetcher,
                   const struct fetch_request *asked, apr_pool_t *pool,
                   struct error *error)
{
    struct waiter waiter = {0};
    struct fetch_request request = *asked;
    bool ok;

    request.sink = &waiter_sink;
    request.baton = &waiter;
    ok = wait_for(&waiter, fetcher, &request, error);
    if (ok)
        *text = (struct text){apr_pstrmemdup(pool, waiter.bytes, waiter.length),
                              waiter.length};
    free(waiter.bytes);
    return ok;
}

bool fetch_exists(struct fetcher *fetcher, const char *base_url, const char *path,
                  struct error *error)
{
    struct waiter waiter = {0};
    struct fetch_request request = {
        .base_url = base_url,
        .path = path,
        .head_only = true,
        .size_limit = INT64_MAX,
        .sink = &waiter_sink,
        .baton = &waiter,
    };

    return wait_for(&waiter, fetcher, &request, error);
}
