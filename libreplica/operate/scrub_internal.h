/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of a scrub share; nobody else includes this. */
#ifndef REPLICA_OPERATE_SCRUB_INTERNAL_H
#define REPLICA_OPERATE_SCRUB_INTERNAL_H

#include "libreplica/operate/scrub.h"
#include "libreplica/store/store.h"

struct scrub {
    const struct repository *repository;
    const struct scrub_options *options;
    struct scrub_state state;
    apr_pool_t *pool;
    struct store *store;
    struct store *scratch; /* the same tree, with a temporary folder of our own */
    apr_time_t saved;      /* when the state was written last */
    apr_time_t next_try;   /* to mend */
    apr_time_t try_pause;  /* before the try after that */
    int hold_seconds;      /* for which the locks are kept at most */
    bool has_news;         /* findings that were never tried to mend */
};

/* scrub.c */
bool scrub_stopped(const struct scrub *scrub, struct error *error);
void scrub_say(const struct scrub *scrub, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool scrub_save(struct scrub *scrub, struct error *error);

/* scrub_finding.c: note it, and move aside what is corrupt. */
bool scrub_find(struct scrub *scrub, const struct object *object, bool is_missing,
                struct error *error);
/* Try to get what is open. *mended may be NULL. */
bool scrub_mend(int64_t *mended, struct scrub *scrub, struct error *error);
/* The same for objects that may be nowhere: those that nobody gives are no findings. */
bool scrub_mend_silently(int64_t *mended, struct scrub *scrub,
                         const struct object *objects, int count, struct error *error);

/* scrub_object.c: read one and compare; *gone: it was removed meanwhile. */
bool scrub_read_object(bool *intact, bool *gone, struct scrub *scrub,
                       const struct object *object, struct error *error);
/* One that was listed: read, counted, and noted if it is not what it should be. */
bool scrub_object(struct scrub *scrub, const struct object *object, struct error *error);

/* scrub_missing.c: find and get what is served and not there.
 *   wanted   only these, and catalogs; NULL: everything */
bool scrub_missing(struct scrub *scrub, const struct object *wanted, int wanted_count,
                   struct error *error);

#endif
