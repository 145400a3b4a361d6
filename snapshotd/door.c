/* SPDX-License-Identifier: Apache-2.0 */
/* The one Unix socket: opening it, and the thread that reads. */
#include "snapshotd/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/log.h"
#include "libreplica/base/thread.h"
#include "libreplica/store/file.h"
#include "libreplica/store/message_io.h"

#define BACKLOG 512
#define TICK    apr_time_from_sec(1)

/* Names that this system does not know are no users here. */
static void find_users(struct door *door, const char *names)
{
    char *list = apr_pstrdup(door->pool, names), *state = NULL;

    door->users = apr_array_make(door->pool, 4, sizeof(uid_t));
    for (const char *name = apr_strtok(list, " ", &state); name != NULL;
         name = apr_strtok(NULL, " ", &state)) {
        const struct passwd *user = getpwnam(name);

        if (user != NULL)
            APR_ARRAY_PUSH(door->users, uid_t) = user->pw_uid;
    }
}

static bool may_connect(const struct door *door, int socket)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);

    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return false;
    if (peer.uid == 0 || peer.uid == geteuid())
        return true;
    for (int i = 0; i < door->users->nelts; i++)
        if (APR_ARRAY_IDX(door->users, i, uid_t) == peer.uid)
            return true;
    log_write(LOG_LEVEL_WARNING,
              "socket: user %ld is not in REPLICA_SOCKET_USERS and may not connect",
              (long)peer.uid);
    return false;
}

/* Descriptors or memory are short: whoever connects waits until some are free again. */
static void pause_listening(struct door *door, int reason)
{
    log_write(LOG_LEVEL_ERROR,
              "socket: cannot accept a connection: %s; trying again in 1 s",
              strerror(reason));
    door->deaf_until = clock_now() + TICK;
}

static void accept_one(struct door *door)
{
    int fd = accept4(door->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct door_connection *connection;

    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            pause_listening(door, errno);
        return;
    }
    if (!may_connect(door, fd)) {
        close(fd);
        return;
    }
    connection = door_connection_create(door, fd);
    connection->next = door->connections;
    door->connections = connection;
    door->connection_count++;
}

/* One of several: listener, wake-up, connections in the order of the list. */
static int collect(struct pollfd *fds, const struct door *door)
{
    bool is_deaf =
        door->connection_count == DOOR_CONNECTIONS || clock_now() < door->deaf_until;
    int count = 2;

    fds[0] = (struct pollfd){door->wake_fd, POLLIN, 0};
    fds[1] = (struct pollfd){is_deaf ? -1 : door->listener, POLLIN, 0};
    for (struct door_connection *it = door->connections; it != NULL; it = it->next)
        fds[count++] = (struct pollfd){it->socket, door_connection_events(it), 0};
    return count;
}

static void drop(struct door *door, struct door_connection **link)
{
    struct door_connection *gone = *link;

    *link = gone->next;
    door->connection_count--;
    atomic_store(&gone->is_closed, true);
    door_connection_release(gone);
}

static bool serve_one(struct door_connection *connection, short events)
{
    return ((events & POLLOUT) == 0 || door_connection_flush(connection)) &&
           ((events & ~POLLOUT) == 0 || door_connection_read(connection));
}

static void serve(struct door *door, const struct pollfd *fds)
{
    struct door_connection **link = &door->connections;

    for (const struct pollfd *fd = fds + 2; *link != NULL; fd++) {
        struct door_connection *connection = *link;

        if (serve_one(connection, fd->revents))
            link = &connection->next;
        else
            drop(door, link);
    }
    if (fds[1].revents != 0)
        accept_one(door);
}

/* About once a second. Returns when the next time is. */
static apr_time_t tick(struct door *door, apr_time_t next)
{
    struct door_connection **link = &door->connections;
    apr_time_t now = clock_now();

    if (now < next)
        return next;
    while (*link != NULL)
        if (door_connection_tick(*link, now))
            link = &(*link)->next;
        else
            drop(door, link);
    return now + TICK;
}

static void *read_requests(void *baton)
{
    struct door *door = baton;
    struct pollfd *fds = calloc(DOOR_CONNECTIONS + 2, sizeof(*fds));
    apr_time_t next_tick = 0;

    while (fds != NULL && !door->stop) {
        uint64_t count;
        int number = collect(fds, door);

        if (poll(fds, (nfds_t)number, (int)(TICK / 1000)) > 0)
            serve(door, fds);
        next_tick = tick(door, next_tick);
        if (fds[0].revents != 0 && read(door->wake_fd, &count, sizeof(count)) < 0)
            break;
    }
    free(fds);
    return NULL;
}

/* A socket that an earlier process left goes; one of a process that lives does not. */
static bool is_answered(const struct sockaddr_un *address)
{
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered;

    if (probe < 0)
        return false;
    answered = connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0;
    close(probe);
    return answered;
}

static bool listen_at(struct door *door, struct error *error)
{
    const char *slash = strrchr(door->path, '/');
    struct sockaddr_un address;

    if (!message_address(&address, door->path, error))
        return false;
    if (slash > door->path &&
        !file_make_directory(
            apr_pstrmemdup(door->pool, door->path, (size_t)(slash - door->path)), 0755,
            door->pool, error))
        return false;
    if (is_answered(&address))
        return error_set(error, ERROR_BUSY, "somebody answers at %s already", door->path);
    unlink(door->path);
    door->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (door->listener < 0 ||
        bind(door->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        /* Whoever connects is looked at. */
        chmod(door->path, 0666) != 0 || listen(door->listener, BACKLOG) != 0)
        return error_set_errno(error, errno, "cannot listen at %s", door->path);
    return true;
}

static void free_door(struct door *door)
{
    if (door->listener >= 0)
        close(door->listener);
    if (door->wake_fd >= 0)
        close(door->wake_fd);
    apr_pool_destroy(door->pool);
}

static void stop(struct door *door)
{
    pthread_mutex_lock(&door->mutex);
    door->stop = 1;
    pthread_mutex_unlock(&door->mutex);
}

static bool start_threads(struct door *door, struct error *error)
{
    if (!commit_waiter_start(door, error))
        return false;
    if (thread_start(&door->reader, read_requests, door, error))
        return true;
    stop(door);
    commit_waiter_stop(door);
    return false;
}

bool door_open(struct door **door, const char *confdir, const char *user,
               const struct settings *server, struct error *error)
{
    struct door *opened;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    opened = apr_pcalloc(pool, sizeof(*opened));
    opened->pool = pool;
    opened->confdir = confdir;
    opened->user = user;
    opened->path = apr_pstrdup(pool, settings_text(server, SETTING_SOCKET));
    opened->last = &opened->first;
    opened->last_queue = &opened->first_queue;
    opened->queues = apr_hash_make(pool);
    opened->views = apr_hash_make(pool);
    opened->replays =
        replays_create(settings_text(server, SETTING_SERVER_SPOOL_DIR), pool);
    opened->listener = -1;
    pthread_mutex_init(&opened->mutex, NULL);
    pthread_cond_init(&opened->work_came, NULL);
    pthread_cond_init(&opened->lock_missed, NULL);
    find_users(opened, settings_text(server, SETTING_SOCKET_USERS));
    opened->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!listen_at(opened, error) || !start_threads(opened, error)) {
        free_door(opened);
        return false;
    }
    *door = opened;
    /* What is uploaded can wait to expire. */
    if (!housekeeping_start(opened, error))
        log_write(LOG_LEVEL_ERROR, "nothing expires: %s", error->message);
    return true;
}

void door_wake(struct door *door)
{
    uint64_t one = 1;

    if (write(door->wake_fd, &one, sizeof(one)) != sizeof(one))
        log_write(LOG_LEVEL_ERROR, "cannot wake the thread that reads requests");
}

void door_close(struct door *door)
{
    stop(door);
    housekeeping_stop(door);
    door_wake(door);
    pthread_join(door->reader, NULL);
    unlink(door->path);
    commit_waiter_stop(door);
    door_stop_threads(door);
    while (door->connections != NULL)
        drop(door, &door->connections);
    door_views_close(door);
    housekeeping_free(door);
    free_door(door);
}
