/* SPDX-License-Identifier: Apache-2.0 */
/* What may block, for the process that serves events: the log, configuration and keys,
 * signatures, servers. Two threads: one that only asks this host, so that nobody's slow
 * server holds up other repositories' events. */
#ifndef REPLICA_SNAPSHOTD_EVENTS_WORKER_H
#define REPLICA_SNAPSHOTD_EVENTS_WORKER_H

#include <pthread.h>
#include "libreplica/events/event_log.h"

enum task_kind {
    TASK_READ,   /* what the log has after SINCE; 0: the last of each topic */
    TASK_CHECK,  /* whether the last event of TOPIC may be passed on */
    TASK_PUBLISH /* whether MESSAGE may, and append it */
};

struct worker;

struct task {
    struct task *next;
    apr_pool_t *pool; /* of its own; goes with task_free */
    enum task_kind kind;
    int64_t since;
    const char *topic; /* of TASK_PUBLISH a result */
    struct text message;
    void *baton;
    /* Called by worker_collect, on its thread; it may free the task. */
    void (*done)(struct task *task);
    /* The result. */
    bool ok;
    struct error error;
    apr_array_header_t *events; /* struct event_record */
    apr_time_t expires;
    struct event_record *event; /* of TASK_CHECK */
    int64_t revision;
    enum event_fate fate;
};

/* CONFDIR and LOG have to outlive it. */
bool worker_create(struct worker **worker, const char *confdir, const char *log,
                   apr_pool_t *pool, struct error *error);
/* Readable when a task is done. */
int worker_descriptor(const struct worker *worker);

struct task *task_create(enum task_kind kind, void (*done)(struct task *task),
                         void *baton);
void task_free(struct task *task);

/* How many tasks are not done. */
int worker_load(const struct worker *worker);
void worker_submit(struct worker *worker, struct task *task);
void worker_collect(struct worker *worker);

#endif
