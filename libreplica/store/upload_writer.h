/* SPDX-License-Identifier: Apache-2.0 */
/* The content of an upload while it is received: cut into chunks as the publisher cuts
 * files, compressed, hashed, and written to descriptors that somebody else gives. */
#ifndef REPLICA_STORE_UPLOAD_WRITER_H
#define REPLICA_STORE_UPLOAD_WRITER_H

#include "libreplica/format/compress.h"
#include "libreplica/format/hash.h"

/* How the content is stored; sizes in bytes. */
struct upload_form {
    bool is_raw; /* as it comes, and without a hash: somebody else makes objects of it */
    enum hash_algorithm algorithm;
    enum compression compression;
    enum compressor_kind compressor;
    bool cuts_files;
    int64_t minimum_chunk;
    int64_t average_chunk;
    int64_t maximum_chunk;
};

/* A piece that is complete: a chunk, or all of the content. */
struct upload_piece {
    int64_t size;   /* of the content */
    int64_t stored; /* of its file */
    struct hash hash;
    bool is_whole;
};

/* Takes a piece that is complete and gives the descriptor for the next one, which becomes
 * the writer's. */
typedef bool upload_next(void *baton, int *fd, const struct upload_piece *piece,
                         struct error *error);

/* About 700 KiB. One thread. */
struct upload_writer;

/* FD is of the first piece and becomes the writer's; POOL closes it. False: ERROR_SETTING
 * (sizes of chunks). */
bool upload_writer_create(struct upload_writer **writer, const struct upload_form *form,
                          int fd, upload_next *next, void *baton, apr_pool_t *pool,
                          struct error *error);

/* Large writes cost least. False: ERROR_NO_SPACE, ERROR_IO, or what NEXT reports. */
bool upload_writer_write(struct upload_writer *writer, const void *bytes, size_t length,
                         struct error *error);

/* The end of the content. *last is its last piece, which NEXT was not told of. */
bool upload_writer_finish(struct upload_writer *writer, struct upload_piece *last,
                          struct error *error);

/* Bytes of content so far. */
int64_t upload_writer_size(const struct upload_writer *writer);

#endif
