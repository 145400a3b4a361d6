/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the socket share; nobody else includes this. */
#ifndef REPLICA_SNAPSHOTD_DOOR_INTERNAL_H
#define REPLICA_SNAPSHOTD_DOOR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <apr_hash.h>
#include "libreplica/access/access.h"
#include "libreplica/format/message.h"
#include "libreplica/store/repository.h"
#include "snapshotd/door.h"

#define DOOR_THREADS 16
/* So many of these may be publishing at once: the others are for what takes no time. */
#define DOOR_PUBLISHERS  12
#define DOOR_CONNECTIONS 2048
/* Requests of one connection that are answered at once. */
#define DOOR_JOBS_MAX 64
/* What an answer is worth waiting for where the caller does not say. */
#define DOOR_LONGEST apr_time_from_sec(3600)

struct upload;
struct outgoing;

/* Reference-counted: one for the thread that reads, one for each job. */
struct door_connection {
    struct door_connection *next;
    struct door *door;
    int socket;
    pthread_mutex_t mutex; /* of what follows */
    int references;
    int job_count;
    struct door_job *jobs; /* that are not answered yet */
    struct outgoing *first_outgoing, **last_outgoing;
    size_t outgoing_bytes;
    apr_time_t taken; /* when something of that was, or it began to wait */
    struct upload *uploads;
    char *last_mac; /* a request signed so was seen on this connection; of malloc */
    atomic_bool is_closed; /* whoever asks has gone */

    /* The reading thread's own: the message that is coming in. */
    unsigned char head[MESSAGE_HEADER_SIZE];
    size_t received; /* of head and body */
    struct door_job *incoming;
};

/* A request until it is answered. */
struct door_job {
    struct door_job *next;
    struct door_job *sibling; /* of the same connection */
    struct door *door;
    struct door_connection *connection; /* NULL: one of ours, which has an end instead */
    struct message_header header;
    struct message_request request;
    char *body;
    apr_time_t begun; /* this and the next of clock_now */
    apr_time_t deadline;
    apr_pool_t *pool; /* its own */

    /* Of the queue of commits. */
    bool cleans;           /* remove what has expired */
    bool collects;         /* then collect garbage */
    bool has_set_ttl;      /* which a revision is to say */
    struct upload *upload; /* NULL, and none of these: a removal */
    void (*end)(void *baton, const struct door_job *job, const struct error *error);
    void *end_baton; /* of it; its error is NULL if all went well */
    struct message_answer answer;
    bool is_good;
    struct error error;
};

struct commit_queue;
struct housekeeper;
struct replays;
struct tree_view;

struct door {
    const char *confdir;
    const char *user;
    const char *path;
    apr_array_header_t *users; /* of uid_t: who may connect besides root and us */
    int listener;
    int wake_fd;
    volatile int stop;
    pthread_t reader;
    struct door_connection *connections; /* the reader's own, and the next two */
    int connection_count;
    apr_time_t deaf_until; /* of clock_now; nobody is let in before */
    atomic_llong last_upload;

    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t work_came;
    struct door_job *first, **last;
    struct commit_queue *first_queue, **last_queue; /* to be worked off */
    int pending;                                    /* of these and those */
    int publishers;
    struct commit_queue *locked; /* that wait for a repository's lock */
    pthread_cond_t lock_missed;
    pthread_t threads[DOOR_THREADS];
    int thread_count, idle, busy;
    bool ends;          /* only what is under way can bring more work */
    apr_hash_t *queues; /* struct commit_queue *, by local name */
    struct replays *replays;
    apr_hash_t *views; /* struct kept_view *, by local name */
    bool keeps_house;  /* somebody's request for it is under way */
    apr_pool_t *pool;

    struct housekeeper *housekeeper;
    pthread_t lock_waiter;
};

/* door.c: the thread that reads looks at everything anew. */
void door_wake(struct door *door);

/* door_connection.c */
struct door_connection *door_connection_create(struct door *door, int socket);
/* Read what is there; whole messages are submitted. False: it is to be given up. */
bool door_connection_read(struct door_connection *connection);
void door_connection_release(struct door_connection *connection);

/* door_outgoing.c: what goes out, which nobody waits for. FD goes along, and becomes the
 * message's; -1: none. */
void door_connection_send(struct door_connection *connection,
                          const struct message_header *header, struct text body, int fd);
/* False: it is to be given up. */
bool door_connection_flush(struct door_connection *connection);
/* From time to time: who waits for an answer hears that we live. False: what was sent is
 * not taken. */
bool door_connection_tick(struct door_connection *connection, apr_time_t now);
/* Those of poll(2) that the connection waits for. */
short door_connection_events(struct door_connection *connection);
void door_connection_drop_outgoing(struct door_connection *connection);

/* door_work.c: threads that answer. A job of ours, for REPOSITORY. */
struct door_job *door_own_job(struct door *door, const char *repository);
bool door_job_is_given_up(const struct door_job *job);
void door_submit(struct door *door, struct door_job *job);
void door_submit_queue(struct door *door, struct commit_queue *queue);
void door_stop_threads(struct door *door);

/* door_answer.c: each job is answered once, which is its end; nothing of this waits. FD
 * is passed on and closed; -1: none. */
void door_progress(struct door_job *job, const struct message_answer *answer);
void door_done(struct door_job *job, const struct message_answer *answer, int fd);
void door_fail(struct door_job *job, const struct error *error);
/* The same for what is no fault of who asks, who therefore lacks no permission. */
void door_fail_inside(struct door_job *job, struct error *error);

/* door_rights.c: what a request is about, once it is allowed. */
struct door_context {
    struct settings *server;
    struct repository *repository;
    const char *keys;
    const char *principal;
};
/* PATH NULL: somewhere in the repository is enough. False: who asks may not, or there is
 * no such repository of ours. */
bool door_context_open(struct door_context *context, struct door_job *job,
                       enum access_verb verb, const char *path, struct error *error);
/* The local names (const char *) of our repositories of which the job may do that. False:
 * ERROR_PERMISSION and the like if there is none. */
bool door_repositories(apr_array_header_t **names, struct door_job *job,
                       enum access_verb verb, struct error *error);

/* door_replays.c: signatures are good once. In the directory SPOOL is a file of those
 * that one who starts after us would believe. */
struct replays *replays_create(const char *spool, apr_pool_t *pool);
/* False: ERROR_BAD_SIGNATURE (it was seen, or is too old to know), ERROR_IO. */
bool replays_note(struct replays *replays, const char *mac, int64_t date, apr_time_t now,
                  struct error *error);

/* door_views.c: the present revision of the context's repository, to look things up in;
 * catalogs stay open from one look to the next. Until door_view_leave no other thread has
 * it. False: nothing is to be left. */
bool door_view_enter(struct tree_view **view, const struct door_context *context,
                     struct door_job *job, struct error *error);
void door_view_leave(const struct door_context *context, struct door_job *job);
void door_views_close(struct door *door);

/* housekeeping.c: the thread that has things removed when they expire, and garbage when
 * no reader needs it. */
bool housekeeping_start(struct door *door, struct error *error);
void housekeeping_stop(struct door *door);
/* Once no job is left. */
void housekeeping_free(struct door *door);
/* Something was published, or is to expire, in this repository. */
void housekeeping_look(struct door *door, const char *repository);

/* Each answers the job. upload.c, look.c, administer.c */
typedef void door_answerer(struct door_job *job);
door_answerer answer_upload_check, answer_upload_begin, answer_upload_next,
    answer_upload_finish, answer_look, answer_list, answer_remove, answer_set_ttl,
    answer_clean, answer_notify, answer_housekeeping, answer_resign;

#endif
