/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of one directory, and what is known of them before any is opened. */
#ifndef REPLICA_PUBLISH_LISTING_H
#define REPLICA_PUBLISH_LISTING_H

#include <sys/stat.h>
#include <apr_tables.h>
#include "libreplica/publish/content.h"

struct listed {
    const char *name;
    struct stat status;   /* of the entry itself, links not followed */
    struct listed *first; /* name of the same inode in this directory; itself if alone */
    int links;            /* of the first: how many names there are */
    struct content *content; /* of the first: shared by them, once it was opened */
};

struct listing {
    apr_array_header_t *entries; /* of struct listed, by name */
    int directories;
    bool has_marker; /* .cvmfscatalog, a regular file */
};

/* FD stays the caller's. PATH is for messages. */
bool listing_read(struct listing *listing, int fd, const char *path, apr_pool_t *pool,
                  struct error *error);

/* Whether something has this name. */
bool listing_has(const struct listing *listing, const char *name);

#endif
