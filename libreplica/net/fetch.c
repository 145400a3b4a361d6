/* SPDX-License-Identifier: Apache-2.0 */
/* The fetch engine: which transfers run, wait and end. */
#include "libreplica/net/fetch_internal.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/clock.h"

#define BACKOFF_FIRST      (apr_time_from_sec(1) / 2)
#define BACKOFF_MAX        apr_time_from_sec(8)
#define PAUSE_MILLISECONDS 10

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

static void curl_init(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool fetch_start_libcurl(void)
{
    pthread_once(&curl_once, curl_init);
    return curl_ready == CURLE_OK;
}

static void cleanup_ring(struct transfer_ring *ring)
{
    while (!APR_RING_EMPTY(ring, transfer, link)) {
        struct transfer *transfer = APR_RING_FIRST(ring);

        APR_RING_REMOVE(transfer, link);
        transfer_release(transfer);
    }
}

static apr_status_t fetcher_cleanup(void *baton)
{
    struct fetcher *fetcher = baton;

    for (struct fetch_server *server = fetcher->servers; server != NULL;
         server = server->next)
        cleanup_ring(&server->queued);
    cleanup_ring(&fetcher->waiting);
    cleanup_ring(&fetcher->running);
    cleanup_ring(&fetcher->idle);
    curl_multi_cleanup(fetcher->multi);
    return APR_SUCCESS;
}

bool fetcher_create(struct fetcher **fetcher, const struct fetcher_options *options,
                    apr_pool_t *pool, struct error *error)
{
    struct fetcher *created = apr_pcalloc(pool, sizeof(*created));

    created->multi = fetch_start_libcurl() ? curl_multi_init() : NULL;
    if (created->multi == NULL)
        return error_set(error, ERROR_IO, "cannot set libcurl up");
    created->pool = pool;
    created->options = *options;
    created->random_state = (uint64_t)apr_time_now() ^ (uint64_t)(uintptr_t)created;
    created->budget = options->bandwidth;
    created->budget_at = clock_now();
    APR_RING_INIT(&created->waiting, transfer, link);
    APR_RING_INIT(&created->running, transfer, link);
    APR_RING_INIT(&created->idle, transfer, link);
    curl_multi_setopt(created->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      (long)options->connections);
    curl_multi_setopt(created->multi, CURLMOPT_MAXCONNECTS, (long)options->connections);
    apr_pool_cleanup_register(pool, created, fetcher_cleanup, apr_pool_cleanup_null);
    *fetcher = created;
    return true;
}

/* Where the next request is likely to go; NULL before the first. */
static struct fetch_server *next_server(const struct fetcher *fetcher)
{
    struct fetch_server *preferred = fetch_upstreams_preferred(fetcher);

    return preferred != NULL ? preferred : fetcher->latest;
}

bool fetcher_has_room(const struct fetcher *fetcher)
{
    const struct fetch_server *server = next_server(fetcher);

    if (server == NULL)
        return true;
    /* Transfers that pause before a retry, or went on to another server, do not stop the
     * others, up to a point. */
    return server->running_count + server->queued_count < server->limit.limit &&
           fetcher->waiting_count + fetcher->queued_count - server->queued_count <
               2 * fetcher->options.connections;
}

int fetcher_width(const struct fetcher *fetcher)
{
    const struct fetch_server *server = next_server(fetcher);

    return server != NULL ? server->limit.limit : 1;
}

int fetcher_pending(const struct fetcher *fetcher)
{
    return fetcher->queued_count + fetcher->waiting_count + fetcher->running_count;
}

struct fetch_counters fetcher_counters(const struct fetcher *fetcher)
{
    return fetcher->counters;
}

static void finish(struct transfer *transfer, const struct error *error)
{
    struct fetcher *fetcher = transfer->fetcher;
    const struct fetch_sink *sink = transfer->request.sink;
    struct error copy;

    if (error != NULL)
        copy = *error;
    APR_RING_INSERT_HEAD(&fetcher->idle, transfer, transfer, link);
    sink->done(transfer->request.baton, error != NULL ? &copy : NULL);
}

/* A cut URL would ask for something else. */
static bool check_length(const struct fetch_request *request, const char *base_url,
                         struct error *error)
{
    const char *name = request->name != NULL ? request->name : base_url;
    size_t path = request->path != NULL ? strlen(request->path) : 0;

    return (path < TRANSFER_PATH_SIZE &&
            strlen(base_url) + 1 + path < TRANSFER_URL_SIZE) ||
           error_set(error, ERROR_USAGE,
                     "%.80s...: the URL is too long, at most %d characters are allowed",
                     name, TRANSFER_URL_SIZE - 1);
}

static bool check_lengths(const struct fetcher *fetcher,
                          const struct fetch_request *request, struct error *error)
{
    bool ok = true;

    if (request->base_url != NULL)
        return check_length(request, request->base_url, error);
    for (int i = 0; ok && i < fetcher->upstreams_count; i++)
        ok = check_length(request, fetcher->upstreams[i]->base_url, error);
    return ok;
}

/* A transfer of an earlier request, or a new one. */
static bool transfer_take(struct transfer **taken, struct fetcher *fetcher,
                          struct error *error)
{
    struct transfer *transfer;

    if (APR_RING_EMPTY(&fetcher->idle, transfer, link)) {
        transfer = apr_pcalloc(fetcher->pool, sizeof(*transfer));
        if (!transfer_init(transfer, fetcher, error))
            return false;
    } else {
        transfer = APR_RING_FIRST(&fetcher->idle);
        APR_RING_REMOVE(transfer, link);
    }
    *taken = transfer;
    return true;
}

static void forget_servers(struct transfer *transfer)
{
    transfer->server = NULL;
    transfer->may_move = false;
    transfer->is_probe = false;
    transfer->is_mixed = false;
    transfer->asked = 0;
    transfer->tried = 0;
    transfer->given_up = 0;
    transfer->have_none = 0;
    transfer->unsure = 0;
    transfer->kept.message[0] = '\0';
}

void fetcher_add(struct fetcher *fetcher, const struct fetch_request *request)
{
    struct transfer *transfer;
    struct error error;

    assert(request->base_url != NULL || fetcher->upstreams_count > 0);
    if (!check_lengths(fetcher, request, &error) ||
        !transfer_take(&transfer, fetcher, &error)) {
        request->sink->done(request->baton, &error);
        return;
    }
    transfer->request = *request;
    if (request->path != NULL) {
        apr_cpystrn(transfer->path, request->path, sizeof(transfer->path));
        transfer->request.path = transfer->path;
    }
    transfer->deadline = request->total_seconds > 0
                             ? clock_now() + apr_time_from_sec(request->total_seconds)
                             : 0;
    transfer->validator[0] = '\0';
    transfer->held = 0;
    transfer->start_over = false;
    transfer->failures = 0;
    transfer->corruptions = 0;
    transfer->mixtures = 0;
    forget_servers(transfer);
    if (request->base_url != NULL) {
        transfer->server = fetch_server_get(fetcher, request->base_url);
        fetcher->latest = transfer->server;
    }
    fetch_server_queue(transfer, false);
}

/* xorshift: spreads retries, guards nothing. */
static uint64_t next_random(struct fetcher *fetcher)
{
    uint64_t x = fetcher->random_state | 1;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    fetcher->random_state = x;
    return x;
}

/* Full jitter: anywhere between now and a bound that doubles. */
static void wait_for_retry(struct transfer *transfer)
{
    struct fetcher *fetcher = transfer->fetcher;
    apr_time_t bound = BACKOFF_FIRST, pause;

    for (int i = 1; i < transfer->failures && bound < BACKOFF_MAX; i++)
        bound *= 2;
    pause = (apr_time_t)(next_random(fetcher) % (uint64_t)bound);
    if (pause < transfer->retry_after)
        pause = transfer->retry_after;
    transfer->not_before = clock_now() + pause;
    fetcher->counters.retries++;
    APR_RING_INSERT_TAIL(&fetcher->waiting, transfer, transfer, link);
    fetcher->waiting_count++;
}

static enum try_end how_it_ended(const struct transfer *transfer, CURLcode result)
{
    long status = 0;

    /* Our own trouble, a full disk for instance. */
    if (transfer->sink_failed)
        return TRY_GOOD;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 429 || status == 503)
        return TRY_OVERLOADED;
    return result != CURLE_OK || status >= 500 ? TRY_FAILED : TRY_GOOD;
}

static void end_try(struct transfer *transfer, CURLcode result)
{
    struct fetcher *fetcher = transfer->fetcher;
    enum transfer_verdict verdict;
    enum try_end end;
    int64_t corrupt;

    curl_multi_remove_handle(fetcher->multi, transfer->easy);
    APR_RING_REMOVE(transfer, link);
    fetcher->running_count--;
    transfer->server->running_count--;
    end = how_it_ended(transfer, result);
    corrupt = fetcher->counters.corrupt;
    verdict = transfer_judge(transfer, result);
    fetch_server_note(transfer, end,
                      end == TRY_GOOD && fetcher->counters.corrupt == corrupt);
    switch (verdict) {
    case VERDICT_DONE:
        finish(transfer, NULL);
        break;
    case VERDICT_FAILED:
        finish(transfer, &transfer->error);
        break;
    case VERDICT_MOVE:
        fetcher->counters.retries++;
        fetch_server_queue(transfer, true);
        break;
    case VERDICT_RETRY:
        wait_for_retry(transfer);
        break;
    }
}

static void wake(struct fetcher *fetcher, struct transfer *transfer)
{
    APR_RING_REMOVE(transfer, link);
    fetcher->waiting_count--;
    fetch_server_queue(transfer, true);
}

/* Queue the transfers whose pause is over; returns milliseconds until the next one's is.
 */
static int wake_waiting(struct fetcher *fetcher, int timeout)
{
    struct transfer *transfer, *next;
    apr_time_t now;

    if (fetcher->waiting_count == 0)
        return timeout;
    now = clock_now();
    APR_RING_FOREACH_SAFE(transfer, next, &fetcher->waiting, transfer, link)
    {
        if (transfer->not_before <= now)
            wake(fetcher, transfer);
        else if (apr_time_as_msec(transfer->not_before - now) + 1 < timeout)
            timeout = (int)apr_time_as_msec(transfer->not_before - now) + 1;
    }
    return timeout;
}

/* Refill the bandwidth budget, at most one second's worth, and let paused transfers go
 * on. */
static int refill_budget(struct fetcher *fetcher, int timeout)
{
    int64_t cap = fetcher->options.bandwidth;
    struct transfer *transfer;
    apr_time_t now;

    if (cap == 0)
        return timeout;
    now = clock_now();
    fetcher->budget += cap * (now - fetcher->budget_at) / APR_USEC_PER_SEC;
    fetcher->budget_at = now;
    if (fetcher->budget > cap)
        fetcher->budget = cap;
    if (!fetcher->any_paused)
        return timeout;
    if (fetcher->budget <= 0)
        return timeout < PAUSE_MILLISECONDS ? timeout : PAUSE_MILLISECONDS;
    fetcher->any_paused = false;
    APR_RING_FOREACH(transfer, &fetcher->running, transfer, link)
    {
        if (transfer->is_paused) {
            transfer->is_paused = false;
            curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
        }
    }
    return timeout;
}

static bool collect_ended(struct fetcher *fetcher)
{
    bool any = false;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(fetcher->multi, &left)) != NULL) {
        struct transfer *transfer;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        end_try(transfer, message->data.result);
        any = true;
    }
    return any;
}

bool fetcher_run(struct fetcher *fetcher, int timeout_milliseconds, struct error *error)
{
    int timeout = timeout_milliseconds, running;
    CURLMcode code;

    if (fetcher->options.stop != NULL && *fetcher->options.stop)
        return error_set(error, ERROR_CANCELLED, "stopped on request");
    if (fetcher->options.deadline != 0 && clock_now() >= fetcher->options.deadline)
        return error_set(error, ERROR_CANCELLED, "there is no more time for it now");
    timeout = wake_waiting(fetcher, timeout);
    timeout = refill_budget(fetcher, timeout);
    fetch_servers_start(fetcher);
    code = curl_multi_perform(fetcher->multi, &running);
    if (code == CURLM_OK && !collect_ended(fetcher))
        code = curl_multi_poll(fetcher->multi, NULL, 0, timeout, NULL);
    if (code != CURLM_OK)
        return error_set(error, ERROR_IO, "libcurl: %s", curl_multi_strerror(code));
    for (struct fetch_server *server = fetcher->servers; server != NULL;
         server = server->next)
        connection_limit_update(&server->limit, clock_now());
    return true;
}

static void abort_ring(struct fetcher *fetcher, struct transfer_ring *ring, int *count,
                       const struct error *reason)
{
    while (!APR_RING_EMPTY(ring, transfer, link)) {
        struct transfer *transfer = APR_RING_FIRST(ring);

        APR_RING_REMOVE(transfer, link);
        --*count;
        if (ring == &fetcher->running) {
            curl_multi_remove_handle(fetcher->multi, transfer->easy);
            transfer->server->running_count--;
        } else if (ring != &fetcher->waiting) {
            transfer->server->queued_count--;
        }
        if (transfer->is_probe)
            circuit_breaker_forget_probe(&transfer->server->breaker);
        finish(transfer, reason);
    }
}

void fetcher_abort(struct fetcher *fetcher, const struct error *reason)
{
    abort_ring(fetcher, &fetcher->running, &fetcher->running_count, reason);
    abort_ring(fetcher, &fetcher->waiting, &fetcher->waiting_count, reason);
    for (struct fetch_server *server = fetcher->servers; server != NULL;
         server = server->next)
        abort_ring(fetcher, &server->queued, &fetcher->queued_count, reason);
}
