/* SPDX-License-Identifier: Apache-2.0 */
/* Files that the reference wrote for httpd: renamed, so that it no longer reads them. */
#include "libreplica/operate/adopt_internal.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

#define REFERENCE_MARK "# Created by cvmfs_server."
#define ENDING         ".replica-adopted"

/* Why the file has to stay, since its repository does; NULL: it has not. */
static const char *reason_to_stay(const struct adopt_plan *plan, const char *file_name)
{
    const struct adopt_options *options = plan->options;
    size_t skip = strlen("cvmfs."), length = strlen(file_name) - strlen(".conf");
    const char *name = apr_pstrmemdup(plan->pool, file_name + skip, length - skip);
    struct repository *repository;
    const char *problem;

    if (!repository_read_leniently(&repository, &problem, options->confdir, name,
                                   options->server, plan->pool, NULL))
        return NULL;
    if (repository->kind == REPOSITORY_STRATUM0)
        return "a Stratum 0: httpd goes on serving it as it does";
    return settings_boolean(repository->settings, SETTING_PASSTHROUGH)
               ? "a pass-through replica: mod_proxy goes on serving it"
               : NULL;
}

static void plan_reference_file(struct adopt_plan *plan, const char *path)
{
    const char *name = strrchr(path, '/') + 1, *reason = reason_to_stay(plan, name);

    if (reason != NULL) {
        adopt_note(plan, "%s: %s", path, reason);
        return;
    }
    adopt_change(plan, "%s: renamed to %s" ENDING ", so that httpd passes it over", path,
                 name);
    adopt_add_step(
        plan, (struct adopt_step){.kind = ADOPT_RENAME,
                                  .path = path,
                                  .after = apr_pstrcat(plan->pool, path, ENDING, NULL)});
}

/* Another server on the ports that httpd behind Squid, and Squid, need. */
static void note_lines(struct adopt_plan *plan, const char *path, const char *text)
{
    for (int number = 1; *text != '\0'; number++) {
        const char *line = text + strspn(text, " \t");
        size_t length = strcspn(line, "\n");
        const char *shown = text_for_people((struct text){line, length}, 100, plan->pool);
        const char *what = shown + strcspn(shown, " \t");

        what += strspn(what, " \t");
        text = line + length + (line[length] == '\n');
        if (strncasecmp(shown, "Listen", 6) == 0 &&
            (strcmp(what, "80") == 0 || fnmatch("*:80", what, 0) == 0))
            adopt_note(plan, "%s:%d: '%s': port 80 is Squid's: take that line out", path,
                       number, shown);
        else if (strncasecmp(shown, "Listen", 6) == 0 &&
                 (strcmp(what, "8080") == 0 || fnmatch("*:8080", what, 0) == 0))
            adopt_note(plan,
                       "%s:%d: '%s': replica.conf listens there too: take that line "
                       "out, since httpd takes only one of the two",
                       path, number, shown);
        else if (*shown != '#' && strstr(shown, "/cvmfs") != NULL)
            adopt_note(plan,
                       "%s:%d: is about URLs that mod_replica will serve: see whether it "
                       "is still needed: %s",
                       path, number, shown);
    }
}

static void plan_path(struct adopt_plan *plan, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    struct text text;

    if (!file_read(&text, path, ADOPT_FILE_SIZE_MAX, plan->pool, NULL))
        return;
    if (fnmatch("cvmfs.*.conf", name, 0) == 0 && text_starts(text, REFERENCE_MARK))
        plan_reference_file(plan, path);
    else if (strcmp(name, "replica.conf") != 0 &&
             !text_starts(text, "# Created by replicactl."))
        note_lines(plan, path, text.bytes);
}

static void plan_folder(struct adopt_plan *plan, const char *folder)
{
    apr_array_header_t *names = adopt_entries(folder, plan->pool);

    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (fnmatch("*.conf", name, FNM_PERIOD) == 0)
            plan_path(plan, apr_pstrcat(plan->pool, folder, "/", name, NULL));
    }
}

bool adopt_httpd_plan(struct adopt_plan *plan, struct error *error)
{
    static const char *const files[] = {
        "/etc/apache2/ports.conf", "/etc/apache2/httpd.conf", "/etc/apache2/listen.conf",
        "/etc/httpd/conf/httpd.conf"};
    static const char *const folders[] = {
        "/etc/apache2/conf-enabled", "/etc/apache2/sites-enabled", "/etc/apache2/conf.d",
        "/etc/apache2/modules.d",    "/etc/apache2/vhosts.d",      "/etc/httpd/conf.d"};

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        plan_path(plan, apr_pstrcat(plan->pool, plan->options->root, files[i], NULL));
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        plan_folder(plan, apr_pstrcat(plan->pool, plan->options->root, folders[i], NULL));
    return true;
}

static bool is_there(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

/* As `cvmfs_server add-replica` writes one that it misses anew. */
static bool are_equal(const char *one, const char *other, apr_pool_t *pool)
{
    struct text text, twin;

    return file_read(&text, one, ADOPT_FILE_SIZE_MAX, pool, NULL) &&
           file_read(&twin, other, ADOPT_FILE_SIZE_MAX, pool, NULL) &&
           text_equals(text, twin.bytes);
}

static bool keep(bool *kept, const char *why, const char *from, const char *to,
                 const struct adopt_options *options, apr_pool_t *pool)
{
    *kept = true;
    adopt_say(options, pool, "%s and %s %s", from, to, why);
    return true;
}

static bool move(bool *kept, const char *from, const char *to,
                 const struct adopt_options *options, apr_pool_t *pool,
                 struct error *error)
{
    if (!is_there(from))
        return is_there(to) || keep(kept, "are both gone", from, to, options, pool);
    if (!is_there(to))
        return adopt_rename(from, to, pool, error);
    if (!are_equal(from, to, pool))
        return keep(kept, "are both there: remove one of them", from, to, options, pool);
    return unlink(from) == 0 || error_set_errno(error, errno, "cannot remove %s", from);
}

bool adopt_rename_apply(bool *kept, const struct adopt_step *step,
                        const struct adopt_options *options, apr_pool_t *pool,
                        struct error *error)
{
    return move(kept, step->path, step->after, options, pool, error);
}

bool adopt_rename_undo(bool *kept, const struct adopt_step *step,
                       const struct adopt_options *options, apr_pool_t *pool,
                       struct error *error)
{
    return move(kept, step->after, step->path, options, pool, error);
}
