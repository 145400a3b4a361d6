/* SPDX-License-Identifier: Apache-2.0 */
/* What snapshotd's unit has to be told: another user, storage elsewhere. */
#include "libreplica/operate/adopt_internal.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

#define UNIT_USER "cvmfs"
#define DROP_IN   "/snapshotd.service.d"
#define NAME      "/adopted.conf"
#define MARK      "# Created by replicactl adopt.\n"

/* Whether the unit as it is shipped lets its process write there. */
static bool is_allowed(const char *path)
{
    static const char *const allowed[] = {"/srv/cvmfs", "/var/spool/cvmfs",
                                          "/var/log/cvmfs", "/var/lib/cvmfs-server/geo"};
    char real[PATH_MAX];

    for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
        const char *outer = realpath(allowed[i], real) != NULL ? real : allowed[i];
        size_t length = strlen(outer);

        if (strncmp(outer, path, length) == 0 &&
            (path[length] == '/' || path[length] == '\0'))
            return true;
    }
    return false;
}

/* Only what means itself to systemd. */
static bool is_plain(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789._-/:@+,=";

    return path[strspn(path, plain)] == '\0';
}

static void add_path(apr_array_header_t *paths, struct adopt_plan *plan, const char *path)
{
    char real[PATH_MAX];

    if (realpath(path, real) != NULL)
        path = real;
    if (is_allowed(path))
        return;
    for (int i = 0; i < paths->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(paths, i, const char *), path) == 0)
            return;
    if (is_plain(path))
        APR_ARRAY_PUSH(paths, const char *) = apr_pstrdup(plan->pool, path);
    else
        adopt_note(plan,
                   "%s: name it as ReadWritePaths in `systemctl edit snapshotd`: it has "
                   "bytes that mean something to systemd",
                   path);
}

/* The folder of objects is often a link to another disk. */
static apr_array_header_t *foreign_paths(struct adopt_plan *plan)
{
    apr_array_header_t *paths = apr_array_make(plan->pool, 8, sizeof(const char *));

    for (int i = 0; i < plan->directories->nelts; i++) {
        const char *path = APR_ARRAY_IDX(plan->directories, i, const char *);
        const char *objects = apr_pstrcat(plan->pool, path, "/data", NULL);
        struct stat status;

        add_path(paths, plan, path);
        if (lstat(objects, &status) == 0 && S_ISLNK(status.st_mode))
            add_path(paths, plan, objects);
    }
    return paths;
}

static const char *group_of(const char *user, apr_pool_t *pool)
{
    const struct passwd *entry = getpwnam(user);
    const struct group *group = entry != NULL ? getgrgid(entry->pw_gid) : NULL;

    return group != NULL ? apr_pstrdup(pool, group->gr_name) : user;
}

/* "" if the unit as it is will do. */
static const char *drop_in(struct adopt_plan *plan)
{
    apr_array_header_t *paths = foreign_paths(plan);
    const char *user = plan->options->user, *text = "";

    if (strcmp(user, UNIT_USER) != 0)
        text = apr_psprintf(plan->pool, "User=%s\nGroup=%s\n", user,
                            group_of(user, plan->pool));
    for (int i = 0; i < paths->nelts; i++)
        text = apr_pstrcat(plan->pool, text, "ReadWritePaths=-",
                           APR_ARRAY_IDX(paths, i, const char *), "\n", NULL);
    return *text != '\0' ? apr_pstrcat(plan->pool, MARK "[Service]\n", text, NULL) : "";
}

static void say_lines(struct adopt_plan *plan, const char *path, const char *text)
{
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        if (*line != '#' && *line != '[')
            adopt_change(plan, "%s: written: %.*s", path, (int)strcspn(line, "\n"), line);
}

static void plan_file(struct adopt_plan *plan, const char *folder, const char *text)
{
    const char *path = apr_pstrcat(plan->pool, folder, NAME, NULL);
    struct adopt_step *step = adopt_find_step(plan, ADOPT_FILE, path);
    struct text present = {"", 0};
    bool there = file_read(&present, path, ADOPT_FILE_SIZE_MAX, plan->pool, NULL);

    if (there && text_equals(present, text))
        return;
    if (there && (step == NULL || !text_equals(present, step->after))) {
        adopt_note(plan, "%s was not written by us, or changed since: it stays as it is",
                   path);
        return;
    }
    say_lines(plan, path, text);
    if (access(folder, F_OK) != 0)
        adopt_add_step(plan, (struct adopt_step){.kind = ADOPT_FOLDER, .path = folder});
    if (step == NULL) {
        adopt_add_step(
            plan, (struct adopt_step){.kind = ADOPT_FILE, .path = path, .after = text});
        return;
    }
    if (strcmp(step->after, text) == 0)
        return;
    step->before = step->after;
    step->after = text;
}

bool adopt_unit_plan(struct adopt_plan *plan, struct error *error)
{
    const char *units =
        apr_pstrcat(plan->pool, plan->options->root, "/etc/systemd/system", NULL);
    const char *text = drop_in(plan);

    if (*text == '\0')
        return true;
    if (access(units, F_OK) == 0)
        plan_file(plan, apr_pstrcat(plan->pool, units, DROP_IN, NULL), text);
    else
        adopt_note(plan, "there is no %s: whoever starts snapshotd must start it as %s",
                   units, plan->options->user);
    return true;
}
