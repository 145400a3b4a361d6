/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of a fetcher: the queue, the limit and the health of each. */
#include "libreplica/net/fetch_internal.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/log.h"

static struct fetch_server *find(const struct fetcher *fetcher, const char *base_url)
{
    struct fetch_server *server = fetcher->servers;

    while (server != NULL && strcmp(server->base_url, base_url) != 0)
        server = server->next;
    return server;
}

struct fetch_server *fetch_server_get(struct fetcher *fetcher, const char *base_url)
{
    struct fetch_server *server = find(fetcher, base_url);

    if (server != NULL)
        return server;
    server = apr_pcalloc(fetcher->pool, sizeof(*server));
    server->base_url = apr_pstrdup(fetcher->pool, base_url);
    APR_RING_INIT(&server->queued, transfer, link);
    connection_limit_init(&server->limit, fetcher->options.connections, clock_now());
    circuit_breaker_init(&server->breaker);
    server->next = fetcher->servers;
    fetcher->servers = server;
    return server;
}

struct fetch_server_facts fetcher_server_facts(const struct fetcher *fetcher,
                                               const char *base_url)
{
    const struct fetch_server *server = find(fetcher, base_url);
    struct fetch_server_facts facts = {0};

    if (server == NULL)
        return facts;
    facts = server->facts;
    facts.is_resting = server->breaker.is_open;
    return facts;
}

void fetch_server_queue(struct transfer *transfer, bool first)
{
    struct fetch_server *server;

    if (transfer->request.base_url == NULL)
        fetch_upstreams_choose(transfer);
    server = transfer->server;
    if (first)
        APR_RING_INSERT_HEAD(&server->queued, transfer, transfer, link);
    else
        APR_RING_INSERT_TAIL(&server->queued, transfer, transfer, link);
    server->queued_count++;
    transfer->fetcher->queued_count++;
}

static void start_first(struct fetch_server *server, struct fetcher *fetcher)
{
    struct transfer *transfer = APR_RING_FIRST(&server->queued);

    APR_RING_REMOVE(transfer, link);
    server->queued_count--;
    fetcher->queued_count--;
    APR_RING_INSERT_TAIL(&fetcher->running, transfer, transfer, link);
    server->running_count++;
    fetcher->running_count++;
    server->facts.requests++;
    fetcher->counters.requests++;
    transfer_start(transfer);
    curl_multi_add_handle(fetcher->multi, transfer->easy);
}

void fetch_servers_start(struct fetcher *fetcher)
{
    for (struct fetch_server *server = fetcher->servers; server != NULL;
         server = server->next) {
        while (!APR_RING_EMPTY(&server->queued, transfer, link) &&
               server->running_count < server->limit.limit)
            start_first(server, fetcher);
        server->is_full = server->running_count * 4 >= server->limit.limit * 3;
    }
    if (fetcher->running_count > fetcher->counters.most_at_once)
        fetcher->counters.most_at_once = fetcher->running_count;
}

/* What is queued at a server that is to be left alone goes elsewhere, in its order. */
static void empty_queue(struct fetch_server *server, struct fetcher *fetcher)
{
    for (int left = server->queued_count; left > 0; left--) {
        struct transfer *transfer = APR_RING_FIRST(&server->queued);

        APR_RING_REMOVE(transfer, link);
        server->queued_count--;
        fetcher->queued_count--;
        fetch_server_queue(transfer, false);
    }
}

/* One line for each server, not one for each object. */
static void report(struct fetch_server *server)
{
    if (server->was_reported)
        return;
    server->was_reported = true;
    log_write(LOG_LEVEL_WARNING, "upstream url=%s is left alone for a while: %s",
              server->base_url, server->facts.last_failure.message);
}

void fetch_server_note(struct transfer *transfer, enum try_end end, bool is_good)
{
    struct fetch_server *server = transfer->server;
    bool was_open = server->breaker.is_open;

    connection_limit_note(&server->limit, end, server->is_full, clock_now());
    if (!is_good) {
        server->facts.failures++;
        server->facts.last_failure = transfer->error;
    }
    circuit_breaker_note(&server->breaker, is_good, clock_now());
    transfer->is_probe = false;
    if (was_open || !server->breaker.is_open || !transfer->may_move)
        return;
    report(server);
    empty_queue(server, transfer->fetcher);
}
