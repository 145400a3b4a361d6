/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that follows upstreams' events. */
#include "snapshotd/event_sources.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/base/thread.h"
#include "snapshotd/event_topics.h"

/* Every second the state is told anew. */
#define TURN_MILLISECONDS 1000

struct event_sources {
    apr_pool_t *pool;
    const char *confdir;
    int wake_fd;
    pthread_t thread;
    volatile int stop;
    volatile int has_changed;
    struct event_follower *follower;
    apr_pool_t *plan_pool; /* of the plan below; the thread's own */
    struct event_topics *topics;
    int connected; /* streams, when last told */

    pthread_mutex_t mutex; /* for what follows */
    char *wanted;          /* what is followed, as text, to see what is new */
    apr_pool_t *next_pool; /* a plan that the thread has not taken yet, or NULL */
    apr_array_header_t *next_list;
    apr_pool_t *hint_pool;
    apr_hash_t *hints[2]; /* struct event_hint by local name: doubtful, verified */
    apr_pool_t *state_pool;
    apr_array_header_t *states;
};

static void on_event(void *baton, const char *url, const struct stream_event *event)
{
    struct event_sources *sources = baton;

    event_topics_take(sources->topics, url, event);
}

/* The highest revision counts. */
static void keep_hint(struct event_sources *sources, const struct event_hint *hint)
{
    apr_hash_t *hints = sources->hints[hint->is_verified];
    struct event_hint *known = apr_hash_get(hints, hint->local_name, APR_HASH_KEY_STRING);

    if (known == NULL) {
        known = apr_palloc(sources->hint_pool, sizeof(*known));
        *known = *hint;
        known->local_name = apr_pstrdup(sources->hint_pool, hint->local_name);
        apr_hash_set(hints, known->local_name, APR_HASH_KEY_STRING, known);
    } else if (hint->revision > known->revision) {
        known->revision = hint->revision;
    }
}

static void wake(const struct event_sources *sources)
{
    uint64_t one = 1;

    if (write(sources->wake_fd, &one, sizeof(one)) != sizeof(one))
        log_write(LOG_LEVEL_ERROR, "cannot wake the main loop");
}

static void on_hint(void *baton, const struct event_hint *hint)
{
    struct event_sources *sources = baton;

    pthread_mutex_lock(&sources->mutex);
    keep_hint(sources, hint);
    pthread_mutex_unlock(&sources->mutex);
    wake(sources);
}

static struct event_source *source_of(apr_array_header_t *list,
                                      const struct followed_replica *replica,
                                      apr_pool_t *pool)
{
    struct event_source *source;

    for (int i = 0; i < list->nelts; i++) {
        source = &APR_ARRAY_IDX(list, i, struct event_source);
        if (strcmp(source->url, replica->url) == 0 &&
            strcmp(source->proxy, replica->proxy) == 0 &&
            strcmp(source->ca_bundle, replica->ca_bundle) == 0)
            return source;
    }
    source = apr_array_push(list);
    *source = (struct event_source){replica->url, replica->proxy, replica->ca_bundle,
                                    apr_array_make(pool, 4, sizeof(const char *))};
    return source;
}

static int compare_replicas(const void *a, const void *b)
{
    const struct followed_replica *one = a, *other = b;
    int order = strcmp(one->url, other->url);

    order = order != 0 ? order : strcmp(one->fqrn, other->fqrn);
    return order != 0 ? order : strcmp(one->local_name, other->local_name);
}

/* LIST is sorted: aliases of one repository follow each other. */
static apr_array_header_t *sources_of(const apr_array_header_t *list, apr_pool_t *pool)
{
    apr_array_header_t *sources = apr_array_make(pool, 4, sizeof(struct event_source));

    for (int i = 0; i < list->nelts; i++) {
        const struct followed_replica *replica =
            &APR_ARRAY_IDX(list, i, struct followed_replica);
        struct event_source *source = source_of(sources, replica, pool);
        apr_array_header_t *names = (apr_array_header_t *)source->repositories;

        if (names->nelts == 0 ||
            strcmp(APR_ARRAY_IDX(names, names->nelts - 1, const char *), replica->fqrn) !=
                0)
            APR_ARRAY_PUSH(names, const char *) = replica->fqrn;
    }
    return sources;
}

static void take_plan(struct event_sources *sources)
{
    apr_array_header_t *list;
    apr_pool_t *pool;

    pthread_mutex_lock(&sources->mutex);
    pool = sources->next_pool;
    list = sources->next_list;
    sources->next_pool = NULL;
    pthread_mutex_unlock(&sources->mutex);
    if (pool == NULL)
        return;
    if (sources->topics != NULL)
        event_topics_catch_up(sources->topics, true);
    sources->topics = event_topics_create(list, sources->confdir, on_hint, sources, pool);
    event_follower_set(sources->follower, sources_of(list, pool));
    if (sources->plan_pool != NULL)
        apr_pool_destroy(sources->plan_pool);
    sources->plan_pool = pool;
}

static void note_connected(struct event_sources *sources,
                           const apr_array_header_t *states)
{
    int connected = 0;

    for (int i = 0; i < states->nelts; i++)
        connected += APR_ARRAY_IDX(states, i, struct event_source_state).connected;
    if (connected == sources->connected)
        return;
    sources->connected = connected;
    __atomic_store_n(&sources->has_changed, 1, __ATOMIC_RELAXED);
    wake(sources);
}

static void tell_states(struct event_sources *sources)
{
    apr_array_header_t *states;
    apr_pool_t *pool, *old;

    apr_pool_create(&pool, NULL);
    states = event_follower_states(sources->follower, pool);
    pthread_mutex_lock(&sources->mutex);
    old = sources->state_pool;
    sources->state_pool = pool;
    sources->states = states;
    pthread_mutex_unlock(&sources->mutex);
    if (old != NULL)
        apr_pool_destroy(old);
    note_connected(sources, states);
}

static void *run(void *data)
{
    struct event_sources *sources = data;

    while (!__atomic_load_n(&sources->stop, __ATOMIC_RELAXED)) {
        apr_interval_time_t wait = apr_time_from_sec(1);

        take_plan(sources);
        if (sources->topics != NULL)
            wait = event_topics_catch_up(sources->topics, false);
        event_follower_turn(sources->follower, (int)apr_time_as_msec(wait));
        tell_states(sources);
    }
    return NULL;
}

void event_sources_stop(struct event_sources *sources)
{
    __atomic_store_n(&sources->stop, 1, __ATOMIC_RELAXED);
    event_follower_wake(sources->follower);
    pthread_join(sources->thread, NULL);
    if (sources->plan_pool != NULL)
        apr_pool_destroy(sources->plan_pool);
    if (sources->next_pool != NULL)
        apr_pool_destroy(sources->next_pool);
    if (sources->state_pool != NULL)
        apr_pool_destroy(sources->state_pool);
    free(sources->wanted);
    apr_pool_destroy(sources->hint_pool);
    apr_pool_destroy(sources->pool);
}

static void forget_hints(struct event_sources *sources)
{
    apr_pool_clear(sources->hint_pool);
    for (int i = 0; i < 2; i++)
        sources->hints[i] = apr_hash_make(sources->hint_pool);
}

bool event_sources_start(struct event_sources **sources, const char *confdir, int wake_fd,
                         struct error *error)
{
    struct event_sources *made;
    apr_pool_t *own;

    /* Below none: another thread uses it. */
    apr_pool_create(&own, NULL);
    made = apr_pcalloc(own, sizeof(*made));
    made->pool = own;
    made->confdir = apr_pstrdup(own, confdir);
    made->wake_fd = wake_fd;
    pthread_mutex_init(&made->mutex, NULL);
    apr_pool_create(&made->hint_pool, NULL);
    forget_hints(made);
    if (!event_follower_create(&made->follower, on_event, made, own, error) ||
        !thread_start(&made->thread, run, made, error)) {
        apr_pool_destroy(made->hint_pool);
        apr_pool_destroy(own);
        return false;
    }
    *sources = made;
    return true;
}

static struct followed_replica copy_of(const struct followed_replica *replica,
                                       apr_pool_t *pool)
{
    return (struct followed_replica){
        apr_pstrdup(pool, replica->url),       apr_pstrdup(pool, replica->proxy),
        apr_pstrdup(pool, replica->ca_bundle), apr_pstrdup(pool, replica->local_name),
        apr_pstrdup(pool, replica->fqrn),      apr_pstrdup(pool, replica->storage)};
}

static char *text_of_list(const apr_array_header_t *list, apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, list->nelts, sizeof(const char *));

    for (int i = 0; i < list->nelts; i++) {
        const struct followed_replica *replica =
            &APR_ARRAY_IDX(list, i, struct followed_replica);

        APR_ARRAY_PUSH(lines, const char *) = apr_pstrcat(
            pool, replica->url, "\n", replica->proxy, "\n", replica->ca_bundle, "\n",
            replica->local_name, "\n", replica->fqrn, "\n", replica->storage, NULL);
    }
    return strdup(apr_array_pstrcat(pool, lines, '\n'));
}

static void offer_plan(struct event_sources *sources, apr_pool_t *pool,
                       apr_array_header_t *list)
{
    apr_pool_t *unused;

    pthread_mutex_lock(&sources->mutex);
    unused = sources->next_pool;
    sources->next_pool = pool;
    sources->next_list = list;
    pthread_mutex_unlock(&sources->mutex);
    if (unused != NULL)
        apr_pool_destroy(unused);
    event_follower_wake(sources->follower);
}

void event_sources_follow(struct event_sources *sources, const apr_array_header_t *list)
{
    apr_array_header_t *copy;
    apr_pool_t *pool;
    char *text;

    apr_pool_create(&pool, NULL);
    copy = apr_array_make(pool, list->nelts, sizeof(struct followed_replica));
    for (int i = 0; i < list->nelts; i++)
        APR_ARRAY_PUSH(copy, struct followed_replica) =
            copy_of(&APR_ARRAY_IDX(list, i, struct followed_replica), pool);
    qsort(copy->elts, (size_t)copy->nelts, sizeof(struct followed_replica),
          compare_replicas);
    text = text_of_list(copy, pool);
    if (text != NULL && sources->wanted != NULL && strcmp(text, sources->wanted) == 0) {
        free(text);
        apr_pool_destroy(pool);
        return;
    }
    free(sources->wanted);
    sources->wanted = text;
    offer_plan(sources, pool, copy);
}

apr_array_header_t *event_sources_take(struct event_sources *sources, apr_pool_t *pool)
{
    apr_array_header_t *hints = apr_array_make(pool, 4, sizeof(struct event_hint));

    pthread_mutex_lock(&sources->mutex);
    for (int i = 0; i < 2; i++)
        for (apr_hash_index_t *at = apr_hash_first(NULL, sources->hints[i]); at != NULL;
             at = apr_hash_next(at)) {
            struct event_hint *hint = apr_array_push(hints);

            *hint = *(struct event_hint *)apr_hash_this_val(at);
            hint->local_name = apr_pstrdup(pool, hint->local_name);
        }
    forget_hints(sources);
    pthread_mutex_unlock(&sources->mutex);
    return hints;
}

bool event_sources_have_changed(struct event_sources *sources)
{
    return __atomic_exchange_n(&sources->has_changed, 0, __ATOMIC_RELAXED) != 0;
}

apr_array_header_t *event_sources_states(struct event_sources *sources, apr_pool_t *pool)
{
    apr_array_header_t *states =
        apr_array_make(pool, 4, sizeof(struct event_source_state));

    pthread_mutex_lock(&sources->mutex);
    if (sources->states != NULL)
        for (int i = 0; i < sources->states->nelts; i++) {
            struct event_source_state *state = apr_array_push(states);

            *state = APR_ARRAY_IDX(sources->states, i, struct event_source_state);
            state->url = apr_pstrdup(pool, state->url);
            state->problem = apr_pstrdup(pool, state->problem);
        }
    pthread_mutex_unlock(&sources->mutex);
    return states;
}
