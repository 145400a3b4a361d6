/* SPDX-License-Identifier: Apache-2.0 */
/* Which upstream a snapshot follows: all are asked, the newest verified manifest wins.
 *
 * Objects are named by what they hold, so any upstream will do for them; the others come
 * after it: first those with the same revision, then those behind, at last those that do
 * not answer at the moment. One that may not be replicated from, or that is not of this
 * repository, is not used at all. */
#include "libreplica/replicate/snapshot_internal.h"

#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"

/* So long those behind the first may take, lest one that hangs makes every run wait. */
#define OTHERS_SECONDS 2

/* What one upstream says. */
struct offer {
    const char *url;
    struct text text;
    struct manifest *manifest; /* verified or not; NULL: none that could be used */
    bool is_excluded;          /* for good: PROBLEM is no passing one */
    bool is_verified;
    struct error problem; /* if there is no manifest, or if it is excluded */
};

struct choice {
    struct snapshot *snapshot;
    struct offer *offers;
    int count;
    struct offer *source; /* the one that is followed */
};

static struct ensemble_source source_of(const struct choice *choice,
                                        const struct offer *offer)
{
    const struct snapshot_options *options = choice->snapshot->options;

    return (struct ensemble_source){
        .fqrn = options->fqrn,
        .origin_url = offer->url,
        .master_keys = options->master_keys,
        .fetcher = choice->snapshot->fetcher,
        .store = choice->snapshot->store,
        .total_seconds = choice->count > 1 ? options->fetch.timeout_seconds : 0,
        .passes_caches = choice->count == 1 && options->passes_caches,
        .any_upstream = choice->count > 1,
        .manifest_text = offer->text,
    };
}

/* Whether ERROR says something about this one upstream; the rest ends the run. */
static bool is_the_upstreams(const struct error *error)
{
    return error->code != ERROR_CANCELLED && error->code != ERROR_IO &&
           error->code != ERROR_NO_SPACE && error->code != ERROR_PERMISSION;
}

static void refuse(struct offer *offer, const struct error *error)
{
    offer->manifest = NULL;
    offer->is_verified = false;
    offer->is_excluded = error->code != ERROR_UNREACHABLE;
    offer->problem = *error;
}

static void not_for_replication(struct error *error, const char *url)
{
    if (error->code == ERROR_NOT_FOUND)
        error_set(error, ERROR_REFUSED,
                  "%s is not a server for replication: it has no " MASTER_REPLICA_NAME,
                  url);
    else
        error_prefix(error, "cannot reach the origin");
}

static void take_answers(struct choice *choice, struct offer *offer,
                         struct fetch_text_result *marker,
                         struct fetch_text_result *manifest)
{
    struct ensemble_source source;
    struct error problem;

    if (!marker->ok) {
        not_for_replication(&marker->error, offer->url);
        refuse(offer, &marker->error);
        return;
    }
    if (!manifest->ok) {
        error_prefix(&manifest->error, "manifest");
        refuse(offer, &manifest->error);
        return;
    }
    offer->text = manifest->text;
    source = source_of(choice, offer);
    if (!ensemble_parse_manifest(&offer->manifest, &source, choice->snapshot->pool,
                                 &problem))
        refuse(offer, &problem);
}

/* Its marker and its manifest. A brief attempt is for those behind the first. */
static void make_requests(struct fetch_request requests[2], const struct choice *choice,
                          const struct offer *offer, bool is_brief)
{
    int timeout = choice->snapshot->options->fetch.timeout_seconds;

    requests[0] = (struct fetch_request){
        .base_url = offer->url,
        .path = MASTER_REPLICA_NAME,
        .total_seconds = is_brief && timeout > OTHERS_SECONDS ? OTHERS_SECONDS : timeout,
        .is_single_try = is_brief,
        .head_only = true,
        .size_limit = INT64_MAX};
    requests[1] = requests[0];
    requests[1].path = MANIFEST_NAME;
    requests[1].head_only = false;
    requests[1].no_cache = choice->snapshot->options->passes_caches;
    requests[1].size_limit = MANIFEST_SIZE_MAX;
}

/* Ask those that have not answered yet, side by side. The first one matters most; the
 * others have little time at the first attempt. */
static bool ask(struct choice *choice, bool is_patient, struct error *error)
{
    apr_pool_t *pool = choice->snapshot->pool;
    size_t most = 2 * (size_t)choice->count;
    struct fetch_request *requests = apr_pcalloc(pool, most * sizeof(*requests));
    struct fetch_text_result *results = apr_pcalloc(pool, most * sizeof(*results));
    struct offer **asked = apr_palloc(pool, most * sizeof(struct offer *));
    int count = 0;

    for (int i = 0; i < choice->count; i++) {
        struct offer *offer = &choice->offers[i];

        if (offer->manifest != NULL || offer->is_excluded || (i == 0 && is_patient))
            continue;
        make_requests(&requests[2 * count], choice, offer, i > 0 && !is_patient);
        asked[count++] = offer;
    }
    if (!fetch_texts(results, choice->snapshot->fetcher, requests, 2 * count, pool,
                     error))
        return false;
    for (int i = 0; i < count; i++)
        take_answers(choice, asked[i], &results[2 * i], &results[2 * i + 1]);
    return true;
}

/* What the operator asked for, else the higher revision, else the later signature. */
static bool is_better(const struct choice *choice, const struct manifest *manifest,
                      const struct manifest *than)
{
    int64_t wanted = choice->snapshot->options->accept_older;

    if ((manifest->revision == wanted) != (than->revision == wanted))
        return manifest->revision == wanted;
    if (manifest->revision != than->revision)
        return manifest->revision > than->revision;
    return manifest->published_seconds > than->published_seconds;
}

static struct offer *find_best(const struct choice *choice)
{
    struct offer *best = NULL;

    for (int i = 0; i < choice->count; i++) {
        struct offer *offer = &choice->offers[i];

        if (offer->manifest != NULL &&
            (best == NULL || is_better(choice, offer->manifest, best->manifest)))
            best = offer;
    }
    return best;
}

enum rank { RANK_SOURCE, RANK_NEWEST, RANK_BEHIND, RANK_SILENT, RANKS };

static enum rank rank_of(const struct choice *choice, const struct offer *offer)
{
    if (offer == choice->source)
        return RANK_SOURCE;
    if (offer->manifest == NULL)
        return RANK_SILENT;
    return choice->source != NULL &&
                   offer->manifest->revision < choice->source->manifest->revision
               ? RANK_BEHIND
               : RANK_NEWEST;
}

static void set_order(const struct choice *choice)
{
    struct fetch_upstream list[FETCH_UPSTREAMS_MAX];
    int count = 0;

    for (int rank = RANK_SOURCE; rank < RANKS; rank++)
        for (int i = 0; i < choice->count; i++) {
            const struct offer *offer = &choice->offers[i];

            if (!offer->is_excluded && (int)rank_of(choice, offer) == rank)
                list[count++] = (struct fetch_upstream){offer->url, rank == RANK_SILENT};
        }
    if (count > 0)
        fetcher_set_upstreams(choice->snapshot->fetcher, list, count);
}

/* False: nothing at all can be done. Without a source nobody's manifest is good. */
static bool take_newest(struct choice *choice, struct error *error)
{
    struct snapshot *snapshot = choice->snapshot;
    struct offer *best;

    set_order(choice);
    while ((best = find_best(choice)) != NULL) {
        struct ensemble_source source = source_of(choice, best);

        if (ensemble_fetch(&snapshot->ensemble, &source, apr_time_now(), snapshot->pool,
                           error)) {
            best->manifest = snapshot->ensemble.manifest;
            best->text = snapshot->ensemble.manifest_text;
            best->is_verified = true;
            choice->source = best;
            return true;
        }
        if (!is_the_upstreams(error))
            return false;
        refuse(best, error);
    }
    return true;
}

static bool is_same(struct text a, struct text b)
{
    return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

/* Whether the others have the right keys: those that publish the same bytes do. */
static bool verify_others(struct choice *choice, struct error *error)
{
    for (int i = 0; i < choice->count; i++) {
        struct offer *offer = &choice->offers[i];
        struct ensemble_source source = source_of(choice, offer);

        if (offer->manifest == NULL || offer->is_verified)
            continue;
        offer->is_verified = is_same(offer->text, choice->source->text) ||
                             ensemble_admits(&choice->snapshot->ensemble, &source,
                                             choice->snapshot->pool, error);
        if (!offer->is_verified && !is_the_upstreams(error))
            return false;
        if (!offer->is_verified)
            refuse(offer, error);
    }
    return true;
}

/* For the result; what is out of order is said once. */
static void tell(const struct choice *choice)
{
    struct snapshot *snapshot = choice->snapshot;

    for (int i = 0; i < choice->count; i++) {
        const struct offer *offer = &choice->offers[i];
        struct snapshot_upstream *told =
            &APR_ARRAY_IDX(snapshot->result->upstreams, i, struct snapshot_upstream);

        told->revision = offer->is_verified ? offer->manifest->revision : -1;
        told->is_source = offer == choice->source;
        told->is_used = !offer->is_excluded;
        told->problem = offer->problem;
        if (choice->count == 1 || offer->is_verified)
            continue;
        snapshot_say(snapshot, "Warning: upstream %s %s: %s", offer->url,
                     offer->is_excluded ? "is not used" : "does not answer",
                     offer->problem.message);
        log_write(LOG_LEVEL_WARNING, "repository=%s upstream=%s used=%s: %s",
                  snapshot->options->fqrn, offer->url,
                  offer->is_excluded ? "no" : "later", offer->problem.message);
    }
}

/* As it always was for one upstream, request for request. */
static bool choose_only(struct choice *choice, struct error *error)
{
    struct snapshot *snapshot = choice->snapshot;
    struct offer *only = &choice->offers[0];
    struct ensemble_source source = source_of(choice, only);

    if (!fetch_exists(snapshot->fetcher, only->url, MASTER_REPLICA_NAME, error)) {
        not_for_replication(error, only->url);
        refuse(only, error);
        return false;
    }
    if (!ensemble_fetch(&snapshot->ensemble, &source, apr_time_now(), snapshot->pool,
                        error)) {
        refuse(only, error);
        return false;
    }
    only->manifest = snapshot->ensemble.manifest;
    only->is_verified = true;
    choice->source = only;
    return true;
}

/* What each of them said, the first one's kind of error. */
static bool fail_all(const struct choice *choice, struct error *error)
{
    char text[ERROR_MESSAGE_SIZE] = "";
    size_t used = 0;

    for (int i = 0; i < choice->count && used < sizeof(text) - 1; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s",
                                 i > 0 ? "; " : "", (int)sizeof(text) / choice->count - 3,
                                 choice->offers[i].problem.message);
    return error_set(error, choice->offers[0].problem.code, "%s", text);
}

static bool choose(struct choice *choice, struct error *error)
{
    if (choice->count == 1)
        return choose_only(choice, error);
    if (!ask(choice, false, error) || !take_newest(choice, error))
        return false;
    if (choice->source == NULL &&
        (!ask(choice, true, error) || !take_newest(choice, error)))
        return false;
    if (choice->source == NULL)
        return true;
    if (!verify_others(choice, error))
        return false;
    snapshot_say(choice->snapshot, "Revision %lld comes from %s",
                 (long long)choice->source->manifest->revision, choice->source->url);
    return true;
}

static void list_upstreams(struct choice *choice)
{
    struct snapshot *snapshot = choice->snapshot;
    const apr_array_header_t *urls = snapshot->options->upstream_urls;

    choice->count = urls->nelts;
    choice->offers =
        apr_pcalloc(snapshot->pool, (size_t)urls->nelts * sizeof(*choice->offers));
    snapshot->result->upstreams =
        apr_array_make(snapshot->pool, urls->nelts, sizeof(struct snapshot_upstream));
    for (int i = 0; i < urls->nelts; i++) {
        choice->offers[i].url = APR_ARRAY_IDX(urls, i, const char *);
        APR_ARRAY_PUSH(snapshot->result->upstreams, struct snapshot_upstream) =
            (struct snapshot_upstream){.url = choice->offers[i].url, .revision = -1};
    }
}

bool snapshot_choose_upstream(struct snapshot *snapshot, struct error *error)
{
    struct choice choice = {.snapshot = snapshot};
    bool ok;

    list_upstreams(&choice);
    ok = choose(&choice, error);
    tell(&choice);
    if (!ok)
        return false;
    if (choice.source == NULL)
        return fail_all(&choice, error);
    snapshot->source_url = choice.source->url;
    set_order(&choice);
    return true;
}

bool snapshot_explain_outdated(const struct snapshot *snapshot, struct error *error)
{
    const apr_array_header_t *upstreams = snapshot->result->upstreams;

    for (int i = 0; i < upstreams->nelts; i++) {
        const struct snapshot_upstream *upstream =
            &APR_ARRAY_IDX(upstreams, i, struct snapshot_upstream);
        struct error outdated = *error;

        if (error->code == ERROR_OUTDATED && upstream->is_used && upstream->revision < 0)
            return error_set(error, ERROR_UNREACHABLE, "%.110s; %.110s",
                             upstream->problem.message, outdated.message);
    }
    return false;
}

void snapshot_count_upstreams(struct snapshot *snapshot)
{
    apr_array_header_t *upstreams = snapshot->result->upstreams;

    for (int i = 0; upstreams != NULL && i < upstreams->nelts; i++) {
        struct snapshot_upstream *upstream =
            &APR_ARRAY_IDX(upstreams, i, struct snapshot_upstream);
        struct fetch_server_facts facts =
            fetcher_server_facts(snapshot->fetcher, upstream->url);

        upstream->requests = facts.requests;
        upstream->bytes = facts.bytes;
        upstream->is_healthy = upstream->is_used && !facts.is_resting;
        if (facts.failures > 0 && upstream->problem.message[0] == '\0')
            upstream->problem = facts.last_failure;
    }
}

void snapshot_say_upstreams(const struct snapshot *snapshot)
{
    const apr_array_header_t *upstreams = snapshot->result->upstreams;

    for (int i = 0; upstreams != NULL && upstreams->nelts > 1 && i < upstreams->nelts;
         i++) {
        const struct snapshot_upstream *upstream =
            &APR_ARRAY_IDX(upstreams, i, struct snapshot_upstream);

        snapshot_say(snapshot, "Upstream %s: %lld requests, %lld KiB%s", upstream->url,
                     (long long)upstream->requests, (long long)(upstream->bytes >> 10),
                     upstream->is_healthy ? "" : ", out of order");
    }
}
