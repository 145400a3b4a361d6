/* SPDX-License-Identifier: Apache-2.0 */
/* Reading file catalogs: SQLite databases that may be hostile. Source: cvmfs-format 4. */
#ifndef REPLICA_FORMAT_CATALOG_H
#define REPLICA_FORMAT_CATALOG_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/hash.h"
#include "libreplica/format/object.h"

/* Bits of catalog.flags. Source: cvmfs-format 4.6. */
enum catalog_flag {
    CATALOG_DIRECTORY = 1,
    CATALOG_MOUNTPOINT = 2,
    CATALOG_FILE = 4,
    CATALOG_SYMLINK = 8,
    CATALOG_SPECIAL = 16,
    CATALOG_NESTED_ROOT = 32,
    CATALOG_CHUNKED = 64,
    CATALOG_EXTERNAL = 128,
    CATALOG_BIND_MOUNTPOINT = 0x4000,
    CATALOG_HIDDEN = 0x8000,
    CATALOG_DIRECT_IO = 0x10000
};

enum compression { COMPRESSION_ZLIB = 0, COMPRESSION_NONE = 1 };

struct catalog;

struct catalog_properties {
    int64_t revision;
    int64_t last_modified_seconds;
    struct hash previous_revision; /* null if none */
    const char *root_prefix;       /* "" for a root catalog */
    int64_t ttl_seconds;           /* 240 if missing */
    int schema_revision;
};

/* What only a root catalog says, and every further one has to repeat. */
struct catalog_marks {
    bool is_volatile;       /* clients cache the contents last */
    const char *membership; /* who may read it (`voms_authz`), or NULL: everybody */
};

/* One row of the table catalog. Strings and blobs are valid during the callback only. */
struct catalog_entry {
    struct path_hash path;
    struct path_hash parent;
    int64_t hardlinks;
    struct hash hash; /* null if none */
    int64_t size;
    unsigned int mode; /* st_mode */
    int64_t mtime_seconds;
    unsigned int flags;
    enum compression compression;
    struct text name;
    struct text symlink;
    int64_t uid, gid;
    struct text xattr; /* blob of 4.8, length 0 if none */
};

struct catalog_nested {
    const char *path; /* for messages and for lookups, never for file names */
    struct hash hash;
    int64_t size; /* bytes inflated; 0 unknown */
};

struct catalog_chunk {
    struct path_hash path;
    int64_t offset;
    int64_t size;
    struct hash hash;
};

/* Open the inflated database at PATH read-only and immutable, hardened: defensive,
 * untrusted schema, limits, no views or triggers among the tables we read. Checks schema
 * (2.4, 2.5) and reads the properties. pool   owns *catalog; clearing it closes the
 * database False: ERROR_BAD_FORMAT, ERROR_UNSUPPORTED (schema), ERROR_IO. One thread at a
 * time. */
bool catalog_open(struct catalog **catalog, const char *path, apr_pool_t *pool,
                  struct error *error);
void catalog_close(struct catalog *catalog);
const struct catalog_properties *catalog_properties(const struct catalog *catalog);
bool catalog_marks(struct catalog_marks *marks, struct catalog *catalog, apr_pool_t *pool,
                   struct error *error);

/* A cursor over the objects that the catalog references: file contents, then chunks;
 * external ones left out, adjacent duplicates possible. Source: cvmfs-format 4.11 items 1
 * and 2. True: *more says whether *object is set. False: ERROR_BAD_FORMAT (short blob,
 * unknown algorithm code). Call until !*more; memory does not grow with the number of
 * rows. */
bool catalog_next_object(struct catalog *catalog, struct object *object, bool *more,
                         struct error *error);

/* A cursor over the nested catalogs, in order of path; bind mountpoints are not among
 * them. nested->path lives until the next call. False: ERROR_BAD_FORMAT (an empty or
 * malformed hash, a path that is not absolute and below the root prefix, or holds `.` or
 * `..`). */
bool catalog_next_nested(struct catalog *catalog, struct catalog_nested *nested,
                         bool *more, struct error *error);

/* Look one path up ("" is the root). *found says whether *entry is set; it is valid until
 * the next call on this catalog. */
bool catalog_lookup(struct catalog *catalog, const char *path,
                    struct catalog_entry *entry, bool *found, struct error *error);

/* Call VISIT for each child row of directory PATH, ordered by name. VISIT returning false
 * stops with its error. */
typedef bool catalog_visit_entry(void *baton, const struct catalog_entry *entry,
                                 struct error *error);
bool catalog_list(struct catalog *catalog, const char *path, catalog_visit_entry *visit,
                  void *baton, struct error *error);

/* Call VISIT for each chunk of PATH, by offset. */
typedef bool catalog_visit_chunk(void *baton, const struct catalog_chunk *chunk,
                                 struct error *error);
bool catalog_chunks(struct catalog *catalog, const char *path, catalog_visit_chunk *visit,
                    void *baton, struct error *error);

#endif
