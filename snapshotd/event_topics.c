/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of notification services, judged. */
#include "snapshotd/event_topics.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/log.h"
#include "libreplica/base/pace.h"
#include "libreplica/format/activity.h"
#include "libreplica/format/manifest.h"
#include "libreplica/operate/activity_check.h"
#include "libreplica/store/store_read.h"

/* Checks a second: somebody who forges messages must not keep the thread busy. */
#define CHECKS_PER_SECOND 10
#define COMPLAINT_PAUSE   apr_time_from_sec(60)

/* What one service tells of one repository. */
struct topic {
    const char *url;
    const char *fqrn;
    apr_array_header_t *replicas; /* const struct followed_replica * */
    struct pace pace;
    apr_time_t check_next;
    char *waiting; /* the newest message that is not checked yet; of malloc, or NULL */
    size_t length;
};

struct event_topics {
    apr_pool_t *pool;
    const char *confdir;
    event_hint_consumer *consume;
    void *baton;
    apr_hash_t *topics;     /* struct topic by service and repository */
    apr_hash_t *complaints; /* when there may be one again (apr_time_t), by service */
};

static apr_status_t topics_cleanup(void *baton)
{
    struct event_topics *topics = baton;

    for (apr_hash_index_t *at = apr_hash_first(NULL, topics->topics); at != NULL;
         at = apr_hash_next(at)) {
        struct topic *topic = apr_hash_this_val(at);

        free(topic->waiting);
    }
    return APR_SUCCESS;
}

/* Neither has a blank in it. */
static const char *key_of(const char *url, const char *fqrn, apr_pool_t *pool)
{
    return apr_pstrcat(pool, fqrn, " ", url, NULL);
}

static void add(struct event_topics *topics, const struct followed_replica *replica)
{
    const char *key = key_of(replica->url, replica->fqrn, topics->pool);
    struct topic *topic = apr_hash_get(topics->topics, key, APR_HASH_KEY_STRING);

    if (topic == NULL) {
        topic = apr_pcalloc(topics->pool, sizeof(*topic));
        topic->url = replica->url;
        topic->fqrn = replica->fqrn;
        topic->pace.bytes_per_second = CHECKS_PER_SECOND;
        topic->replicas =
            apr_array_make(topics->pool, 1, sizeof(const struct followed_replica *));
        apr_hash_set(topics->topics, key, APR_HASH_KEY_STRING, topic);
    }
    APR_ARRAY_PUSH(topic->replicas, const struct followed_replica *) = replica;
}

struct event_topics *event_topics_create(const apr_array_header_t *list,
                                         const char *confdir,
                                         event_hint_consumer *consume, void *baton,
                                         apr_pool_t *pool)
{
    struct event_topics *topics = apr_pcalloc(pool, sizeof(*topics));

    topics->pool = pool;
    topics->confdir = confdir;
    topics->consume = consume;
    topics->baton = baton;
    topics->topics = apr_hash_make(pool);
    topics->complaints = apr_hash_make(pool);
    for (int i = 0; i < list->nelts; i++)
        add(topics, &APR_ARRAY_IDX(list, i, struct followed_replica));
    apr_pool_cleanup_register(pool, topics, topics_cleanup, apr_pool_cleanup_null);
    return topics;
}

static void complain(struct event_topics *topics, const char *url,
                     const struct error *error)
{
    apr_time_t *next = apr_hash_get(topics->complaints, url, APR_HASH_KEY_STRING);
    apr_time_t now = clock_now();

    if (next != NULL && now < *next)
        return;
    log_write(LOG_LEVEL_WARNING, "events source=%s message passed over: %s", url,
              error->message);
    if (next == NULL) {
        next = apr_palloc(topics->pool, sizeof(*next));
        apr_hash_set(topics->complaints, apr_pstrdup(topics->pool, url),
                     APR_HASH_KEY_STRING, next);
    }
    *next = now + COMPLAINT_PAUSE;
}

/* What the tree serves; 0: nothing yet. */
static int64_t served_revision(const char *storage, apr_pool_t *pool)
{
    struct store_read file;
    struct manifest *manifest;
    ssize_t count = -1;
    char *bytes;

    if (!store_read_named(&file, storage, text_of(MANIFEST_NAME), NULL))
        return 0;
    bytes = apr_palloc(pool, MANIFEST_SIZE_MAX);
    if (file.size <= MANIFEST_SIZE_MAX)
        count = read(file.fd, bytes, (size_t)file.size);
    close(file.fd);
    return count > 0 && manifest_parse(&manifest, (struct text){bytes, (size_t)count},
                                       pool, NULL)
               ? manifest->revision
               : 0;
}

static bool is_news(const struct topic *topic, int64_t revision, apr_pool_t *pool)
{
    for (int i = 0; i < topic->replicas->nelts; i++)
        if (served_revision(
                APR_ARRAY_IDX(topic->replicas, i, const struct followed_replica *)
                    ->storage,
                pool) < revision)
            return true;
    return false;
}

/* The certificate or whitelist may be newer than what is here. Then a run finds out. */
static bool may_be_true(enum error_code code)
{
    return code == ERROR_NOT_FOUND || code == ERROR_EXPIRED || code == ERROR_NOT_LISTED;
}

static void judge(struct event_topics *topics, struct topic *topic,
                  const struct activity *activity, int64_t revision, apr_pool_t *pool)
{
    struct activity_check check = {.confdir = topics->confdir};
    struct checked_activity checked;
    struct error error;
    bool is_verified =
        activity_check(&checked, activity, &check, apr_time_now(), pool, &error);

    topic->check_next = clock_now() + pace_delay(&topic->pace, 1, clock_now());
    if (!is_verified && !may_be_true(error.code)) {
        error_prefix(&error, "repository %s", topic->fqrn);
        complain(topics, topic->url, &error);
        return;
    }
    for (int i = 0; i < topic->replicas->nelts; i++) {
        const struct followed_replica *replica =
            APR_ARRAY_IDX(topic->replicas, i, const struct followed_replica *);
        struct event_hint hint = {replica->local_name, revision, is_verified};

        if (served_revision(replica->storage, pool) < revision)
            topics->consume(topics->baton, &hint);
    }
}

static void put_off(struct topic *topic, struct text message)
{
    char *copy = malloc(message.length + 1);

    if (copy == NULL)
        return;
    memcpy(copy, message.bytes, message.length);
    free(topic->waiting);
    topic->waiting = copy;
    topic->length = message.length;
}

/* False: *error says what is wrong with it. */
static bool read_message(struct activity **activity, struct topic **topic,
                         struct manifest **manifest, struct event_topics *topics,
                         const char *url, struct text message, apr_pool_t *pool,
                         struct error *error)
{
    if (!activity_parse(activity, message, pool, error) ||
        !manifest_parse(manifest, (*activity)->manifest, pool, error))
        return false;
    *topic = apr_hash_get(topics->topics, key_of(url, (*activity)->fqrn, pool),
                          APR_HASH_KEY_STRING);
    return (*topic != NULL && strcmp((*manifest)->fqrn, (*topic)->fqrn) == 0) ||
           error_set(error, ERROR_NAME_MISMATCH, "it is of a repository not asked for");
}

static void take(struct event_topics *topics, const char *url, struct text message,
                 apr_pool_t *pool)
{
    struct manifest *manifest;
    struct activity *activity;
    struct topic *topic;
    struct error error;

    if (!read_message(&activity, &topic, &manifest, topics, url, message, pool, &error))
        complain(topics, url, &error);
    else if (!is_news(topic, manifest->revision, pool))
        return;
    else if (clock_now() < topic->check_next)
        put_off(topic, message);
    else
        judge(topics, topic, activity, manifest->revision, pool);
}

void event_topics_take(struct event_topics *topics, const char *url,
                       const struct stream_event *event)
{
    apr_pool_t *pool;

    if (strcmp(event->kind, "message") != 0 && strcmp(event->kind, "activity") != 0)
        return;
    apr_pool_create(&pool, topics->pool);
    take(topics, url, event->data, pool);
    apr_pool_destroy(pool);
}

static void take_waiting(struct event_topics *topics, struct topic *topic)
{
    struct text message = {topic->waiting, topic->length};
    apr_pool_t *pool;

    topic->waiting = NULL;
    topic->check_next = 0;
    apr_pool_create(&pool, topics->pool);
    take(topics, topic->url, message, pool);
    apr_pool_destroy(pool);
    free((char *)message.bytes);
}

apr_interval_time_t event_topics_catch_up(struct event_topics *topics, bool is_last)
{
    apr_interval_time_t least = apr_time_from_sec(1);

    for (apr_hash_index_t *at = apr_hash_first(topics->pool, topics->topics); at != NULL;
         at = apr_hash_next(at)) {
        struct topic *topic = apr_hash_this_val(at);
        apr_time_t now = clock_now();

        if (topic->waiting == NULL)
            continue;
        if (is_last || now >= topic->check_next)
            take_waiting(topics, topic);
        else if (topic->check_next - now < least)
            least = topic->check_next - now;
    }
    return least;
}
