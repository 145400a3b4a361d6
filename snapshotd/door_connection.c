/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the socket: its messages, taken in piece by piece. */
#include "snapshotd/door_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/log.h"
#include "snapshotd/upload.h"

struct door_connection *door_connection_create(struct door *door, int socket)
{
    struct door_connection *made = calloc(1, sizeof(*made));

    if (made == NULL) {
        fputs("snapshotd: no memory for a connection\n", stderr);
        abort();
    }
    made->door = door;
    made->socket = socket;
    made->references = 1;
    made->last_outgoing = &made->first_outgoing;
    pthread_mutex_init(&made->mutex, NULL);
    return made;
}

void door_connection_release(struct door_connection *connection)
{
    bool is_last;

    pthread_mutex_lock(&connection->mutex);
    is_last = --connection->references == 0;
    pthread_mutex_unlock(&connection->mutex);
    if (!is_last)
        return;
    while (connection->uploads != NULL)
        upload_discard(upload_take(connection, connection->uploads->id));
    if (connection->incoming != NULL)
        apr_pool_destroy(connection->incoming->pool);
    door_connection_drop_outgoing(connection);
    close(connection->socket);
    pthread_mutex_destroy(&connection->mutex);
    free(connection->last_mac);
    free(connection);
}

/* The header is complete: make room for the body. */
static bool begin_job(struct door_connection *connection)
{
    struct message_header header;
    struct door_job *job;
    struct error error;
    apr_pool_t *pool;

    if (!message_header_decode(&header, connection->head, &error)) {
        log_write(LOG_LEVEL_WARNING, "socket: %s", error.message);
        return false;
    }
    apr_pool_create(&pool, NULL);
    job = apr_pcalloc(pool, sizeof(*job));
    job->pool = pool;
    job->header = header;
    job->door = connection->door;
    job->connection = connection;
    job->body = apr_palloc(pool, header.length + 1);
    job->begun = clock_now();
    job->deadline =
        job->begun +
        (header.deadline_ms == 0 ? DOOR_LONGEST : (apr_time_t)header.deadline_ms * 1000);
    connection->incoming = job;
    return true;
}

static void submit(struct door_connection *connection)
{
    struct door_job *job = connection->incoming;

    connection->incoming = NULL;
    connection->received = 0;
    pthread_mutex_lock(&connection->mutex);
    connection->references++;
    connection->job_count++;
    job->sibling = connection->jobs;
    connection->jobs = job;
    pthread_mutex_unlock(&connection->mutex);
    door_submit(connection->door, job);
}

/* Where the next bytes go, and how many are wanted. */
static char *place(struct door_connection *connection, size_t *wanted)
{
    if (connection->incoming == NULL) {
        *wanted = MESSAGE_HEADER_SIZE - connection->received;
        return (char *)connection->head + connection->received;
    }
    *wanted =
        MESSAGE_HEADER_SIZE + connection->incoming->header.length - connection->received;
    return connection->incoming->body + connection->received - MESSAGE_HEADER_SIZE;
}

bool door_connection_read(struct door_connection *connection)
{
    for (;;) {
        size_t wanted;
        char *to = place(connection, &wanted);
        /* Descriptors that come along are closed by the kernel: there is no room. */
        ssize_t count = wanted == 0 ? 0 : recv(connection->socket, to, wanted, 0);

        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        if (count == 0 && wanted > 0)
            return false;
        connection->received += (size_t)count;
        if ((size_t)count < wanted)
            continue;
        if (connection->incoming == NULL) {
            if (!begin_job(connection))
                return false;
            continue;
        }
        submit(connection);
        return true;
    }
}
