/* SPDX-License-Identifier: Apache-2.0 */
/* Following the event streams of many notification services at once. */
#include "libreplica/net/event_follower.h"

#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/log.h"
#include "libreplica/net/event_channel.h"
#include "libreplica/net/fetch_internal.h"

/* As many as a service takes for one stream; then the URL is short enough for any proxy,
 * too. */
#define NAMES_MAX 64
/* Connections to a service that only knows the strict stream; who comes later is found by
 * polling. */
#define STRICT_MAX 256
/* The pause before a new try is between nothing and a bound, which doubles. */
#define PAUSE_FIRST   (apr_time_from_sec(1) / 2)
#define PAUSE_MAX     apr_time_from_sec(60)
#define DOUBLINGS_MAX 7
/* A stream that lived so long was no failure; a shorter one was half of one. */
#define STEADY         apr_time_from_sec(10)
#define HALF_DOUBLINGS 2
#define PROBE          apr_time_from_sec(3600)
#define LOG_PAUSE      apr_time_from_sec(60)

static void end_channels(struct event_service *service)
{
    for (struct event_channel *channel = service->channels; channel != NULL;
         channel = channel->next)
        event_channel_end(channel);
    service->channels = NULL;
    apr_pool_clear(service->channels_pool);
}

static apr_status_t follower_cleanup(void *baton)
{
    struct event_follower *follower = baton;

    for (struct event_service *service = follower->services; service != NULL;
         service = service->next)
        end_channels(service);
    curl_multi_cleanup(follower->multi);
    return APR_SUCCESS;
}

bool event_follower_create(struct event_follower **follower,
                           event_follower_consumer *consume, void *baton,
                           apr_pool_t *pool, struct error *error)
{
    struct event_follower *made = apr_pcalloc(pool, sizeof(*made));

    made->pool = pool;
    made->consume = consume;
    made->baton = baton;
    made->multi = fetch_start_libcurl() ? curl_multi_init() : NULL;
    if (made->multi == NULL)
        return error_set(error, ERROR_IO, "cannot set libcurl up");
    apr_generate_random_bytes((unsigned char *)&made->random_state,
                              sizeof(made->random_state));
    /* Before the pools of its services go. */
    apr_pool_pre_cleanup_register(pool, made, follower_cleanup);
    *follower = made;
    return true;
}

static const char *name_at(const struct event_service *service, int i)
{
    return APR_ARRAY_IDX(service->source.repositories, i, const char *);
}

static void make_extended(struct event_service *service)
{
    int count = service->source.repositories->nelts;

    for (int first = 0; first < count; first += NAMES_MAX) {
        const char *names = name_at(service, first);

        for (int i = first + 1; i < count && i < first + NAMES_MAX; i++)
            names = apr_pstrcat(service->channels_pool, names, ",", name_at(service, i),
                                NULL);
        event_channel_create(service, names);
    }
}

static void make_strict(struct event_service *service)
{
    int count = service->source.repositories->nelts;

    if (count > STRICT_MAX)
        log_write(LOG_LEVEL_WARNING,
                  "events source=%s knows only the strict stream: %d of %d repositories "
                  "are followed",
                  service->source.url, STRICT_MAX, count);
    for (int i = 0; i < count && i < STRICT_MAX; i++)
        event_channel_create(service, name_at(service, i));
}

static void make_channels(struct event_service *service)
{
    end_channels(service);
    service->has_to_change = false;
    if (service->is_strict)
        make_strict(service);
    else
        make_extended(service);
}

static bool is_same_list(const apr_array_header_t *a, const apr_array_header_t *b)
{
    if (a->nelts != b->nelts)
        return false;
    for (int i = 0; i < a->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(a, i, const char *),
                   APR_ARRAY_IDX(b, i, const char *)) != 0)
            return false;
    return true;
}

static bool is_same_source(const struct event_source *a, const struct event_source *b)
{
    return strcmp(a->url, b->url) == 0 && strcmp(a->proxy, b->proxy) == 0 &&
           strcmp(a->ca_bundle, b->ca_bundle) == 0 &&
           is_same_list(a->repositories, b->repositories);
}

static void add_service(struct event_follower *follower,
                        const struct event_source *source)
{
    struct event_service *service;
    apr_array_header_t *names;
    apr_pool_t *pool;

    apr_pool_create(&pool, follower->pool);
    service = apr_pcalloc(pool, sizeof(*service));
    names = apr_array_make(pool, source->repositories->nelts, sizeof(const char *));
    for (int i = 0; i < source->repositories->nelts; i++)
        APR_ARRAY_PUSH(names, const char *) =
            apr_pstrdup(pool, APR_ARRAY_IDX(source->repositories, i, const char *));
    service->pool = pool;
    apr_pool_create(&service->channels_pool, pool);
    service->follower = follower;
    service->is_wanted = true;
    service->source = (struct event_source){apr_pstrdup(pool, source->url),
                                            apr_pstrdup(pool, source->proxy),
                                            apr_pstrdup(pool, source->ca_bundle), names};
    service->next = follower->services;
    follower->services = service;
    make_channels(service);
}

static void drop_unwanted(struct event_follower *follower)
{
    struct event_service **link = &follower->services;

    while (*link != NULL) {
        struct event_service *service = *link;

        if (service->is_wanted) {
            link = &service->next;
            continue;
        }
        *link = service->next;
        end_channels(service);
        apr_pool_destroy(service->pool);
    }
}

static struct event_service *find_same(struct event_follower *follower,
                                       const struct event_source *source)
{
    for (struct event_service *service = follower->services; service != NULL;
         service = service->next)
        if (is_same_source(&service->source, source))
            return service;
    return NULL;
}

void event_follower_set(struct event_follower *follower,
                        const apr_array_header_t *sources)
{
    struct event_service *service;

    for (service = follower->services; service != NULL; service = service->next)
        service->is_wanted = false;
    for (int i = 0; i < sources->nelts; i++) {
        const struct event_source *source =
            &APR_ARRAY_IDX(sources, i, struct event_source);

        service = find_same(follower, source);
        if (service != NULL)
            service->is_wanted = true;
        else
            add_service(follower, source);
    }
    drop_unwanted(follower);
}

/* Full jitter: those who lost the same service do not come back together. */
static apr_time_t draw_pause(struct event_follower *follower, int failures)
{
    int doublings = failures < DOUBLINGS_MAX ? failures : DOUBLINGS_MAX;
    apr_time_t bound = PAUSE_FIRST << doublings;

    follower->random_state =
        follower->random_state * 6364136223846793005u + 1442695040888963407u;
    if (bound > PAUSE_MAX)
        bound = PAUSE_MAX;
    return (apr_time_t)((follower->random_state >> 20) % (uint64_t)bound);
}

static void complain(struct event_service *service, apr_time_t now)
{
    if (now < service->log_next)
        return;
    log_write(LOG_LEVEL_WARNING, "events source=%s: %s; it is tried again",
              service->source.url, service->problem);
    service->log_next = now + LOG_PAUSE;
}

static int failures_of(const struct event_channel *channel, apr_time_t now)
{
    if (channel->connected_since == 0)
        return channel->failures;
    if (now - channel->began > STEADY)
        return 0;
    return channel->failures < HALF_DOUBLINGS ? channel->failures : HALF_DOUBLINGS;
}

static void lose(struct event_channel *channel, apr_time_t now)
{
    struct event_service *service = channel->service;
    int failures = failures_of(channel, now);

    complain(service, now);
    event_channel_end(channel);
    service->retries++;
    channel->next_try = now + draw_pause(service->follower, failures);
    channel->failures = failures + 1;
}

static void change_kind(struct event_channel *channel, bool is_strict, apr_time_t now)
{
    struct event_service *service = channel->service;

    service->is_strict = is_strict;
    service->has_to_change = true;
    if (is_strict)
        service->probe_next = now + PROBE;
    event_channel_end(channel);
    channel->next_try = now;
}

static void take_end(struct event_channel *channel, CURLcode code, apr_time_t now)
{
    struct event_service *service = channel->service;

    if (service->has_to_change) { /* as another one found out */
        event_channel_end(channel);
        return;
    }
    event_channel_explain(channel, code);
    if (!service->is_strict && event_channel_is_unknown(channel, code))
        change_kind(channel, true, now);
    else if (service->is_strict && now >= service->probe_next)
        /* Somebody may have put another one in its place. */
        change_kind(channel, false, now);
    else
        lose(channel, now);
}

static void take_ends(struct event_follower *follower, apr_time_t now)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(follower->multi, &left)) != NULL) {
        struct event_channel *channel = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &channel);
        take_end(channel, code, now);
    }
}

/* Returns when it has to be looked at again. */
static apr_time_t tend(struct event_channel *channel, apr_time_t now)
{
    if (event_channel_is_dead(channel, now)) {
        apr_cpystrn(channel->service->problem, "no sign of life",
                    sizeof(channel->service->problem));
        lose(channel, now);
    }
    if (channel->easy == NULL && now >= channel->next_try)
        event_channel_begin(channel, now);
    return channel->easy == NULL ? channel->next_try : now + apr_time_from_sec(1);
}

static apr_time_t tend_all(struct event_follower *follower, apr_time_t now)
{
    apr_time_t wake = now + apr_time_from_sec(1);

    for (struct event_service *service = follower->services; service != NULL;
         service = service->next) {
        if (service->has_to_change)
            make_channels(service);
        for (struct event_channel *channel = service->channels; channel != NULL;
             channel = channel->next) {
            apr_time_t when = tend(channel, now);

            wake = when < wake ? when : wake;
        }
    }
    return wake;
}

void event_follower_turn(struct event_follower *follower, int milliseconds)
{
    apr_time_t now = clock_now();
    int64_t wait = apr_time_as_msec(tend_all(follower, now) - now) + 1;
    int running;

    if (wait > milliseconds)
        wait = milliseconds;
    curl_multi_poll(follower->multi, NULL, 0, (int)wait, NULL);
    curl_multi_perform(follower->multi, &running);
    take_ends(follower, clock_now());
}

void event_follower_wake(struct event_follower *follower)
{
    curl_multi_wakeup(follower->multi);
}

static struct event_source_state state_of(const struct event_service *service,
                                          apr_pool_t *pool)
{
    struct event_source_state state = {
        .url = apr_pstrdup(pool, service->source.url),
        .repositories = service->source.repositories->nelts,
        .is_strict = service->is_strict,
        .last_event = service->last_event,
        .events = service->events,
        .retries = service->retries,
        .problem = "",
    };

    for (const struct event_channel *channel = service->channels; channel != NULL;
         channel = channel->next) {
        state.streams++;
        if (channel->connected_since == 0)
            continue;
        state.connected++;
        if (channel->connected_since > state.connected_since)
            state.connected_since = channel->connected_since;
    }
    if (state.connected < state.streams) {
        state.connected_since = 0;
        state.problem = apr_pstrdup(pool, service->problem);
    }
    return state;
}

apr_array_header_t *event_follower_states(const struct event_follower *follower,
                                          apr_pool_t *pool)
{
    apr_array_header_t *states =
        apr_array_make(pool, 4, sizeof(struct event_source_state));

    for (const struct event_service *service = follower->services; service != NULL;
         service = service->next)
        APR_ARRAY_PUSH(states, struct event_source_state) = state_of(service, pool);
    return states;
}
