/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out on a connection of the socket: whoever does not read holds up nobody. */
#include "snapshotd/door_internal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libreplica/base/clock.h"
#include "libreplica/store/message_io.h"

/* Whoever asked reads, or is not worth waiting for. */
#define PATIENCE apr_time_from_sec(10)
/* After so long a job says that it goes on, and then each time. */
#define SILENCE apr_time_from_sec(1)
/* Nothing more is read from who leaves so much unread. */
#define MUCH ((size_t)256 * 1024)
/* Names of three million files. */
#define OUTGOING_MAX ((size_t)64 * 1024 * 1024)

struct outgoing {
    struct outgoing *next;
    int fd; /* -1: none, or it is gone */
    size_t sent, length;
    char bytes[];
};

static struct outgoing *create(const struct message_header *header, struct text body,
                               int fd)
{
    struct message_header whole = *header;
    struct outgoing *made = malloc(sizeof(*made) + MESSAGE_HEADER_SIZE + body.length);

    if (made == NULL) {
        fputs("snapshotd: no memory for an answer\n", stderr);
        abort();
    }
    whole.version = MESSAGE_VERSION;
    whole.length = (uint32_t)body.length;
    made->next = NULL;
    made->fd = fd;
    made->sent = 0;
    made->length = MESSAGE_HEADER_SIZE + body.length;
    message_header_encode((unsigned char *)made->bytes, &whole);
    memcpy(made->bytes + MESSAGE_HEADER_SIZE, body.bytes, body.length);
    return made;
}

/* All of these with the mutex. */
static void drop_first(struct door_connection *connection)
{
    struct outgoing *first = connection->first_outgoing;

    connection->first_outgoing = first->next;
    if (first->next == NULL)
        connection->last_outgoing = &connection->first_outgoing;
    connection->outgoing_bytes -= first->length;
    if (first->fd >= 0)
        close(first->fd);
    free(first);
}

static bool send_first(struct door_connection *connection, bool *is_whole)
{
    struct outgoing *first = connection->first_outgoing;
    struct text rest = {first->bytes + first->sent, first->length - first->sent};
    struct error unused;
    size_t sent;

    if (!message_send_some(&sent, connection->socket, rest, first->fd, &unused))
        return false;
    if (sent > 0) {
        connection->taken = clock_now();
        if (first->fd >= 0)
            close(first->fd);
        first->fd = -1;
    }
    first->sent += sent;
    *is_whole = first->sent == first->length;
    return true;
}

static bool flush(struct door_connection *connection)
{
    bool is_whole = true;

    while (is_whole && connection->first_outgoing != NULL) {
        if (!send_first(connection, &is_whole))
            return false;
        if (is_whole)
            drop_first(connection);
    }
    return true;
}

/* The thread that reads finds it ended. */
static void give_up(struct door_connection *connection)
{
    atomic_store(&connection->is_closed, true);
    shutdown(connection->socket, SHUT_RDWR);
    while (connection->first_outgoing != NULL)
        drop_first(connection);
}

static void put(struct door_connection *connection, struct outgoing *added)
{
    bool is_first = connection->first_outgoing == NULL;

    *connection->last_outgoing = added;
    connection->last_outgoing = &added->next;
    connection->outgoing_bytes += added->length;
    if (is_first)
        connection->taken = clock_now();
    if ((is_first && !flush(connection)) || connection->outgoing_bytes > OUTGOING_MAX)
        give_up(connection);
}

void door_connection_send(struct door_connection *connection,
                          const struct message_header *header, struct text body, int fd)
{
    struct outgoing *added = create(header, body, fd);
    bool is_left;

    pthread_mutex_lock(&connection->mutex);
    put(connection, added);
    is_left = connection->first_outgoing != NULL;
    pthread_mutex_unlock(&connection->mutex);
    if (is_left)
        door_wake(connection->door);
}

bool door_connection_flush(struct door_connection *connection)
{
    bool ok;

    pthread_mutex_lock(&connection->mutex);
    ok = flush(connection);
    pthread_mutex_unlock(&connection->mutex);
    return ok;
}

static void say_that_we_live(struct door_connection *connection, apr_time_t now)
{
    for (struct door_job *job = connection->jobs; job != NULL; job = job->sibling) {
        struct message_header header = {.type = MESSAGE_PROGRESS,
                                        .request = job->header.request};

        if (now - job->begun >= SILENCE && !atomic_load(&connection->is_closed))
            put(connection, create(&header, text_of("{}"), -1));
    }
}

bool door_connection_tick(struct door_connection *connection, apr_time_t now)
{
    bool ok = true;

    pthread_mutex_lock(&connection->mutex);
    if (connection->first_outgoing != NULL)
        ok = now - connection->taken < PATIENCE;
    else
        say_that_we_live(connection, now);
    if (!ok)
        give_up(connection);
    pthread_mutex_unlock(&connection->mutex);
    return ok;
}

short door_connection_events(struct door_connection *connection)
{
    bool is_open, has_outgoing;

    pthread_mutex_lock(&connection->mutex);
    is_open = connection->job_count < DOOR_JOBS_MAX && connection->outgoing_bytes <= MUCH;
    has_outgoing = connection->first_outgoing != NULL;
    pthread_mutex_unlock(&connection->mutex);
    return (short)((is_open ? POLLIN : 0) | (has_outgoing ? POLLOUT : 0));
}

void door_connection_drop_outgoing(struct door_connection *connection)
{
    while (connection->first_outgoing != NULL)
        drop_first(connection);
}
