/* SPDX-License-Identifier: Apache-2.0 */
/* Answers. */
#include "snapshotd/door_internal.h"

#include "libreplica/base/log.h"

static void send_answer(struct door_job *job, enum message_type type,
                        const struct message_answer *answer, int fd)
{
    struct message_header header = {.type = (uint16_t)type,
                                    .request = job->header.request};

    door_connection_send(job->connection, &header,
                         message_answer_encode(answer, job->pool), fd);
}

/* Nothing is said of it after its answer. */
static void leave(struct door_job *job)
{
    struct door_connection *connection = job->connection;
    struct door_job **link;

    pthread_mutex_lock(&connection->mutex);
    for (link = &connection->jobs; *link != job; link = &(*link)->sibling)
        ;
    *link = job->sibling;
    pthread_mutex_unlock(&connection->mutex);
}

static void end(struct door_job *job, enum message_type type,
                const struct message_answer *answer, int fd)
{
    struct door_connection *connection = job->connection;
    bool was_full;

    leave(job);
    send_answer(job, type, answer, fd);
    pthread_mutex_lock(&connection->mutex);
    was_full = connection->job_count-- == DOOR_JOBS_MAX;
    pthread_mutex_unlock(&connection->mutex);
    if (was_full)
        door_wake(connection->door);
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
    end(job, MESSAGE_DONE, answer, fd);
}

void door_fail(struct door_job *job, const struct error *error)
{
    struct message_answer answer = {.error = error_code_name(error->code),
                                    .reason = error->message};

    if (job->connection == NULL) {
        end_own(job, error);
        return;
    }
    end(job, MESSAGE_FAILED, &answer, -1);
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
