/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several servers with the same objects a transfer goes to, and when none of
 * them can give it. */
#include "libreplica/net/fetch_internal.h"

#include <assert.h>

#include "libreplica/base/clock.h"

static uint32_t bit(int place)
{
    return (uint32_t)1 << place;
}

/* One that is there twice counts once. */
static void append(struct fetcher *fetcher, const struct fetch_upstream *upstream)
{
    struct fetch_server *server = fetch_server_get(fetcher, upstream->url);

    for (int i = 0; i < fetcher->upstreams_count; i++)
        if (fetcher->upstreams[i] == server)
            return;
    fetcher->upstreams[fetcher->upstreams_count++] = server;
    if (upstream->is_resting)
        circuit_breaker_trip(&server->breaker, clock_now());
}

void fetcher_set_upstreams(struct fetcher *fetcher,
                           const struct fetch_upstream *upstreams, int count)
{
    long most = (long)fetcher->options.connections * count;

    assert(count > 0 && count <= FETCH_UPSTREAMS_MAX);
    fetcher->upstreams_count = 0;
    for (int i = 0; i < count; i++)
        append(fetcher, &upstreams[i]);
    curl_multi_setopt(fetcher->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, most);
    curl_multi_setopt(fetcher->multi, CURLMOPT_MAXCONNECTS, most);
}

struct fetch_server *fetch_upstreams_preferred(const struct fetcher *fetcher)
{
    for (int i = 0; i < fetcher->upstreams_count; i++)
        if (!fetcher->upstreams[i]->breaker.is_open)
            return fetcher->upstreams[i];
    return fetcher->upstreams_count > 0 ? fetcher->upstreams[0] : NULL;
}

/* The first that may give the object, did not fail in this round, and does not rest; -1
 * without one. */
static int find_ready(const struct transfer *transfer)
{
    const struct fetcher *fetcher = transfer->fetcher;
    apr_time_t now = clock_now();

    for (int i = 0; i < fetcher->upstreams_count; i++)
        if (((transfer->given_up | transfer->asked) & bit(i)) == 0 &&
            circuit_breaker_is_due(&fetcher->upstreams[i]->breaker, now))
            return i;
    return -1;
}

/* No try is left but one at each that was never asked. */
static bool is_exhausted(const struct transfer *transfer)
{
    return transfer->failures > transfer->fetcher->options.retries;
}

/* The first that may give the object and was never asked, resting or not; -1 without one.
 */
static int find_untried(const struct transfer *transfer)
{
    for (int i = 0; i < transfer->fetcher->upstreams_count; i++)
        if (((transfer->given_up | transfer->tried) & bit(i)) == 0)
            return i;
    return -1;
}

/* All that may give it rest: the one that has rested most. */
static int find_last_resort(const struct transfer *transfer)
{
    const struct fetcher *fetcher = transfer->fetcher;
    int best = -1;

    for (int i = 0; i < fetcher->upstreams_count; i++)
        if ((transfer->given_up & bit(i)) == 0 &&
            (best < 0 || fetcher->upstreams[i]->breaker.rests_until <
                             fetcher->upstreams[best]->breaker.rests_until))
            best = i;
    return best;
}

static int place_of(const struct transfer *transfer)
{
    int place = 0;

    while (transfer->fetcher->upstreams[place] != transfer->server)
        place++;
    return place;
}

void fetch_upstreams_choose(struct transfer *transfer)
{
    struct fetcher *fetcher = transfer->fetcher;
    struct fetch_server *before = transfer->server;
    int place = is_exhausted(transfer) ? find_untried(transfer) : find_ready(transfer);
    bool is_ready = place >= 0 && !is_exhausted(transfer);

    if (place < 0)
        place = find_last_resort(transfer);
    transfer->may_move = fetcher->upstreams_count > 1;
    transfer->server = fetcher->upstreams[place];
    if (transfer->is_probe)
        circuit_breaker_forget_probe(&before->breaker);
    transfer->is_probe = is_ready && circuit_breaker_begin(&transfer->server->breaker);
    if (before == NULL || before == transfer->server)
        return;
    transfer->corruptions = 0;
    /* The validator is another server's; whether the parts fit is seen by the hash. */
    transfer->is_mixed = transfer->held > 0;
    transfer->validator[0] = '\0';
}

/* The first thing said counts, but more than any "not there" does what may pass. */
static void keep_problem(struct transfer *transfer)
{
    if (transfer->is_answer && transfer->error.code == ERROR_UNREACHABLE)
        transfer->unsure |= bit(place_of(transfer));
    if (transfer->kept.message[0] == '\0' || (transfer->kept.code == ERROR_NOT_FOUND &&
                                              transfer->error.code != ERROR_NOT_FOUND))
        transfer->kept = transfer->error;
}

bool fetch_upstreams_have_another(struct transfer *transfer)
{
    keep_problem(transfer);
    transfer->asked |= bit(place_of(transfer));
    transfer->tried |= bit(place_of(transfer));
    return !is_exhausted(transfer) && find_ready(transfer) >= 0;
}

bool fetch_upstreams_have_untried(const struct transfer *transfer)
{
    return find_untried(transfer) >= 0;
}

/* The first says that it is not there, and all others that can be asked. */
static bool nobody_has(const struct transfer *transfer)
{
    const struct fetcher *fetcher = transfer->fetcher;

    for (int i = 0; i < fetcher->upstreams_count; i++)
        if ((transfer->have_none & bit(i)) == 0 &&
            (i == 0 || ((transfer->given_up | transfer->unsure) & bit(i)) != 0 ||
             !fetcher->upstreams[i]->breaker.is_open))
            return false;
    return true;
}

static enum transfer_verdict fail(struct transfer *transfer)
{
    int count = transfer->fetcher->upstreams_count;
    struct error told = transfer->kept;

    if (nobody_has(transfer))
        error_set(&transfer->error, ERROR_NOT_FOUND, "none of %d upstreams has %s: %s",
                  count, transfer->path, told.message);
    else
        error_set(&transfer->error,
                  told.code == ERROR_NOT_FOUND ? ERROR_UNREACHABLE : told.code,
                  "%s (nor from the others of %d upstreams)", told.message, count);
    return VERDICT_FAILED;
}

/* Whether another server could do better; the rest is ours or our disk's. */
static bool is_the_servers(enum error_code code)
{
    return code == ERROR_NOT_FOUND || code == ERROR_REFUSED || code == ERROR_BAD_HASH ||
           code == ERROR_TOO_LARGE;
}

enum transfer_verdict fetch_upstreams_give_up(struct transfer *transfer)
{
    enum error_code code = transfer->error.code;
    uint32_t place = bit(place_of(transfer));
    enum transfer_verdict verdict;

    if (code == ERROR_UNREACHABLE) {
        keep_problem(transfer);
        return fail(transfer);
    }
    if (!is_the_servers(code))
        return VERDICT_FAILED;
    keep_problem(transfer);
    transfer->given_up |= place;
    if (code == ERROR_NOT_FOUND)
        transfer->have_none |= place;
    if ((code == ERROR_BAD_HASH || code == ERROR_TOO_LARGE) && !transfer_rewind(transfer))
        return VERDICT_FAILED;
    if (find_last_resort(transfer) < 0)
        return fail(transfer);
    verdict = transfer_retry(transfer);
    return verdict == VERDICT_FAILED ? fail(transfer) : verdict;
}
