/* SPDX-License-Identifier: Apache-2.0 */
/* Writing file catalogs: databases of schema 2.5, revision 7, new ones and scratch copies
 * of published ones. Source: cvmfs-format 4, 7.5, 7.7. */
#ifndef REPLICA_FORMAT_CATALOG_EDITOR_H
#define REPLICA_FORMAT_CATALOG_EDITOR_H

#include <apr_tables.h>
#include "libreplica/format/catalog.h"
#include "libreplica/format/catalog_counters.h"

#define CATALOG_SCHEMA_REVISION 7

/* Deeper directories are refused. */
#define CATALOG_DEPTH_MAX 250

/* The bits of catalog_entry.flags that say how the content is stored; the caller adds
 * them to the flags of each row with a content hash or with chunks. */
unsigned int catalog_content_flags(enum hash_algorithm algorithm,
                                   enum compression compression);

struct catalog_editor;

/* Create an empty database at PATH, which must not exist, or open one that is there, a
 * trusted one that nobody else uses; an older schema is brought to ours. The file is
 * scratch until catalog_editor_finish: nothing is synced. POOL owns *editor; clearing it
 * closes the database, and what was done since it was opened is lost. One thread at a
 * time. All functions fail with ERROR_IO, ERROR_NO_SPACE, ERROR_BAD_FORMAT, or
 * ERROR_EXISTS (a path added twice). */
bool catalog_editor_create(struct catalog_editor **editor, const char *path,
                           apr_pool_t *pool, struct error *error);
bool catalog_editor_open(struct catalog_editor **editor, const char *path,
                         apr_pool_t *pool, struct error *error);

/* Close, to be opened again: keep what was done. The editor is gone. */
bool catalog_editor_close(struct catalog_editor *editor, struct error *error);

/* What is done between these two can be undone; they do not nest. */
bool catalog_editor_begin(struct catalog_editor *editor, struct error *error);
bool catalog_editor_end(struct catalog_editor *editor, bool keep, struct error *error);

/* Read it like any catalog; nothing may be written while it is read. Its properties are
 * those it had when it was opened. */
struct catalog *catalog_editor_catalog(struct catalog_editor *editor);

/* The path of the catalog's root, as its rows have it: "" for a new one. */
const char *catalog_editor_prefix(const struct catalog_editor *editor);

/* What the rows amount to, those of the catalogs below it, and what the two together were
 * when the database was opened, counters that it lacked as 0. */
const struct catalog_counters *
catalog_editor_counters(const struct catalog_editor *editor);
const struct catalog_counters *
catalog_editor_subtree(const struct catalog_editor *editor);
const struct catalog_counters *catalog_editor_stored(const struct catalog_editor *editor);
/* A catalog below it, with all below that, amounts to so much more, and to so much less.
 * Either may be NULL. */
void catalog_editor_count_below(struct catalog_editor *editor,
                                const struct catalog_counters *more,
                                const struct catalog_counters *less);

/* The row of PATH, with its texts in POOL. */
bool catalog_editor_find(struct catalog_entry *entry, bool *found,
                         struct catalog_editor *editor, const char *path,
                         apr_pool_t *pool, struct error *error);
/* Rows in any order, but a file before its chunks. Entry.flags is written as given, the
 * null hash and an empty xattr as NULL. */
bool catalog_editor_add(struct catalog_editor *editor, const struct catalog_entry *entry,
                        struct error *error);
bool catalog_editor_add_chunk(struct catalog_editor *editor,
                              const struct catalog_chunk *chunk, struct error *error);
/* Write mode, owner, time and attributes of CHANGED to the row FOUND, and to those of its
 * group of hard links. */
bool catalog_editor_change(struct catalog_editor *editor,
                           const struct catalog_entry *found,
                           const struct catalog_entry *changed, struct error *error);
/* Set the composite number of links, or flags that are not counted: mountpoints. */
bool catalog_editor_set_links(struct catalog_editor *editor, struct path_hash path,
                              int64_t hardlinks, struct error *error);
bool catalog_editor_set_flags(struct catalog_editor *editor, struct path_hash path,
                              unsigned int flags, struct error *error);

/* Take the row FOUND out of its group of hard links, if it is in one, and lower the
 * number of the others. */
bool catalog_editor_leave_group(struct catalog_editor *editor,
                                const struct catalog_entry *found, struct error *error);
/* Add PATH, in the directory of the row FOUND, as a further name of it. */
bool catalog_editor_add_link(struct catalog_editor *editor, const char *path,
                             const struct catalog_entry *found, struct error *error);

/* Number the groups of hard links from 1 on, in the order they are in; *count of them. */
bool catalog_editor_number_groups(int64_t *count, struct catalog_editor *editor,
                                  struct error *error);

/* Which rows of a directory: with its own, or only those below it. In no case those of
 * other catalogs. A single file is such a tree, too. */
enum catalog_part { CATALOG_WITH_ROOT, CATALOG_BELOW_ROOT };

/* Rows with their chunks, with groups of hard links that are new in TO. ERROR_TOO_LARGE:
 * they would be nested too deep. The tables of mountpoints are left alone. */
bool catalog_editor_copy_tree(struct catalog_editor *to, struct catalog_editor *from,
                              const char *new_path, const char *old_path,
                              enum catalog_part which, struct error *error);
bool catalog_editor_remove_tree(struct catalog_editor *editor, const char *path,
                                enum catalog_part which, struct error *error);
/* The directory at PATH becomes the root of TO, an empty one, and a mountpoint in FROM;
 * or what is below the root of FROM, PATH, comes back to TO, where PATH is none any more.
 */
bool catalog_editor_move_out(struct catalog_editor *to, struct catalog_editor *from,
                             const char *path, struct error *error);
bool catalog_editor_take_in(struct catalog_editor *to, struct catalog_editor *from,
                            const char *path, struct error *error);
bool catalog_editor_rename_tree(struct catalog_editor *editor, const char *new_path,
                                const char *old_path, struct error *error);
/* The whole catalog, with its table of nested catalogs. */
bool catalog_editor_set_prefix(struct catalog_editor *editor, const char *prefix,
                               struct error *error);

/* The table of nested catalogs. A null hash is one that is not stored yet. */
bool catalog_editor_find_nested(struct catalog_nested *nested, bool *found,
                                struct catalog_editor *editor, const char *path,
                                apr_pool_t *pool, struct error *error);
/* *nested, of struct catalog_nested: those at PATH and below it. */
bool catalog_editor_list_nested(apr_array_header_t **nested,
                                struct catalog_editor *editor, const char *path,
                                apr_pool_t *pool, struct error *error);
bool catalog_editor_add_nested(struct catalog_editor *editor,
                               const struct catalog_nested *nested, struct error *error);
bool catalog_editor_set_nested(struct catalog_editor *editor,
                               const struct catalog_nested *nested, struct error *error);
bool catalog_editor_remove_nested(struct catalog_editor *editor, const char *path,
                                  struct error *error);

/* Whether the database at PATH, which must be trusted, holds the same entries, chunks
 * and nested catalogs; one of an older schema never does. After it no row may be
 * added. */
bool catalog_editor_matches(bool *same, struct catalog_editor *editor, const char *path,
                            struct error *error);

/* Write the marks that are set; a database that was opened has kept its own. */
bool catalog_editor_mark(struct catalog_editor *editor, const struct catalog_marks *marks,
                         struct error *error);

/* Write properties and statistics, leave no pages and row numbers unused, and close. Of
 * the properties, a TTL of 0 and an empty root prefix are left out, and of a root catalog
 * that is the first one the previous revision; the schema revision is ours. */
bool catalog_editor_finish(struct catalog_editor *editor,
                           const struct catalog_properties *properties,
                           struct error *error);

#endif
