/* SPDX-License-Identifier: Apache-2.0 */
/* Asking snapshotd: the caller's end of its socket. */
#ifndef REPLICA_STORE_DAEMON_CALL_H
#define REPLICA_STORE_DAEMON_CALL_H

#include <apr_time.h>
#include "libreplica/format/message.h"

struct daemon_connection;

/* POOL closes it. False: ERROR_UNREACHABLE (it does not run), ERROR_SETTING. */
bool daemon_connect(struct daemon_connection **connection, const char *path,
                    apr_pool_t *pool, struct error *error);
/* Close it before the pool goes: uploads that are not finished are given up. */
void daemon_disconnect(struct daemon_connection *connection);

/* Takes a message that precedes the final one; ANSWER lives as long as the call's pool.
 */
typedef bool daemon_progress(void *baton, const struct message_answer *answer,
                             struct error *error);

/* How long an answer is waited for: from one message to the next, and in all. */
struct daemon_patience {
    apr_interval_time_t silence;
    apr_interval_time_t in_all;
};

/* Ask and wait for the final answer.
 *   fd        set to a descriptor that came along, which the caller closes, or -1; NULL
 *             if none is wanted
 *   progress  NULL: it does not matter
 * False: what snapshotd reports, or ERROR_UNREACHABLE: then it may do what was asked for,
 * or not. One call at a time. */
bool daemon_ask(struct message_answer *answer, int *fd,
                struct daemon_connection *connection, enum message_type type,
                const struct message_request *request,
                const struct daemon_patience *patience, daemon_progress *progress,
                void *baton, apr_pool_t *pool, struct error *error);

#endif
