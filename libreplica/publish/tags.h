/* SPDX-License-Identifier: Apache-2.0 */
/* A repository's tag database, from the present head's to the next one's. */
#ifndef REPLICA_PUBLISH_TAGS_H
#define REPLICA_PUBLISH_TAGS_H

#include <apr_tables.h>
#include "libreplica/format/history.h"
#include "libreplica/publish/publication.h"

/* Every publication moves these. */
#define TAG_TRUNK          "trunk"
#define TAG_TRUNK_PREVIOUS "trunk-previous"

bool tags_is_reserved(const char *name);

/* The tags (array of struct tag, newest first) and branches (array of struct branch) that
 * MANIFEST names; none if it names no tag database. */
bool tags_read(apr_array_header_t **tags, apr_array_header_t **branches,
               struct publication *publication, const struct manifest *manifest,
               apr_pool_t *pool, struct error *error);

struct tag_database;

/* A copy of the database that next->history names, to be changed; a new one if it is
 * null. */
bool tags_open(struct tag_database **tags, struct publication *publication,
               const struct manifest *next, apr_pool_t *pool, struct error *error);

/* All of them as they were at the beginning (array of struct tag), or one; NULL: there
 * was none of this name. */
const apr_array_header_t *tags_all(const struct tag_database *tags);
const struct tag *tags_find(const struct tag_database *tags, const char *name);

bool tags_add(struct tag_database *tags, const struct tag *tag, struct error *error);
/* None of this name is no error. */
bool tags_remove(struct tag_database *tags, const char *name, struct error *error);

/* Trunk is the revision in NEXT; there must be none. */
bool tags_add_trunk(struct tag_database *tags, const struct manifest *next,
                    struct error *error);

/* Store it, and set next->history. */
bool tags_store(struct tag_database *tags, struct manifest *next, apr_pool_t *pool,
                struct error *error);

/* Store a database for the revision in NEXT: trunk is there, trunk-previous where it was;
 * an automatic tag, if the target wants it, and without those that are too old. */
bool tags_move(struct publication *publication, struct manifest *next, apr_pool_t *pool,
               struct error *error);

#endif
