/* SPDX-License-Identifier: Apache-2.0 */
/* A line of a given length: a TCP relay on loopback that delays every byte.
 *
 *   delay_relay PORT TARGET-PORT ROUND-TRIP-MILLISECONDS
 *
 * Listens on 127.0.0.1:PORT and passes everything to 127.0.0.1:TARGET-PORT and back, each
 * way after half of the round-trip time. Bandwidth is not limited, but as on a real line
 * a connection has so much under way at most (WINDOW), and a new one waits a round trip
 * for its handshake. One thread; ends when its standard input does. Not part of the
 * product: it makes distance in tests and benches. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define WINDOW          (4 * 1024 * 1024)
#define PART_SIZE       (64 * 1024)

/* Bytes that were read together and are due together. */
struct part {
    struct part *next;
    int64_t due; /* microseconds */
    size_t length, written;
    char bytes[]; /* none: the end of the stream */
};

/* One direction of a connection. */
struct pipe {
    int from, to;
    struct part *first, **last;
    size_t held; /* bytes under way */
    bool has_ended, is_done;
};

struct connection {
    struct pipe pipes[2];
    int64_t open_at; /* when the handshake is over */
};

static struct connection *connections[CONNECTIONS_MAX];
static int count;
static int64_t one_way; /* microseconds */

static void die(const char *what)
{
    fprintf(stderr, "delay_relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void prepare(int fd)
{
    int one = 1;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void pipe_init(struct pipe *pipe, int from, int to)
{
    *pipe = (struct pipe){.from = from, .to = to};
    pipe->last = &pipe->first;
}

static void take_connection(int listener, int target_port)
{
    struct sockaddr_in target = loopback(target_port);
    struct connection *connection;
    int near = accept(listener, NULL, NULL), far;

    if (near < 0)
        return;
    far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (count == CONNECTIONS_MAX || far < 0 ||
        connect(far, (struct sockaddr *)&target, sizeof(target)) != 0) {
        close(near);
        if (far >= 0)
            close(far);
        return;
    }
    prepare(near);
    prepare(far);
    connection = calloc(1, sizeof(*connection));
    if (connection == NULL)
        die("calloc");
    pipe_init(&connection->pipes[0], near, far);
    pipe_init(&connection->pipes[1], far, near);
    connection->open_at = now() + 2 * one_way;
    connections[count++] = connection;
}

static void take_bytes(struct connection *connection, struct pipe *pipe)
{
    struct part *part = malloc(sizeof(*part) + PART_SIZE);
    int64_t sent = now();
    ssize_t length;

    if (part == NULL)
        die("malloc");
    length = read(pipe->from, part->bytes, PART_SIZE);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        free(part);
        return;
    }
    pipe->has_ended = length <= 0;
    if (sent < connection->open_at)
        sent = connection->open_at;
    *part =
        (struct part){.due = sent + one_way, .length = length > 0 ? (size_t)length : 0};
    part = realloc(part, sizeof(*part) + part->length);
    pipe->held += part->length;
    *pipe->last = part;
    pipe->last = &part->next;
}

/* Write what is due. False: the connection is broken. */
static bool give_bytes(struct pipe *pipe, int64_t time)
{
    struct part *part;

    while ((part = pipe->first) != NULL && part->due <= time) {
        ssize_t length =
            write(pipe->to, part->bytes + part->written, part->length - part->written);

        if (length < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (length < 0)
            return false;
        part->written += (size_t)length;
        pipe->held -= (size_t)length;
        if (part->written < part->length)
            continue;
        if (part->length == 0) {
            shutdown(pipe->to, SHUT_WR);
            pipe->is_done = true;
        }
        pipe->first = part->next;
        if (pipe->first == NULL)
            pipe->last = &pipe->first;
        free(part);
    }
    return true;
}

static void drop(int index)
{
    struct connection *connection = connections[index];

    for (int i = 0; i < 2; i++)
        for (struct part *part = connection->pipes[i].first, *next; part != NULL;
             part = next) {
            next = part->next;
            free(part);
        }
    close(connection->pipes[0].from);
    close(connection->pipes[1].from);
    free(connection);
    connections[index] = connections[--count];
}

/* What to wait for; *due is lowered to the time of the next byte. */
static void plan(struct pipe *pipe, struct pollfd *from, struct pollfd *to, int64_t time,
                 int64_t *due)
{
    if (!pipe->has_ended && pipe->held < WINDOW)
        from->events |= POLLIN;
    if (pipe->first == NULL)
        return;
    if (pipe->first->due <= time)
        to->events |= POLLOUT;
    else if (pipe->first->due < *due)
        *due = pipe->first->due;
}

static void wait_for_events(struct pollfd *polls, int listener)
{
    int64_t time = now(), due = time + 1000000;
    struct timespec timeout;

    polls[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (int i = 0; i < count; i++) {
        struct pollfd *near = &polls[2 + 2 * i], *far = near + 1;

        *near = (struct pollfd){.fd = connections[i]->pipes[0].from};
        *far = (struct pollfd){.fd = connections[i]->pipes[1].from};
        plan(&connections[i]->pipes[0], near, far, time, &due);
        plan(&connections[i]->pipes[1], far, near, time, &due);
        /* A stream that has ended reports it over and over. */
        if (near->events == 0)
            near->fd = -1;
        if (far->events == 0)
            far->fd = -1;
    }
    timeout.tv_sec = (due - time) / 1000000;
    timeout.tv_nsec = (due - time) % 1000000 * 1000;
    if (ppoll(polls, (nfds_t)(2 + 2 * count), &timeout, NULL) < 0 && errno != EINTR)
        die("ppoll");
}

static void serve(struct pollfd *polls, int listener, int target_port)
{
    int64_t time = now();

    /* From the end: drop() moves the last one, which was served, into the gap. */
    for (int i = count - 1; i >= 0; i--) {
        struct connection *connection = connections[i];
        bool ok = true;

        for (int j = 0; j < 2; j++) {
            struct pipe *pipe = &connection->pipes[j];

            if (polls[2 + 2 * i + j].revents & (POLLIN | POLLHUP | POLLERR) &&
                !pipe->has_ended)
                take_bytes(connection, pipe);
            ok = ok && give_bytes(pipe, time);
        }
        if (!ok || (connection->pipes[0].is_done && connection->pipes[1].is_done))
            drop(i);
    }
    if (polls[1].revents & POLLIN)
        take_connection(listener, target_port);
}

int main(int argc, char **argv)
{
    static struct pollfd polls[2 + 2 * CONNECTIONS_MAX];
    struct sockaddr_in address;
    int listener, one = 1;

    if (argc != 4) {
        fprintf(stderr, "usage: delay_relay PORT TARGET-PORT ROUND-TRIP-MILLISECONDS\n");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    address = loopback(atoi(argv[1]));
    one_way = (int64_t)atoi(argv[3]) * 500;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, CONNECTIONS_MAX) != 0)
        die("cannot listen");
    for (;;) {
        char end;

        wait_for_events(polls, listener);
        if (polls[0].revents != 0 && read(STDIN_FILENO, &end, 1) <= 0)
            return 0;
        serve(polls, listener, atoi(argv[2]));
    }
}
