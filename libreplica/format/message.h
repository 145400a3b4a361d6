/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on snapshotd's socket: a header of fixed size and a body of JSON. Pure.
 * Source: docs/socket.md. */
#ifndef REPLICA_FORMAT_MESSAGE_H
#define REPLICA_FORMAT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/hash.h"

#define MESSAGE_VERSION     1
#define MESSAGE_HEADER_SIZE 16
#define MESSAGE_BODY_MAX    (256 * 1024)

enum message_type {
    MESSAGE_UPLOAD_CHECK = 1, /* may somebody upload to this repository at all? */
    MESSAGE_UPLOAD_BEGIN,     /* answered with the descriptor of a new file */
    MESSAGE_UPLOAD_NEXT,      /* a piece is complete: the next one's descriptor */
    MESSAGE_UPLOAD_FINISH,    /* the last piece is complete: publish */
    MESSAGE_LOOK,             /* what is at a path; the chunks of a file */
    MESSAGE_LIST,             /* the regular files in a directory */
    MESSAGE_REMOVE,           /* publish without this file */
    MESSAGE_SET_TTL,          /* when does this file expire? */
    MESSAGE_CLEAN,            /* remove what has expired */
    MESSAGE_NOTIFY,           /* the present revision is an event once more */
    MESSAGE_COLLECT,          /* collect the garbage of all repositories */
    MESSAGE_HOUSEKEEPING,     /* remove what has expired in all of them, and collect */
    MESSAGE_RESIGN,           /* sign the whitelists of all of them anew */
    MESSAGE_REQUEST_END,

    MESSAGE_PROGRESS = 256, /* any number before the final one */
    MESSAGE_DONE,
    MESSAGE_FAILED
};

struct message_header {
    uint32_t length; /* bytes of the body */
    uint16_t version;
    uint16_t type;
    uint32_t request;     /* chosen by who asks, and in all answers */
    uint32_t deadline_ms; /* how long an answer is of use; 0: for ever */
};

/* What a request says; a field that means nothing to its type is NULL, 0 or false. */
struct message_request {
    const char *repository; /* local name */
    const char *path;       /* absolute within the repository */
    const char *token;      /* what access knows as a credential */
    const char *key;
    const char *mac;
    const char *date;
    const char *method;
    const char *target;
    int64_t size; /* bytes of the file at least */
    bool overwrites;
    bool unpacks; /* the file is an archive; what it holds is published */
    int64_t ttl_seconds;
    int64_t upload;      /* as UPLOAD_BEGIN was answered */
    int64_t piece_size;  /* of the content in the piece that is complete */
    int64_t stored_size; /* of the file it has become */
    const char *hash;    /* of that file */
    bool is_whole;       /* it is all of the content: no chunk */
};

struct message_chunk {
    int64_t offset;
    int64_t size;
    struct hash hash;
};

struct message_answer {
    const char *error; /* of MESSAGE_FAILED: a word of error_code_name */
    const char *reason;
    int64_t upload;
    const char *algorithm;
    const char *compression;
    const char *compressor;
    bool cuts_files;
    int64_t minimum_chunk;
    int64_t average_chunk;
    int64_t maximum_chunk;
    int64_t limit;      /* most bytes of a file */
    int64_t expires_at; /* microseconds since 1970 */
    int64_t revision;
    int64_t count; /* of files, or of repositories */
    int64_t size;
    int64_t mtime_seconds;
    const char *hash;           /* of a whole object; NULL if there are chunks */
    apr_array_header_t *names;  /* const char *, or NULL */
    apr_array_header_t *trees;  /* const char *, or NULL */
    apr_array_header_t *chunks; /* struct message_chunk, or NULL */
};

void message_header_encode(unsigned char bytes[MESSAGE_HEADER_SIZE],
                           const struct message_header *header);
/* False: ERROR_BAD_FORMAT (a body that is too long), ERROR_UNSUPPORTED (a version). */
bool message_header_decode(struct message_header *header,
                           const unsigned char bytes[MESSAGE_HEADER_SIZE],
                           struct error *error);

/* The body, JSON of one line. Names that are not UTF-8 are left out of lists. */
struct text message_request_encode(const struct message_request *request,
                                   apr_pool_t *pool);
struct text message_answer_encode(const struct message_answer *answer, apr_pool_t *pool);

/* POOL owns the strings. Members that are not known are passed over. False:
 * ERROR_BAD_FORMAT. */
bool message_request_decode(struct message_request *request, struct text body,
                            apr_pool_t *pool, struct error *error);
bool message_answer_decode(struct message_answer *answer, struct text body,
                           apr_pool_t *pool, struct error *error);

#endif
