/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of adopt share; nobody else includes this. */
#ifndef REPLICA_OPERATE_ADOPT_INTERNAL_H
#define REPLICA_OPERATE_ADOPT_INTERNAL_H

#include <apr_tables.h>
#include "libreplica/operate/adopt.h"
#include "libreplica/operate/owner.h"
#include "libreplica/store/repository.h"

#define ADOPT_FILE_SIZE_MAX (1024 * 1024)

enum adopt_kind {
    ADOPT_CRON,   /* lines of PATH that run snapshots become comments */
    ADOPT_RENAME, /* PATH becomes AFTER */
    ADOPT_OWNER,  /* what is below PATH goes from one user to another */
    ADOPT_LINE,   /* the line BEFORE ("": none) of PATH becomes AFTER */
    ADOPT_FOLDER, /* PATH is made */
    ADOPT_FILE,   /* PATH is written, with AFTER in it; BEFORE was there, if not "" */
    ADOPT_KIND_COUNT
};

/* One change. Every string is there, if only "". */
struct adopt_step {
    enum adopt_kind kind;
    const char *path;
    const char *repository; /* local name; "": the server's */
    const char *before;
    const char *after;
    /* OWNER only. New files are UID_BEFORE's after an undo, too. */
    unsigned int uid_before;
    unsigned int uid_after;
    bool is_shallow;  /* PATH alone, nothing below it */
    const char *list; /* file with those that belonged to others; "": nothing did */
};

struct adopt_plan {
    const struct adopt_options *options;
    apr_pool_t *pool;
    struct owner owner;
    bool is_check;               /* nothing may be written */
    apr_array_header_t *steps;   /* struct adopt_step, in order */
    int recorded;                /* so many of them were in the record */
    apr_array_header_t *changes; /* lines for people (const char *) */
    apr_array_header_t *notes;
    apr_array_header_t *refusals;
    apr_array_header_t *left_out;    /* local names of what cannot be adopted */
    apr_array_header_t *directories; /* which snapshotd must be able to write */
};

/* False: ERROR_CANCELLED. */
bool adopt_goes_on(const struct adopt_options *options, struct error *error);

/* Lines for people. */
void adopt_change(struct adopt_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void adopt_note(struct adopt_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void adopt_refuse(struct adopt_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void adopt_say(const struct adopt_options *options, apr_pool_t *pool, const char *format,
               ...) __attribute__((format(printf, 3, 4)));

/* The recorded or planned step of that kind for PATH; NULL: there is none. */
struct adopt_step *adopt_find_step(const struct adopt_plan *plan, enum adopt_kind kind,
                                   const char *path);
/* Plan STEP unless there is one already. */
void adopt_add_step(struct adopt_plan *plan, struct adopt_step step);

/* Planning: each adds steps and lines. False: the plan cannot be made. */
bool adopt_cron_plan(struct adopt_plan *plan, struct error *error);
bool adopt_httpd_plan(struct adopt_plan *plan, struct error *error);
bool adopt_repositories_plan(struct adopt_plan *plan, struct error *error);
bool adopt_places_plan(struct adopt_plan *plan, struct error *error);
bool adopt_unit_plan(struct adopt_plan *plan, struct error *error);
bool adopt_server_notes(struct adopt_plan *plan, struct error *error);
/* What deserves a look in one repository. */
void adopt_repository_notes(struct adopt_plan *plan, const struct repository *repository);

/* Plan to give PATH from UID_BEFORE to the user. False: not safely; *error says why. */
bool adopt_owner_plan(struct adopt_plan *plan, struct adopt_step step,
                      struct error *error);
/* Whether PATH or something below it belongs to the whole system. */
bool adopt_is_system_folder(const char *path);

/* Doing a step, and taking it back; to do either twice is doing it once. *kept: it is not
 * as it should be, since somebody else changed it; that was said. */
typedef bool adopt_action(bool *kept, const struct adopt_step *step,
                          const struct adopt_options *options, apr_pool_t *pool,
                          struct error *error);
adopt_action adopt_cron_apply, adopt_cron_undo;
adopt_action adopt_rename_apply, adopt_rename_undo;
adopt_action adopt_owner_apply, adopt_owner_undo;
adopt_action adopt_line_apply, adopt_line_undo;
adopt_action adopt_folder_apply, adopt_folder_undo;
adopt_action adopt_file_apply, adopt_file_undo;

/* Replace the content of a file that others may have made; owner, mode and extended
 * attributes stay. A link is refused. */
bool adopt_replace(const char *path, struct text content, apr_pool_t *pool,
                   struct error *error);
/* Write a file of our own whole, through a temporary one, synced. */
bool adopt_write(const char *path, struct text content, unsigned int mode,
                 apr_pool_t *pool, struct error *error);
/* What a kill in one of the two may have left. */
void adopt_remove_temporary(const char *path, apr_pool_t *pool);
/* Rename; what has the new name already is an error. The folder is synced. */
bool adopt_rename(const char *from, const char *to, apr_pool_t *pool,
                  struct error *error);
/* Entries of a folder but for "." and "..", sorted (const char *); of one that is not
 * there none. */
apr_array_header_t *adopt_entries(const char *folder, apr_pool_t *pool);
/* The name of a user, or his number. */
const char *adopt_user_name(unsigned int uid, apr_pool_t *pool);

/* Hold a repository's locks until POOL is cleared. Unlike lock_try this writes nothing
 * into a lock file, since the spool may be a stranger's. With CREATES a missing update
 * lock is made. *busy: somebody else has one. */
bool adopt_lock(bool *busy, const char *spool, bool creates, apr_pool_t *pool,
                struct error *error);
/* Whether snapshotd runs. */
bool adopt_lock_daemon(bool *busy, const struct adopt_options *options, apr_pool_t *pool,
                       struct error *error);
/* One adoption at a time. */
bool adopt_lock_server(const char *confdir, apr_pool_t *pool, struct error *error);

/* The record. *found false: there is none. *user is who it was adopted for. */
bool adopt_record_read(apr_array_header_t **steps, const char **user, bool *found,
                       const char *confdir, apr_pool_t *pool, struct error *error);
bool adopt_record_write(const struct adopt_plan *plan, struct error *error);
/* Remove it, and the lists, also those that no record names. */
bool adopt_record_remove(const char *confdir, apr_pool_t *pool, struct error *error);
/* A new file for the list of step NUMBER. */
const char *adopt_record_list(const char *confdir, int number, apr_pool_t *pool);

#endif
