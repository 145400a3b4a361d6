/* SPDX-License-Identifier: Apache-2.0 */
/* What whoever adopts a server should look at before. */
#include "libreplica/operate/adopt_internal.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "libreplica/base/date.h"
#include "libreplica/base/human.h"
#include "libreplica/format/manifest.h"
#include "libreplica/format/whitelist.h"
#include "libreplica/store/file.h"
#include "libreplica/store/master_keys.h"

#define HOOKS "/cvmfs_server_hooks.sh"

static bool is_there(struct store *store, const char *name)
{
    struct store_status status;
    bool found;

    return store_stat_file(store, name, &status, &found, NULL) && found;
}

/* A temporary folder elsewhere has other people's files, too. */
static int count_left_over(const struct repository *repository, apr_pool_t *pool)
{
    return text_starts(text_of(repository->temporary), repository->storage)
               ? adopt_entries(repository->temporary, pool)->nelts
               : 0;
}

static void note_whitelist(struct adopt_plan *plan, const struct repository *repository,
                           struct store *store)
{
    struct whitelist *whitelist;
    char date[DATE_UTC_SIZE];
    struct text text;

    if (!store_read(&text, store, WHITELIST_NAME, WHITELIST_SIZE_MAX, plan->pool, NULL) ||
        !whitelist_parse(&whitelist, text, plan->pool, NULL) ||
        whitelist->expires > apr_time_now())
        return;
    date_format_iso(date, whitelist->expires);
    adopt_note(plan, "%s: its whitelist expired at %s: clients do not mount it",
               repository->local_name, date);
}

static void note_space(struct adopt_plan *plan, const struct repository *repository,
                       struct store *store)
{
    int64_t bytes, inodes;
    int64_t least = settings_number(repository->settings, SETTING_MIN_FREE_BYTES);

    if (store_space(store, &bytes, &inodes, NULL) && bytes < least)
        adopt_note(plan,
                   "%s: %s are free at %s: snapshots need %s (REPLICA_MIN_FREE_BYTES)",
                   repository->local_name, human_size(bytes, plan->pool),
                   repository->storage, human_size(least, plan->pool));
}

static void note_storage(struct adopt_plan *plan, const struct repository *repository)
{
    const char *name = repository->local_name;
    struct store *store;
    struct error error;
    int left;

    if (!store_open(&store, repository->storage, repository->temporary, plan->pool,
                    &error)) {
        adopt_note(plan, "%s: %s", name, error.message);
        return;
    }
    if (!is_there(store, MANIFEST_NAME))
        adopt_note(plan, "%s: never snapshotted: snapshotd will do that", name);
    if (is_there(store, ".cvmfs_is_snapshotting"))
        adopt_note(plan,
                   "%s: a snapshot of it was cut off: the first run of ours goes on",
                   name);
    left = count_left_over(repository, plan->pool);
    if (left > 0)
        adopt_note(plan, "%s: %d left-over files in %s, which the first snapshot removes",
                   name, left, repository->temporary);
    note_whitelist(plan, repository, store);
    note_space(plan, repository, store);
}

static void note_key(struct adopt_plan *plan, const struct repository *repository,
                     const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && (status.st_mode & S_IROTH) == 0 &&
        status.st_uid != plan->owner.uid)
        adopt_note(plan, "%s: the user %s may not read %s: chmod o+r it",
                   repository->local_name, plan->options->user, path);
}

static void note_keys(struct adopt_plan *plan, const struct repository *repository)
{
    const char *setting = settings_text(repository->settings, SETTING_PUBLIC_KEY);
    char *next = apr_pstrdup(plan->pool, setting), *rest;
    apr_array_header_t *keys;
    struct error error;

    if (!master_keys_load(&keys, setting, plan->pool, &error))
        adopt_note(plan, "%s: CVMFS_PUBLIC_KEY: %s", repository->local_name,
                   error.message);
    for (next = strtok_r(next, ":", &rest); next != NULL;
         next = strtok_r(NULL, ":", &rest))
        note_key(plan, repository, next);
}

void adopt_repository_notes(struct adopt_plan *plan, const struct repository *repository)
{
    const struct settings *settings = repository->settings;
    const char *version = settings_text(settings, SETTING_CREATOR_VERSION);
    const char *known = setting_table[SETTING_CREATOR_VERSION].fallback;

    /* The server's own come first; they are said by whoever read them. */
    for (int i = settings_warning_count(plan->options->server);
         i < settings_warning_count(settings); i++)
        adopt_note(plan, "%s", settings_warning(settings, i));
    if (strcmp(version, known) != 0)
        adopt_note(plan,
                   "%s: CVMFS_CREATOR_VERSION is %s: we read it, but the reference wants "
                   "`cvmfs_server migrate` to make it %s",
                   repository->local_name, version, known);
    note_keys(plan, repository);
    note_storage(plan, repository);
}

/* A line of the hooks, which are a shell script: we read KEY=value files only. */
static void note_hook(struct adopt_plan *plan, const char *path, int number,
                      struct text line)
{
    const char *shown = text_for_people(line, 100, plan->pool);

    shown += strspn(shown, " \t");
    if (text_starts(text_of(shown), "export "))
        shown += strlen("export ");
    if (text_starts(text_of(shown), "CVMFS_") && strchr(shown, '=') != NULL)
        adopt_note(plan,
                   "%s:%d: we do not read that file: if it should hold, put '%s' into "
                   "%s/server.local",
                   path, number,
                   text_starts(text_of(shown), "CVMFS_GEO_LICENSE_KEY=")
                       ? "CVMFS_GEO_LICENSE_KEY=..."
                       : shown,
                   plan->options->confdir);
    else if (strstr(shown, "()") != NULL || text_starts(text_of(shown), "function "))
        adopt_note(plan, "%s:%d: a function, which we do not run: %s", path, number,
                   shown);
}

static void note_hooks(struct adopt_plan *plan)
{
    const char *path = apr_pstrcat(plan->pool, plan->options->confdir, HOOKS, NULL);
    struct text rest, line;

    if (!file_read(&rest, path, ADOPT_FILE_SIZE_MAX, plan->pool, NULL))
        return;
    for (int number = 1; text_next_line(&rest, &line); number++)
        note_hook(plan, path, number, line);
}

bool adopt_server_notes(struct adopt_plan *plan, struct error *error)
{
    const char *tool =
        apr_pstrcat(plan->pool, plan->options->root, "/usr/bin/cvmfs_server", NULL);
    struct stat status;

    note_hooks(plan);
    if (lstat(tool, &status) == 0 && S_ISREG(status.st_mode))
        adopt_note(plan,
                   "%s is the reference's own and stays: the name means that program "
                   "until its package is removed",
                   tool);
    return true;
}
