/* SPDX-License-Identifier: Apache-2.0 */
/* A locator's life: its files, its threads, what its lookups bring. */
#include "libreplica/geo/locator_internal.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/thread.h"

#define WATCH_INTERVAL apr_time_from_sec(1)

struct geo_database *locator_hold(struct locator *locator)
{
    return current_database_hold(locator->database);
}

void locator_release(struct locator *locator, struct geo_database *database)
{
    current_database_release(locator->database, database);
}

void locator_store(struct locator *locator, struct text name,
                   const struct resolver_answer *answer)
{
    struct name_entry entry = {
        .ipv4 = answer->ipv4, .ipv6 = answer->ipv6, .has_failed = answer->has_failed};
    struct geo_database *database = locator_hold(locator);

    if (database != NULL) {
        locator_place(&entry, database);
        locator_release(locator, database);
    }
    name_cache_store(locator->cache, name, &entry);
}

static void store_answer(void *baton, struct text name,
                         const struct resolver_answer *answer)
{
    locator_store(baton, name, answer);
}

static void report(struct locator *locator, bool is_good, const char *good,
                   const struct error *error)
{
    locator->options.report(locator->options.baton, is_good,
                            is_good ? good : error->message);
}

static void refresh_files(struct locator *locator)
{
    struct error error;
    bool is_news, is_good;

    is_good = current_database_refresh(locator->database, &is_news, &error);
    if (is_news)
        report(locator, is_good, "the geo database is in service", &error);
    if (locator->hosts == NULL)
        return;
    is_good = hosts_file_refresh(locator->hosts, &is_news, &error);
    if (is_news)
        report(locator, is_good, "the hosts file is in service", &error);
}

/* Whether the locator goes on after one interval. */
static bool wait_for_next(struct locator *locator)
{
    apr_time_t until = clock_now() + WATCH_INTERVAL;
    struct timespec time = {apr_time_sec(until), apr_time_usec(until) * 1000};
    bool goes_on;

    pthread_mutex_lock(&locator->lock);
    if (!locator->stop)
        pthread_cond_clockwait(&locator->stopped, &locator->lock, CLOCK_MONOTONIC, &time);
    goes_on = !locator->stop;
    pthread_mutex_unlock(&locator->lock);
    return goes_on;
}

static void *watch(void *data)
{
    struct locator *locator = data;

    while (wait_for_next(locator))
        refresh_files(locator);
    return NULL;
}

static apr_status_t stop_watcher(void *data)
{
    struct locator *locator = data;

    if (locator->has_watcher) {
        pthread_mutex_lock(&locator->lock);
        locator->stop = true;
        pthread_cond_signal(&locator->stopped);
        pthread_mutex_unlock(&locator->lock);
        pthread_join(locator->watcher, NULL);
    }
    pthread_cond_destroy(&locator->stopped);
    pthread_mutex_destroy(&locator->lock);
    return APR_SUCCESS;
}

static bool asks_nameservers(const struct locator_options *options)
{
    return *options->hosts_file == '\0' || *options->nameservers != '\0';
}

/* NULL: the system's. */
static const char *nameservers_of(const struct locator_options *options)
{
    if (*options->nameservers == '\0' || strcmp(options->nameservers, "system") == 0)
        return NULL;
    return options->nameservers;
}

bool locator_check(const struct locator_options *options, apr_pool_t *pool,
                   struct error *error)
{
    return nameservers_of(options) == NULL ||
           resolver_check_nameservers(nameservers_of(options), pool, error);
}

bool locator_create(struct locator **created, const struct locator_options *options,
                    struct name_cache *cache, apr_pool_t *pool, struct error *error)
{
    struct locator *locator = apr_pcalloc(pool, sizeof(*locator));

    locator->options = *options;
    locator->cache = cache;
    locator->database = current_database_create(options->databases, pool);
    if (*options->hosts_file != '\0')
        locator->hosts = hosts_file_create(options->hosts_file, pool);
    refresh_files(locator);
    if (options->kept_databases != NULL)
        current_database_fall_back(locator->database, options->kept_databases);
    if (asks_nameservers(options) &&
        !resolver_create(&locator->resolver, nameservers_of(options),
                         options->search_domains, store_answer, locator, pool, error))
        return false;
    pthread_mutex_init(&locator->lock, NULL);
    pthread_cond_init(&locator->stopped, NULL);
    apr_pool_cleanup_register(pool, locator, stop_watcher, apr_pool_cleanup_null);
    *created = locator;
    locator->has_watcher = thread_start(&locator->watcher, watch, locator, error);
    return locator->has_watcher;
}
