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
    const struct hash *hash; /* that the bytes must have; NULL: any */
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
    struct waiter *waiter = baton;
    struct hash found;

    if (waiter->hash == NULL)
        return true;
    hash_bytes(&found, waiter->hash->algorithm, waiter->bytes, waiter->length);
    return hash_equals(&found, waiter->hash) ||
           error_set(error, ERROR_BAD_HASH,
                     "corrupt data: %zu bytes received that do not hash to the name",
                     waiter->length);
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
                   const struct fetch_request *request, apr_pool_t *pool,
                   struct error *error)
{
    return fetch_object_text(text, fetcher, request, NULL, pool, error);
}

bool fetch_object_text(struct text *text, struct fetcher *fetcher,
                       const struct fetch_request *asked, const struct hash *hash,
                       apr_pool_t *pool, struct error *error)
{
    struct waiter waiter = {.hash = hash};
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

static bool run_all(const struct waiter *waiters, int count, struct fetcher *fetcher,
                    struct error *error)
{
    for (int i = 0; i < count; i++)
        while (!waiters[i].is_done)
            if (!fetcher_run(fetcher, RUN_MILLISECONDS, error)) {
                fetcher_abort(fetcher, error);
                return false;
            }
    return true;
}

static void keep_result(struct fetch_text_result *result, struct waiter *waiter,
                        apr_pool_t *pool)
{
    result->ok = waiter->ok;
    result->error = waiter->error;
    result->text = (struct text){apr_pstrmemdup(pool, waiter->bytes, waiter->length),
                                 waiter->length};
    free(waiter->bytes);
}

bool fetch_texts(struct fetch_text_result *results, struct fetcher *fetcher,
                 const struct fetch_request *requests, int count, apr_pool_t *pool,
                 struct error *error)
{
    struct waiter *waiters = apr_pcalloc(pool, (size_t)count * sizeof(*waiters));
    bool ok;

    for (int i = 0; i < count; i++) {
        struct fetch_request request = requests[i];

        request.sink = &waiter_sink;
        request.baton = &waiters[i];
        fetcher_add(fetcher, &request);
    }
    ok = run_all(waiters, count, fetcher, error);
    for (int i = 0; i < count; i++)
        keep_result(&results[i], &waiters[i], pool);
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
