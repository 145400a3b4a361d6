/* SPDX-License-Identifier: Apache-2.0 */
/* Messages over a Unix socket. */
#include "libreplica/store/message_io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Room for one descriptor. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

bool message_address(struct sockaddr_un *address, const char *path, struct error *error)
{
    size_t length = strlen(path);

    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    if (length >= sizeof(address->sun_path))
        return error_set(error, ERROR_SETTING,
                         "REPLICA_SOCKET: a path of more than %d bytes: %.60s...",
                         (int)sizeof(address->sun_path) - 1, path);
    memcpy(address->sun_path, path, length);
    return true;
}

static bool wait_for(int socket, short events, apr_time_t deadline, struct error *error)
{
    struct pollfd wanted = {socket, events, 0};
    int ready;

    do {
        apr_time_t left = deadline - apr_time_now();

        ready = left <= 0 ? 0 : poll(&wanted, 1, (int)(left / 1000) + 1);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 ||
           error_set(error, ERROR_UNREACHABLE, "snapshotd did not answer in time");
}

static bool is_retried(int number)
{
    return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

static bool is_gone(struct error *error)
{
    return error_set(error, ERROR_UNREACHABLE, "the connection to snapshotd has ended");
}

static void attach(struct msghdr *message, union control *control, int passed)
{
    struct cmsghdr *part;

    message->msg_control = control->bytes;
    message->msg_controllen = sizeof(control->bytes);
    part = CMSG_FIRSTHDR(message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(part), &passed, sizeof(passed));
}

bool message_send(int socket, struct message_header *header, struct text body, int passed,
                  apr_time_t deadline, struct error *error)
{
    unsigned char head[MESSAGE_HEADER_SIZE];
    struct iovec parts[2] = {{head, sizeof(head)}, {(void *)body.bytes, body.length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    union control control = {.bytes = {0}};

    if (body.length > MESSAGE_BODY_MAX)
        return error_set(error, ERROR_TOO_LARGE, "a message would be too long");
    header->version = MESSAGE_VERSION;
    header->length = (uint32_t)body.length;
    message_header_encode(head, header);
    if (passed >= 0)
        attach(&message, &control, passed);
    while (parts[0].iov_len + parts[1].iov_len > 0) {
        ssize_t count = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (count < 0 && !is_retried(errno))
            return is_gone(error);
        if (count < 0 && !wait_for(socket, POLLOUT, deadline, error))
            return false;
        if (count <= 0)
            continue;
        /* The descriptor went with the first byte. */
        message.msg_control = NULL;
        message.msg_controllen = 0;
        for (int i = 0; i < 2; i++) {
            size_t sent =
                (size_t)count < parts[i].iov_len ? (size_t)count : parts[i].iov_len;

            parts[i].iov_base = (char *)parts[i].iov_base + sent;
            parts[i].iov_len -= sent;
            count -= (ssize_t)sent;
        }
    }
    return true;
}

bool message_send_some(size_t *sent, int socket, struct text bytes, int passed,
                       struct error *error)
{
    struct iovec part = {(void *)bytes.bytes, bytes.length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union control control = {.bytes = {0}};
    ssize_t count;

    if (passed >= 0)
        attach(&message, &control, passed);
    count = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    *sent = count > 0 ? (size_t)count : 0;
    return count >= 0 || is_retried(errno) || is_gone(error);
}

static void take_descriptor(int *passed, struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS &&
            part->cmsg_len == CMSG_LEN(sizeof(int))) {
            if (*passed >= 0)
                close(*passed);
            memcpy(passed, CMSG_DATA(part), sizeof(*passed));
        }
}

static bool receive_bytes(void *bytes, size_t length, int *passed, int socket,
                          apr_time_t deadline, struct error *error)
{
    char *next = bytes;

    while (length > 0) {
        struct iovec part = {next, length};
        union control control;
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};
        ssize_t count;

        if (!wait_for(socket, POLLIN, deadline, error))
            return false;
        count = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (count == 0 || (count < 0 && !is_retried(errno)))
            return is_gone(error);
        if (count < 0)
            continue;
        take_descriptor(passed, &message);
        next += count;
        length -= (size_t)count;
    }
    return true;
}

static bool receive(struct message_header *header, struct text *body, int *passed,
                    int socket, apr_time_t deadline, apr_pool_t *pool,
                    struct error *error)
{
    unsigned char head[MESSAGE_HEADER_SIZE];
    char *bytes;

    if (!receive_bytes(head, sizeof(head), passed, socket, deadline, error) ||
        !message_header_decode(header, head, error))
        return false;
    bytes = apr_palloc(pool, header->length + 1);
    *body = (struct text){bytes, header->length};
    return receive_bytes(bytes, header->length, passed, socket, deadline, error);
}

bool message_receive(struct message_header *header, struct text *body, int *passed,
                     int socket, apr_time_t deadline, apr_pool_t *pool,
                     struct error *error)
{
    *passed = -1;
    if (receive(header, body, passed, socket, deadline, pool, error))
        return true;
    if (*passed >= 0)
        close(*passed);
    *passed = -1;
    return false;
}
