/* SPDX-License-Identifier: Apache-2.0 */
/* An origin that makes its objects up: a repository may have more than a disk holds.
 *
 *   object_generator PORT FOLDER COUNT
 *
 * The object whose name is the SHA-1 of a number below COUNT, in decimal, consists of
 * that number. Everything else is a file below FOLDER, which stands for
 * /cvmfs/<anything>/. One thread on 127.0.0.1; ends when its standard input does.
 * Requests are answered as they come, whole and in order; not part of the product, it
 * believes its clients. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUEST_SIZE 4096
#define EVENTS       64
#define DIGEST_SIZE  20
#define FREE_SLOT    UINT32_MAX

struct client {
    int fd;
    size_t used;
    char request[REQUEST_SIZE];
};

static uint32_t *slots; /* open addressing: numbers by the beginning of their digest */
static uint32_t mask;

static void die(const char *what)
{
    fprintf(stderr, "object_generator: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void digest_of(unsigned char digest[DIGEST_SIZE], uint32_t number)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%u", number);

    SHA1((unsigned char *)text, (size_t)length, digest);
}

static uint32_t first_slot(const unsigned char digest[DIGEST_SIZE])
{
    uint32_t start;

    memcpy(&start, digest, sizeof(start));
    return start & mask;
}

static void make_table(uint32_t count)
{
    for (mask = 1; mask < 2 * count; mask *= 2)
        ;
    slots = malloc(mask * sizeof(*slots));
    if (slots == NULL)
        die("malloc");
    memset(slots, 0xff, mask * sizeof(*slots));
    mask--;
    for (uint32_t number = 0; number < count; number++) {
        unsigned char digest[DIGEST_SIZE];
        uint32_t slot;

        digest_of(digest, number);
        for (slot = first_slot(digest); slots[slot] != FREE_SLOT;)
            slot = (slot + 1) & mask;
        slots[slot] = number;
    }
}

/* "data/xx/<38 digits>" */
static bool parse_name(unsigned char digest[DIGEST_SIZE], const char *path)
{
    char hex[2 * DIGEST_SIZE + 1];

    if (strlen(path) != 46 || strncmp(path, "data/", 5) != 0)
        return false;
    memcpy(hex, path + 5, 2);
    memcpy(hex + 2, path + 8, 38);
    for (int i = 0; i < DIGEST_SIZE; i++) {
        unsigned int byte;

        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        digest[i] = (unsigned char)byte;
    }
    return true;
}

static bool find_number(uint32_t *number, const char *path)
{
    unsigned char wanted[DIGEST_SIZE], digest[DIGEST_SIZE];

    if (!parse_name(wanted, path))
        return false;
    for (uint32_t slot = first_slot(wanted); slots[slot] != FREE_SLOT;
         slot = (slot + 1) & mask) {
        digest_of(digest, slots[slot]);
        if (memcmp(digest, wanted, DIGEST_SIZE) == 0) {
            *number = slots[slot];
            return true;
        }
    }
    return false;
}

/* Wait for a slow client: with so few of them that is as good as a queue. */
static bool send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = send(fd, bytes, length, 0);

        if (count < 0 && errno != EINTR)
            return false;
        bytes += count > 0 ? count : 0;
        length -= count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool send_file(int fd, const char *path, bool head)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    static char buffer[1 << 20];
    struct stat status;
    ssize_t count;
    bool ok;

    if (file < 0 || fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        static const char missing[] =
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

        if (file >= 0)
            close(file);
        return send_all(fd, missing, strlen(missing));
    }
    count = snprintf(buffer, sizeof(buffer),
                     "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\n\r\n",
                     (long long)status.st_size);
    ok = send_all(fd, buffer, (size_t)count);
    while (ok && !head && (count = read(file, buffer, sizeof(buffer))) > 0)
        ok = send_all(fd, buffer, (size_t)count);
    close(file);
    return ok;
}

/* Answer the request at START, which ends with an empty line. */
static bool answer(int fd, char *start)
{
    bool head = strncmp(start, "HEAD ", 5) == 0;
    char *path = strstr(start, "/cvmfs/"), answer[256], *end;
    uint32_t number;
    int length;

    path = path == NULL ? NULL : strchr(path + strlen("/cvmfs/"), '/');
    end = path == NULL ? NULL : strchr(path, ' ');
    if (end == NULL)
        return false;
    *end = '\0';
    path++;
    if (!find_number(&number, path))
        return send_file(fd, path, head);
    length = snprintf(answer, sizeof(answer), "%u", number);
    length = snprintf(answer, sizeof(answer),
                      "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%u", length, number);
    return send_all(fd, answer, (size_t)length);
}

/* False: the client is gone. */
static bool serve(struct client *client)
{
    ssize_t count = recv(client->fd, client->request + client->used,
                         sizeof(client->request) - 1 - client->used, MSG_DONTWAIT);
    char *end;

    if (count <= 0)
        return count < 0 && (errno == EAGAIN || errno == EINTR);
    client->used += (size_t)count;
    client->request[client->used] = '\0';
    while ((end = strstr(client->request, "\r\n\r\n")) != NULL) {
        size_t length = (size_t)(end + 4 - client->request);

        if (!answer(client->fd, client->request))
            return false;
        client->used -= length;
        memmove(client->request, end + 4, client->used + 1);
    }
    return client->used < sizeof(client->request) - 1;
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 512) != 0)
        die("cannot listen");
    return fd;
}

static void watch(int epoll, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void take_client(int epoll, int listener)
{
    struct client *client = calloc(1, sizeof(*client));
    int one = 1;

    if (client == NULL || (client->fd = accept(listener, NULL, NULL)) < 0) {
        free(client);
        return;
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    watch(epoll, client->fd, client);
}

int main(int argc, char **argv)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC), listener, input = STDIN_FILENO;
    struct epoll_event events[EVENTS];

    if (argc != 4) {
        fprintf(stderr, "usage: object_generator PORT FOLDER COUNT\n");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    make_table((uint32_t)atol(argv[3]));
    if (chdir(argv[2]) != 0)
        die(argv[2]);
    listener = listen_on(atoi(argv[1]));
    watch(epoll, listener, &listener);
    watch(epoll, STDIN_FILENO, &input);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;

            if (events[i].data.ptr == &input)
                return 0;
            if (events[i].data.ptr == &listener) {
                take_client(epoll, listener);
            } else if (!serve(client)) {
                close(client->fd);
                free(client);
            }
        }
    }
}
