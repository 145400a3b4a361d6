/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of garbage collection: all that is to be removed, written before anything
 * is, so that a run that was cut off can be finished, by whoever comes next.
 *
 * It is a file in the storage tree itself: it goes where the tree goes, and one barrier
 * covers both. It has its name only when it is complete and synced. */
#ifndef REPLICA_OPERATE_GC_JOURNAL_H
#define REPLICA_OPERATE_GC_JOURNAL_H

#include "libreplica/store/store.h"

#define GC_JOURNAL_NAME ".replica_gc_journal"

/* Sections, in the order of the file. Catalogs come by the depth of their mountpoints:
 * those of one depth are removed before those below them. */
enum gc_section { GC_SECTION_CATALOGS, GC_SECTION_DATA, GC_SECTION_AUXILIARY };

enum gc_line_kind {
    GC_LINE_FORMAT, /* the first */
    GC_LINE_REPOSITORY,
    GC_LINE_MANIFEST, /* hash of the bytes of the manifest that it was made for */
    GC_LINE_SECTION,
    GC_LINE_OBJECT,
    GC_LINE_END
};

struct gc_line {
    enum gc_line_kind kind;
    struct text repository;
    struct hash hash; /* of the manifest; of all before the end */
    enum gc_section section;
    unsigned int depth; /* of catalogs */
    struct object object;
    int64_t objects; /* in the whole journal; of the end */
};

/* One line without its LF. Pure. False: it is none of the above. */
bool gc_line_parse(struct gc_line *line, struct text text);

struct gc_journal_writer;

/* Begin a journal; nothing has its name before it is finished. POOL owns the writer. */
bool gc_journal_create(struct gc_journal_writer **writer, struct store *store,
                       const char *fqrn, const struct hash *manifest, apr_pool_t *pool,
                       struct error *error);
/* Objects of a section go together, catalogs by ascending depth. */
bool gc_journal_add(struct gc_journal_writer *writer, enum gc_section section,
                    unsigned int depth, const struct object *object, struct error *error);
/* Complete and durable when this returns. */
bool gc_journal_finish(struct gc_journal_writer *writer, struct error *error);

/* What is visited: each section with OBJECT NULL when it ends, and each object. */
typedef bool gc_journal_visit(void *baton, enum gc_section section, unsigned int depth,
                              const struct object *object, struct error *error);

struct gc_journal {
    const char *fqrn;
    struct hash manifest;
    int64_t objects;
    apr_time_t written;
};

/* Read the journal, from begin to end. That it is undamaged is known only at the end:
 * look through it once before acting on it. visit   may be NULL *found false: there is
 * none. False: ERROR_BAD_FORMAT, ERROR_IO, those of VISIT. */
bool gc_journal_read(struct gc_journal *journal, bool *found, struct store *store,
                     gc_journal_visit *visit, void *baton, apr_pool_t *pool,
                     struct error *error);

/* Drop it, durably: one that came back after a power cut would be carried out again. */
bool gc_journal_drop(struct store *store, struct error *error);

#endif
