/* SPDX-License-Identifier: Apache-2.0 */
/* Content hashes: their text forms and how they are computed. */
#ifndef REPLICA_FORMAT_HASH_H
#define REPLICA_FORMAT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* All content hashes have 20 bytes. Source: cvmfs-format 1.1. */
#define HASH_DIGEST_SIZE 20
/* "<40 digits>-shake128" and a NUL. */
#define HASH_TEXT_SIZE 50

enum hash_algorithm { HASH_UNSET, HASH_SHA1, HASH_RMD160, HASH_SHAKE128 };

/* A value; a zeroed struct is the null hash. */
struct hash {
    enum hash_algorithm algorithm;
    unsigned char digest[HASH_DIGEST_SIZE];
};

/* Strictly `[0-9a-f]{40}(-rmd160|-shake128)?`, not all zeros. False: *hash untouched. */
bool hash_parse(struct hash *hash, struct text text);

/* The same where a hash is optional: the empty text and 40 or 64 zeros (with or without
 * an algorithm suffix on the 40) give the null hash. */
bool hash_parse_optional(struct hash *hash, struct text text);

/* The text form with a NUL; the null hash is written as 40 zeros. Returns TEXT. */
const char *hash_format(char text[HASH_TEXT_SIZE], const struct hash *hash);

bool hash_is_null(const struct hash *hash);
bool hash_equals(const struct hash *a, const struct hash *b);
/* For ordered containers: by algorithm, then digest. */
int hash_compare(const struct hash *a, const struct hash *b);

/* "sha1", "rmd160", "shake128"; false on any other name. */
bool hash_algorithm_parse(enum hash_algorithm *algorithm, const char *name);
const char *hash_algorithm_name(enum hash_algorithm algorithm);

/* The three bits of a catalog row's flags (code = id - 1). False for the unassigned
 * codes 3..7. Source: cvmfs-format 1.1. */
bool hash_algorithm_of_code(enum hash_algorithm *algorithm, unsigned int code);

/* Hash LENGTH bytes at once. Aborts only if the crypto library lacks the algorithm; call
 * hash_check_available at start of a program to turn that into a message. Thread-safe. */
void hash_bytes(struct hash *hash, enum hash_algorithm algorithm, const void *bytes,
                size_t length);

/* Whether the crypto library offers all three algorithms. */
bool hash_check_available(struct error *error);

/* Incremental hashing. A hasher may be used again after finish by another start. */
struct hasher;
struct hasher *hasher_create(apr_pool_t *pool);
void hasher_start(struct hasher *hasher, enum hash_algorithm algorithm);
void hasher_update(struct hasher *hasher, const void *bytes, size_t length);
void hasher_finish(struct hasher *hasher, struct hash *hash);

/* MD5 of a catalog path as the two integers of the catalog's columns. PATH is "" for the
 * root, else "/a/b". Source: cvmfs-format 4.4. */
struct path_hash {
    int64_t first;
    int64_t second;
};
struct path_hash path_hash_of(struct text path);

/* MD5 of the empty path in hex: the only valid value of a manifest's R. */
#define PATH_HASH_ROOT_TEXT "d41d8cd98f00b204e9800998ecf8427e"

#endif
