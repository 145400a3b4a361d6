/* SPDX-License-Identifier: Apache-2.0 */
/* Makes small MMDB files: a tree of one node and two records, of which 0.0.0.0/1 and
 * 128.0.0.0/1 (::/1 and 8000::/1) are the first and the second one. */
#ifndef REPLICA_TESTS_MMDB_MAKER_H
#define REPLICA_TESTS_MMDB_MAKER_H

#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>

/* Bytes as they grow. */
struct mmdb_bytes {
    unsigned char *bytes;
    size_t length, room;
};

void mmdb_append(struct mmdb_bytes *to, const void *bytes, size_t length);
void mmdb_string(struct mmdb_bytes *to, const char *string);
void mmdb_map(struct mmdb_bytes *to, int pairs);
void mmdb_array(struct mmdb_bytes *to, unsigned int elements); /* below 65821 */
void mmdb_double(struct mmdb_bytes *to, double number);
void mmdb_float(struct mmdb_bytes *to, float number);
void mmdb_number(struct mmdb_bytes *to, int type, uint64_t number);
void mmdb_pointer(struct mmdb_bytes *to, uint32_t target);

/* {"location": {"latitude": ..., "longitude": ...}} */
void mmdb_place(struct mmdb_bytes *to, double latitude, double longitude);

/* What varies between the files. */
struct mmdb_options {
    struct mmdb_bytes first, second; /* encoded records; empty for none. Pointers count
                                        from the begin of the first one. Freed. */
    int ip_version;                  /* 0 is 4 */
    int64_t epoch;                   /* 0 is 1760000000, below 0 is none */
    uint32_t node_count;             /* 0 is 1 */
    struct mmdb_bytes metadata;      /* in place of all metadata. Freed. */
};

/* Write one to PATH, by a rename. */
void mmdb_write(const char *path, struct mmdb_options options, apr_pool_t *pool);

#endif
