/* SPDX-License-Identifier: Apache-2.0 */
/* Asking snapshotd. */
#include "libreplica/store/daemon_call.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libreplica/store/message_io.h"

/* Beyond what the daemon was told it may take, for it to say so. */
#define GRACE apr_time_from_sec(2)

struct daemon_connection {
    int socket;
    uint32_t requests;
    apr_pool_t *pool;
};

static apr_status_t close_socket(void *baton)
{
    struct daemon_connection *connection = baton;

    close(connection->socket);
    return APR_SUCCESS;
}

bool daemon_connect(struct daemon_connection **connection, const char *path,
                    apr_pool_t *pool, struct error *error)
{
    struct daemon_connection *made = apr_pcalloc(pool, sizeof(*made));
    struct sockaddr_un address;

    if (!message_address(&address, path, error))
        return false;
    made->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made->socket < 0)
        return error_set_errno(error, errno, "cannot make a socket");
    if (connect(made->socket, (struct sockaddr *)&address, sizeof(address)) != 0) {
        error_set(error, ERROR_UNREACHABLE, "cannot reach snapshotd at %s: %s", path,
                  strerror(errno));
        close(made->socket);
        return false;
    }
    made->pool = pool;
    apr_pool_cleanup_register(pool, made, close_socket, apr_pool_cleanup_null);
    *connection = made;
    return true;
}

void daemon_disconnect(struct daemon_connection *connection)
{
    apr_pool_cleanup_run(connection->pool, connection, close_socket);
}

static bool take_failure(const struct message_answer *answer, struct error *error)
{
    const char *reason = answer->reason != NULL ? answer->reason : "it did not say why";

    return error_set(error,
                     answer->error != NULL ? error_code_parse(answer->error) : ERROR_IO,
                     "%s", reason);
}

/* One message. *is_final says whether the call is over. */
static bool take(struct message_answer *answer, int *fd, bool *is_final,
                 const struct daemon_connection *connection, apr_time_t deadline,
                 apr_pool_t *pool, struct error *error)
{
    struct message_header header;
    struct text body;
    int passed;

    if (!message_receive(&header, &body, &passed, connection->socket, deadline, pool,
                         error))
        return false;
    if (passed >= 0 && (fd == NULL || *fd >= 0))
        close(passed);
    else if (passed >= 0)
        *fd = passed;
    /* What comes late, of a call that was given up, is passed over. */
    *is_final = header.request == connection->requests && header.type != MESSAGE_PROGRESS;
    if (!message_answer_decode(answer, body, pool, error))
        return false;
    return !*is_final || header.type == MESSAGE_DONE || take_failure(answer, error);
}

static apr_time_t next_deadline(const struct daemon_patience *patience, apr_time_t last)
{
    apr_time_t next = apr_time_now() + patience->silence + GRACE;

    return next < last ? next : last;
}

bool daemon_ask(struct message_answer *answer, int *fd,
                struct daemon_connection *connection, enum message_type type,
                const struct message_request *request,
                const struct daemon_patience *patience, daemon_progress *progress,
                void *baton, apr_pool_t *pool, struct error *error)
{
    struct message_header header = {.type = (uint16_t)type,
                                    .request = ++connection->requests,
                                    .deadline_ms = (uint32_t)(patience->in_all / 1000)};
    apr_time_t last = apr_time_now() + patience->in_all + GRACE;
    apr_time_t deadline = next_deadline(patience, last);
    bool is_final = false, ok;

    if (fd != NULL)
        *fd = -1;
    ok = message_send(connection->socket, &header, message_request_encode(request, pool),
                      -1, deadline, error);
    while (ok && !is_final) {
        ok = take(answer, fd, &is_final, connection, deadline, pool, error);
        deadline = next_deadline(patience, last);
        if (ok && !is_final && progress != NULL)
            ok = progress(baton, answer, error);
    }
    if (!ok && fd != NULL && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return ok;
}
