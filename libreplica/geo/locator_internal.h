/* SPDX-License-Identifier: Apache-2.0 */
/* What answering questions and keeping the files shares; nobody else includes this. */
#ifndef REPLICA_GEO_LOCATOR_INTERNAL_H
#define REPLICA_GEO_LOCATOR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "libreplica/geo/current_database.h"
#include "libreplica/geo/hosts_file.h"
#include "libreplica/geo/locator.h"
#include "libreplica/geo/resolver.h"

struct locator {
    struct locator_options options;
    struct name_cache *cache;
    struct current_database *database;
    struct hosts_file *hosts;  /* NULL: none */
    struct resolver *resolver; /* NULL: the hosts file alone */
    atomic_int waiting;        /* questions that wait for names */
    _Atomic apr_time_t slow_until;
    pthread_t watcher; /* looks for new files */
    bool has_watcher;
    pthread_mutex_t lock; /* of stop */
    pthread_cond_t stopped;
    bool stop;
};

/* Find the place of the entry's addresses, IPv4 first. */
void locator_place(struct name_entry *entry, const struct geo_database *database);

/* A lookup is over: keep what it found. */
void locator_store(struct locator *locator, struct text name,
                   const struct resolver_answer *answer);

#endif
