/* SPDX-License-Identifier: Apache-2.0 */
/* upload_floor PORT FOLDER none|zlib zlib|isal: take in PUT requests, each on a thread of
 * its own, and only read, compress, hash and write their bodies: what an upload cannot do
 * without. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <apr_general.h>

#include "libreplica/format/compress.h"
#include "libreplica/format/hash.h"

#define BUFFER_SIZE (256 * 1024)
#define HEAD_SIZE   (16 * 1024)

static const char *folder;
static enum compression compression;
static enum compressor_kind kind;

static void die(const char *what)
{
    fprintf(stderr, "upload_floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

struct upload {
    struct hasher *hasher;
    int file;
};

static bool keep(void *baton, const void *bytes, size_t length, struct error *error)
{
    struct upload *upload = baton;
    const char *next = bytes;

    hasher_update(upload->hasher, bytes, length);
    while (length > 0) {
        ssize_t count = write(upload->file, next, length);

        if (count < 0)
            die("write");
        next += count;
        length -= (size_t)count;
    }
    return true;
}

/* Reads up to the end of the request's head; what of the body came with it stays in HEAD
 * from *body on. */
static long long read_head(int connection, char *head, size_t *body, size_t *filled)
{
    const char *end = NULL, *length;
    ssize_t count;

    *filled = 0;
    while (end == NULL) {
        count = read(connection, head + *filled, HEAD_SIZE - 1 - *filled);
        if (count <= 0)
            return -1;
        *filled += (size_t)count;
        head[*filled] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    *body = (size_t)(end + 4 - head);
    length = strstr(head, "Content-Length: ");
    return length == NULL ? -1 : atoll(length + 16);
}

static void take_in(int connection, struct compressor *compressor, struct upload *upload,
                    char *buffer)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}\n";
    char head[HEAD_SIZE];
    size_t body, filled;
    struct error error;
    struct hash hash;
    long long left = read_head(connection, head, &body, &filled);

    if (left < 0)
        return;
    upload->file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (upload->file < 0)
        die(folder);
    hasher_start(upload->hasher, HASH_SHA1);
    compressor_start(compressor, compression, keep, upload);
    compressor_write(compressor, head + body, filled - body, &error);
    left -= (long long)(filled - body);
    while (left > 0) {
        ssize_t count = recv(connection, buffer, BUFFER_SIZE, 0);

        if (count <= 0)
            return;
        compressor_write(compressor, buffer, (size_t)count, &error);
        left -= count;
    }
    compressor_finish(compressor, &error);
    hasher_finish(upload->hasher, &hash);
    close(upload->file);
    if (write(connection, reply, sizeof(reply) - 1) < 0)
        die("answer");
}

static void *serve(void *argument)
{
    int connection = *(int *)argument;
    struct upload upload;
    apr_pool_t *pool;

    free(argument);
    apr_pool_create(&pool, NULL);
    upload.hasher = hasher_create(pool);
    take_in(connection, compressor_create(kind, pool), &upload,
            apr_palloc(pool, BUFFER_SIZE));
    apr_pool_destroy(pool);
    close(connection);
    return NULL;
}

static int listen_at(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 64) != 0)
        die("listen");
    return listener;
}

int main(int argc, char **argv)
{
    int listener;

    if (argc != 5 || !compression_parse(&compression, argv[3]) ||
        !compressor_kind_parse(&kind, argv[4])) {
        fputs("upload_floor PORT FOLDER none|zlib zlib|isal\n", stderr);
        return 2;
    }
    apr_initialize();
    folder = argv[2];
    listener = listen_at(atoi(argv[1]));
    for (;;) {
        int *connection = malloc(sizeof(*connection));
        pthread_t thread;

        if (connection == NULL)
            die("memory");
        *connection = accept(listener, NULL, NULL);
        if (*connection < 0 || pthread_create(&thread, NULL, serve, connection) != 0)
            die("connection");
        pthread_detach(thread);
    }
}
