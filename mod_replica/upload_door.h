/* SPDX-License-Identifier: Apache-2.0 */
/* What the routes of the upload door share: who asks, asking snapshotd, JSON answers. */
#ifndef REPLICA_MOD_UPLOAD_DOOR_H
#define REPLICA_MOD_UPLOAD_DOOR_H

#include <jansson.h>

#include "libreplica/store/daemon_call.h"
#include "mod_replica/routes.h"

struct upload_door {
    request_rec *r;
    struct daemon_connection *connection;
    apr_interval_time_t publish_timeout;
    struct message_request message; /* repository, path and credential are set */
};

/* Connect to snapshotd. PATH is absolute within the repository. False: ERROR_UNREACHABLE,
 * ERROR_BAD_SIGNATURE (a malformed Authorization). */
bool upload_door_open(struct upload_door *door, request_rec *r,
                      const struct replica_request *request, const char *path,
                      struct error *error);

/* As daemon_ask. What waits for others is waited for as long as snapshotd says that it
 * goes on, REPLICA_PUBLISH_TIMEOUT at most; anything else, and a silence, as long as
 * httpd would wait for a client. */
bool upload_door_ask(struct message_answer *answer, int *fd, struct upload_door *door,
                     enum message_type type, daemon_progress *progress, void *baton,
                     struct error *error);

/* What is not known to have been published, or not: where to look for it. */
void upload_door_explain(struct error *error, const char *where);

/* A parameter of the query. False: it is malformed, and the answer, 422, is *status. One
 * that is not there leaves the value as it is. */
bool upload_door_flag(bool *value, int *status, request_rec *r, const char *name);
bool upload_door_number(int64_t *value, bool *found, int *status, request_rec *r,
                        const char *name);

/* Answer with {"detail": DETAIL}; the body of the request need not have been read. */
int reply_detail(request_rec *r, int status, const char *detail);
/* The same for a failure, by its code. */
int reply_failure(request_rec *r, const struct error *error);
/* Answer 200 with OBJECT, which goes. */
int reply_object(request_rec *r, json_t *object);

#endif
