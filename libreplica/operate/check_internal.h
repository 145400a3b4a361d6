/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of a check share; nobody else includes this. */
#ifndef REPLICA_OPERATE_CHECK_INTERNAL_H
#define REPLICA_OPERATE_CHECK_INTERNAL_H

#include <apr_tables.h>
#include "libreplica/base/lock.h"
#include "libreplica/base/sorted_records.h"
#include "libreplica/format/manifest.h"
#include "libreplica/format/partial_rules.h"
#include "libreplica/operate/check.h"
#include "libreplica/operate/check_ledger.h"
#include "libreplica/replicate/upstreams.h"
#include "libreplica/store/dirty_marker.h"
#include "libreplica/store/store.h"

/* A catalog that was fetched and waits until all below it is there. */
struct check_waiting {
    struct hash hash;
    int64_t id;         /* in the ledger */
    size_t path_length; /* those below have longer ones */
    struct store_file *file;
    enum check_kind kind; /* of its finding */
};

struct check {
    const struct check_options *options;
    struct check_result *result;
    const struct repository *repository;
    apr_pool_t *pool;
    struct store *store;
    const char *scratch; /* a folder of our own for databases */
    struct lock *collect_lock;
    struct lock *update_lock;    /* NULL unless held */
    struct upstreams *upstreams; /* NULL unless we repair */
    struct dirty_marker marker;  /* open while we repair */
    struct manifest *manifest;
    struct partial_rules *rules; /* that the tree was made under; NULL: a full replica */
    apr_array_header_t *tags;    /* of struct tag */
    struct check_ledger *ledger;
    struct sorted_records *referenced; /* of struct check_record */
    apr_array_header_t *waiting;       /* of struct check_waiting */
    bool has_strays; /* damaged catalogs that no root leads to were entered late */

    /* Of a check that only mends what others found. */
    const struct object *suspects;
    int suspect_count;
    bool trusts_stored;  /* nested catalogs that are there vouch for what is below */
    int hold_seconds;    /* 0: no deadline */
    apr_time_t deadline; /* of clock_now; 0: none */
};

/* check.c: with the locks held, everything around STEPS: scratch folder, upstreams, dirty
 * marker. */
bool check_run_locked(struct check *check,
                      bool (*steps)(struct check *check, struct error *error),
                      struct error *error);

/* An object and a catalog that refers to it, ordered as the folders of the store are. */
#define CHECK_RECORD_KEY (HASH_DIGEST_SIZE + 2)
struct check_record {
    unsigned char digest[HASH_DIGEST_SIZE];
    unsigned char type;
    unsigned char algorithm;
    unsigned char catalog[8]; /* its number in the ledger, big-endian */
};
void check_record_of(struct check_record *record, const struct object *object,
                     int64_t catalog);
struct object check_record_object(const struct check_record *record);

/* check_report.c */
void check_say(const struct check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Count a finding and say it: "<kind>: <text>". */
void check_find(struct check *check, enum check_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_repaired(struct check *check, enum check_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_not_repaired(const struct check *check, const char *what,
                        const struct error *error);
bool check_stopped(const struct check *check, struct error *error);

/* check_head.c: manifest, whitelist, certificate, metainfo, tags, links. */
bool check_head(struct check *check, struct error *error);
/* check_reflog.c */
bool check_reflog(struct check *check, struct error *error);
/* check_catalogs.c: the catalogs in the ledger that were not read yet, and those below;
 * fills check->referenced. */
bool check_catalogs(struct check *check, struct error *error);
/* The inflated bytes of an object as a new file at PATH; *size may be NULL. */
bool check_inflate(int64_t *size, struct check *check, const struct object *object,
                   const char *path, struct error *error);
/* check_roots.c: enter the catalogs to begin with. */
bool check_add_roots(struct check *check, struct error *error);
/* check_objects.c: every object referred to and, if objects are read, all others. */
bool check_objects(struct check *check, bool reads, struct error *error);

/* check_object.c: whether an object is what its name says.
 *   reads   look at its bytes; otherwise only whether it is there and not empty */
bool check_object_state(enum check_kind *kind, bool *sound, struct check *check,
                        const struct object *object, bool reads, struct error *error);
/* Report an object that is not sound and, if we may, fetch it. CONTEXT says where it
 * belongs. *sound tells whether it is now. */
bool check_object_mend(bool *sound, struct check *check, const struct object *object,
                       enum check_kind kind, const char *context, struct error *error);

/* check_waiting.c: fetch a catalog without naming it, after moving aside what has its
 * name; its inflated bytes go to a new file DATABASE.
 * *got false: said why not. */
bool check_waiting_get(bool *got, struct check *check,
                       const struct check_ledger_entry *entry, enum check_kind kind,
                       const char *database, struct error *error);
/* Name those that are complete, from the bottom up. */
bool check_waiting_store(struct check *check, struct error *error);

#endif
