/* SPDX-License-Identifier: Apache-2.0 */
/* When files expire: a table in a repository's spool.
 *
 * A record is written before the revision that it belongs to is published, so that no
 * crash loses it; and it counts only for the very content it was written for, so that one
 * that was not published, or was replaced, has no effect. */
#ifndef REPLICA_STORE_EXPIRY_H
#define REPLICA_STORE_EXPIRY_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/format/hash.h"

#define EXPIRY_FILE_NAME "expiry.sqlite"

struct expiry;

/* What a file is, as its catalog has it; or a directory, which goes with all that is in
 * it: that has EXPIRY_TREE for its size, and a null hash. */
#define EXPIRY_TREE (-1)
struct expiry_content {
    int64_t size;
    int64_t mtime_seconds;
    struct hash hash; /* of the object, or what expiry_hash_chunk made of the chunks */
};

/* Open the table in the directory SPOOL, which is made if it is not there. POOL closes
 * it. One thread at a time; several processes may have it open. */
bool expiry_open(struct expiry **expiry, const char *spool, apr_pool_t *pool,
                 struct error *error);

/* Extend the hash of a list of chunks, at first null, by the next one. */
void expiry_hash_chunk(struct hash *hash, const struct hash *chunk);

/* Around what belongs together; durable when end returns true. */
bool expiry_begin(struct expiry *expiry, struct error *error);
bool expiry_end(struct expiry *expiry, bool went_well, struct error *error);

/* This content at this path expires then. */
bool expiry_set(struct expiry *expiry, const char *path,
                const struct expiry_content *content, apr_time_t expires_at,
                struct error *error);
bool expiry_find(struct expiry *expiry, bool *found, apr_time_t *expires_at,
                 const char *path, const struct expiry_content *content,
                 struct error *error);
/* Forget whatever else was at this path; CONTENT is NULL if nothing is there any more. */
bool expiry_forget_others(struct expiry *expiry, const char *path,
                          const struct expiry_content *content, struct error *error);

/* The text that stands for a content. */
const char *expiry_content_text(const struct expiry_content *content, apr_pool_t *pool);

struct expiry_record {
    const char *path;
    const char *content; /* as expiry_content_text */
};

/* Whether that text stands for CONTENT; without KNOWS_HASH, as far as size and time say.
 */
bool expiry_content_fits(const char *text, const struct expiry_content *content,
                         bool knows_hash);

/* All records, by path, those of one path by time. */
typedef bool expiry_visit(void *baton, const struct expiry_record *record,
                          apr_time_t expires_at, struct error *error);
bool expiry_each(struct expiry *expiry, expiry_visit *visit, void *baton,
                 apr_pool_t *pool, struct error *error);

/* When the next one is due. */
bool expiry_next(struct expiry *expiry, bool *found, apr_time_t *expires_at,
                 struct error *error);
/* What is due at NOW, the earliest first, at most LIMIT: an array of struct
 * expiry_record. */
bool expiry_due(apr_array_header_t **records, struct expiry *expiry, apr_time_t now,
                int limit, apr_pool_t *pool, struct error *error);
/* What is due at NOW goes with the next revision: from then on its time is negative, and
 * nobody may set another, until it is forgotten or, if nothing came of it, all are
 * released. By the holder of the update lock alone. */
bool expiry_claim(struct expiry *expiry, const struct expiry_record *record,
                  apr_time_t now, struct error *error);
bool expiry_release(struct expiry *expiry, struct error *error);
/* Forget a record, unless it is due after NOW by now. */
bool expiry_forget_due(struct expiry *expiry, const struct expiry_record *record,
                       apr_time_t now, struct error *error);

/* Directories that were made for files that were uploaded, which go when the last of
 * these has expired. */
bool expiry_note_directory(struct expiry *expiry, const char *path, int64_t mtime_seconds,
                           struct error *error);
bool expiry_find_directory(struct expiry *expiry, bool *found, const char *path,
                           int64_t mtime_seconds, struct error *error);
bool expiry_forget_directory(struct expiry *expiry, const char *path,
                             struct error *error);

#endif
