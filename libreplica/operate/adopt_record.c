/* SPDX-License-Identifier: Apache-2.0 */
/* The record of what an adoption changes, by which it is finished or taken back. */
#include "libreplica/operate/adopt_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include <jansson.h>

#include "libreplica/store/file.h"

#define NAME            "/adopted.json"
#define LIST_NAME       "adopted.owners."
#define RECORD_SIZE_MAX (64 * 1024 * 1024)
#define VERSION         1

static const char *const kind_names[ADOPT_KIND_COUNT] = {
    [ADOPT_CRON] = "cron", [ADOPT_RENAME] = "rename", [ADOPT_OWNER] = "owner",
    [ADOPT_LINE] = "line", [ADOPT_FOLDER] = "folder", [ADOPT_FILE] = "file",
};

static const char *path_of(const char *confdir, apr_pool_t *pool)
{
    return apr_pstrcat(pool, confdir, NAME, NULL);
}

const char *adopt_record_list(const char *confdir, int number, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s/" LIST_NAME "%d", confdir, number);
}

static const char *text_member(const json_t *object, const char *key, apr_pool_t *pool)
{
    const char *value = json_string_value(json_object_get(object, key));

    return apr_pstrdup(pool, value != NULL ? value : "");
}

static bool parse_kind(enum adopt_kind *kind, const char *name)
{
    for (int i = 0; i < ADOPT_KIND_COUNT; i++)
        if (strcmp(kind_names[i], name) == 0) {
            *kind = (enum adopt_kind)i;
            return true;
        }
    return false;
}

static bool parse_step(struct adopt_step *step, const json_t *object, apr_pool_t *pool)
{
    *step = (struct adopt_step){
        .path = text_member(object, "path", pool),
        .repository = text_member(object, "repository", pool),
        .before = text_member(object, "before", pool),
        .after = text_member(object, "after", pool),
        .list = text_member(object, "list", pool),
        .is_shallow = json_is_true(json_object_get(object, "shallow")),
        .uid_before =
            (unsigned int)json_integer_value(json_object_get(object, "uid_before")),
        .uid_after =
            (unsigned int)json_integer_value(json_object_get(object, "uid_after")),
    };
    if (!parse_kind(&step->kind, text_member(object, "kind", pool)) || *step->path != '/')
        return false;
    /* A uid that is not there must not become root's. */
    return step->kind != ADOPT_OWNER ||
           (json_is_integer(json_object_get(object, "uid_before")) &&
            json_is_integer(json_object_get(object, "uid_after")));
}

static bool parse_steps(apr_array_header_t **steps, const char **user, const json_t *json,
                        apr_pool_t *pool)
{
    const json_t *array = json_object_get(json, "steps");

    if (json_integer_value(json_object_get(json, "version")) != VERSION ||
        !json_is_array(array))
        return false;
    *user = text_member(json, "user", pool);
    *steps =
        apr_array_make(pool, (int)json_array_size(array) + 8, sizeof(struct adopt_step));
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!parse_step(&APR_ARRAY_PUSH(*steps, struct adopt_step),
                        json_array_get(array, i), pool))
            return false;
    return true;
}

bool adopt_record_read(apr_array_header_t **steps, const char **user, bool *found,
                       const char *confdir, apr_pool_t *pool, struct error *error)
{
    const char *path = path_of(confdir, pool);
    struct error reason;
    struct text text;
    json_t *json;

    *steps = apr_array_make(pool, 16, sizeof(struct adopt_step));
    *user = "";
    *found = file_read(&text, path, RECORD_SIZE_MAX, pool, &reason);
    if (!*found && reason.code == ERROR_NOT_FOUND)
        return true;
    if (!*found)
        return error_set(error, reason.code, "%s", reason.message);
    json = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, NULL);
    *found = json != NULL && parse_steps(steps, user, json, pool);
    json_decref(json);
    return *found ||
           error_set(error, ERROR_BAD_FORMAT,
                     "%s is no record of an adoption: restore it from a backup", path);
}

static json_t *step_json(const struct adopt_step *step)
{
    json_t *object = json_pack("{ss ss ss ss ss}", "kind", kind_names[step->kind], "path",
                               step->path, "repository", step->repository, "before",
                               step->before, "after", step->after);

    if (object != NULL && step->kind == ADOPT_OWNER) {
        json_object_set_new(object, "uid_before", json_integer(step->uid_before));
        json_object_set_new(object, "uid_after", json_integer(step->uid_after));
        json_object_set_new(object, "shallow", json_boolean(step->is_shallow));
        json_object_set_new(object, "list", json_string(step->list));
    }
    return object;
}

static char *record_text(const struct adopt_plan *plan)
{
    json_t *array = json_array();
    json_t *json = json_pack("{si ss so}", "version", VERSION, "user",
                             plan->options->user, "steps", array);
    char *text = NULL;
    bool ok = json != NULL;

    for (int i = 0; ok && i < plan->steps->nelts; i++)
        ok =
            json_array_append_new(
                array, step_json(&APR_ARRAY_IDX(plan->steps, i, struct adopt_step))) == 0;
    if (ok)
        text = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    return text;
}

bool adopt_record_write(const struct adopt_plan *plan, struct error *error)
{
    const char *path = path_of(plan->options->confdir, plan->pool);
    char *text = record_text(plan);
    bool ok;

    if (text == NULL)
        return error_set(error, ERROR_UNSUPPORTED,
                         "%s cannot be written: a path or a line of a configuration file "
                         "is not UTF-8",
                         path);
    ok = adopt_write(path, text_of(text), 0600, plan->pool, error);
    free(text);
    return ok;
}

bool adopt_record_remove(const char *confdir, apr_pool_t *pool, struct error *error)
{
    const char *path = path_of(confdir, pool);
    apr_array_header_t *names = adopt_entries(confdir, pool);

    /* Without the record nobody needs the lists; with it they are needed. */
    if (unlink(path) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot remove %s", path);
    adopt_remove_temporary(path, pool);
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (text_starts(text_of(name), LIST_NAME))
            unlink(apr_pstrcat(pool, confdir, "/", name, NULL));
    }
    return true;
}
