/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the change sets share; nobody else includes this. */
#ifndef REPLICA_PUBLISH_CHANGES_INTERNAL_H
#define REPLICA_PUBLISH_CHANGES_INTERNAL_H

#include <apr_hash.h>
#include "libreplica/publish/catalog_tree.h"
#include "libreplica/publish/changes.h"
#include "libreplica/publish/run.h"
#include "libreplica/publish/workers.h"

/* Each waiting file may hold a descriptor. */
#define CHANGES_WAITING 256

/* A file whose content is being made. */
struct waiting_put {
    const char *path;
    struct change_attributes attributes;
    struct content *content;
    apr_pool_t *pool;
};

struct changes {
    struct run run;
    struct catalog_tree *tree;
    struct nesting *nesting;
    struct workers *workers; /* NULL before the first file */
    struct waiting_put ring[CHANGES_WAITING];
    unsigned int first, count;
    apr_hash_t *waiting; /* of struct waiting_put, by path */
    bool has_failed;     /* a content could not be made */
    struct error failure;
    bool is_running;     /* run_end has to follow */
    apr_pool_t *scratch; /* of one call */
    apr_pool_t *pool;
};

/* A path, its row, and the catalog that has it. */
struct spot {
    const char *path;
    const char *directory; /* the one it is in; of the root itself "" */
    struct tree_catalog *catalog;
    struct catalog_entry entry; /* if found, of the kind that the parent catalog has */
    bool found;
};

/* Look the row of PATH up. Texts live until the end of the call to the changes. */
bool spot_find(struct spot *spot, struct changes *changes, const char *path,
               struct error *error);
/* The same for something that is to be put there: there is a directory to put it in. */
bool spot_find_for(struct spot *spot, struct changes *changes, const char *path,
                   struct error *error);
/* Whether there may be a marker at PATH, and for which directory. */
bool spot_is_marker(const struct spot *spot);
bool entry_is_regular(const struct catalog_entry *entry);

/* Whether a change may be made at PATH; it is not the root. */
bool change_path_check(const char *path, struct error *error);

/* Begin a call: nothing of the last one is needed any more. */
void changes_start(struct changes *changes);

/* change_contents.c: enter all files that wait, or all if PATH is among them. What goes
 * wrong is noted. */
void changes_enter_waiting(struct changes *changes);
void changes_enter_if_waiting(struct changes *changes, const char *path);
void changes_stop_workers(struct changes *changes);

/* change_rows.c: rows within a change of the tree. ENTRY has to have a type. */
struct catalog_entry change_entry(const char *path, unsigned int type,
                                  const struct change_attributes *attributes);
/* Put ENTRY in the place of what is at SPOT, which is no directory, and make the
 * directory a nested catalog if that was its marker. CONTENT may be NULL. */
bool change_put_entry(struct changes *changes, const struct spot *spot,
                      const struct catalog_entry *entry, const struct content *content,
                      struct error *error);
/* Remove the row of something that is no directory. */
bool change_unlink(struct changes *changes, const struct spot *spot, struct error *error);
/* A directory has so many sub-directories more. */
bool change_count_directory(struct changes *changes, const char *directory,
                            int difference, struct error *error);
/* The marker at SPOT has come, or it has gone. */
bool change_add_catalog(struct changes *changes, const struct spot *spot,
                        struct error *error);
bool change_remove_catalog(struct changes *changes, const struct spot *spot,
                           struct error *error);
/* Write attributes to a row, and to the other row of a nested catalog's directory. */
bool change_write_attributes(struct changes *changes, const struct spot *spot,
                             unsigned int which,
                             const struct change_attributes *attributes,
                             struct error *error);

/* An empty file, if there is nothing at PATH. */
bool changes_put_empty(struct changes *changes, const char *path,
                       const struct change_attributes *attributes, struct error *error);

#endif
