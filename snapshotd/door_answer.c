/* SPDX-License-Identifier: Apache-2.0 */
/* Answers. */
#include "snapshotd/door_internal.h"

#include <sys/socket.h>

#include "libreplica/base/log.h"
#include "libreplica/store/message_io.h"

/* Whoever asked reads at once, or is not worth waiting for. */
#define PATIENCE apr_time_from_sec(10)

static void send_answer(struct door_job *job, enum message_type type,
                        const struct message_answer *answer, int fd)
{
    struct door_connection *connection = job->connection;
    struct message_header header = {.type = (uint16_t)type,
                                    .request = job->header.request};
    struct text body = message_answer_encode(answer, job->pool);
    struct error error;

    pthread_mutex_lock(&connection->sending);
    if (!message_send(connection->socket, &header, body, fd, apr_time_now() + PATIENCE,
                      &error)) {
        /* The thread that reads finds it ended. */
        atomic_store(&connection->is_closed, true);
        shutdown(connection->socket, SHUT_RDWR);
    }
    pthread_mutex_unlock(&connection->sending);
}

static void end(struct door_job *job)
{
    struct door_connection *connection = job->connection;

    pthread_mutex_lock(&connection->mutex);
    connection->jobs--;
    pthread_mutex_unlock(&connection->mutex);
    apr_pool_destroy(job->pool);
    door_connection_release(connection);
}

void door_progress(struct door_job *job, const struct message_answer *answer)
{
    send_answer(job, MESSAGE_PROGRESS, answer, -1);
}

static void end_own(struct door_job *job, const struct error *error)
{
    job->end(job->end_baton, job, error);
    apr_pool_destroy(job->pool);
}

void door_done(struct door_job *job, const struct message_answer *answer, int fd)
{
    if (job->connection == NULL) {
        end_own(job, NULL);
        return;
    }
    send_answer(job, MESSAGE_DONE, answer, fd);
    end(job);
}

void door_fail(struct door_job *job, const struct error *error)
{
    struct message_answer answer = {.error = error_code_name(error->code),
                                    .reason = error->message};

    if (job->connection == NULL) {
        end_own(job, error);
        return;
    }
    send_answer(job, MESSAGE_FAILED, &answer, -1);
    end(job);
}

void door_fail_inside(struct door_job *job, struct error *error)
{
    if (error->code == ERROR_PERMISSION || error->code == ERROR_BAD_SIGNATURE)
        error->code = ERROR_IO;
    if (error->code == ERROR_IO && job->connection != NULL)
        log_write(LOG_LEVEL_ERROR, "socket: repository=%s %s",
                  job->request.repository != NULL ? job->request.repository : "-",
                  error->message);
    door_fail(job, error);
}
