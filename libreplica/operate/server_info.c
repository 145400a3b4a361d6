/* SPDX-License-Identifier: Apache-2.0 */
/* Writing what a server says about itself. */
#include "config.h"
#include "libreplica/operate/server_info.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include <jansson.h>

#include "libreplica/base/date.h"
#include "libreplica/geo/geo_state.h"
#include "libreplica/store/file.h"
#include "libreplica/store/repository.h"

#define INFO_SIZE_MAX      (1024 * 1024)
#define OS_RELEASE_MAX     (64 * 1024)
#define INFO_SCHEMA        1
#define REPOSITORIES_NAME  "repositories.json"
#define META_NAME          "meta.json"
#define EMPTY_REPOSITORIES "{}\n"

static const char meta_skeleton[] = "{\n"
                                    "  \"administrator\": \"Your Name\",\n"
                                    "  \"email\": \"you@organisation.org\",\n"
                                    "  \"organisation\": \"Your Organisation\",\n"
                                    "  \"custom\": {\n"
                                    "    \"_comment\": \"Any JSON of your own\"\n"
                                    "  }\n"
                                    "}\n";

const char *server_info_directory(const struct settings *server, apr_pool_t *pool)
{
    return apr_pstrcat(pool, settings_text(server, SETTING_STORAGE_DIR), "/info/v1",
                       NULL);
}

static const char *info_path(const struct settings *server, const char *name,
                             apr_pool_t *pool)
{
    return apr_pstrcat(pool, server_info_directory(server, pool), "/", name, NULL);
}

static bool write_missing(const char *path, const char *content, apr_pool_t *pool,
                          struct error *error)
{
    return access(path, F_OK) == 0 ||
           file_replace(path, text_of(content), 0644, pool, error);
}

bool server_info_create(const struct settings *server, apr_pool_t *pool,
                        struct error *error)
{
    return file_make_directory(server_info_directory(server, pool), 0755, pool, error) &&
           write_missing(info_path(server, REPOSITORIES_NAME, pool), EMPTY_REPOSITORIES,
                         pool, error) &&
           write_missing(info_path(server, META_NAME, pool), meta_skeleton, pool, error);
}

/* VALUE of the line KEY=VALUE, without quotes; "" if there is none. */
static const char *os_field(struct text file, const char *key, apr_pool_t *pool)
{
    struct text line;
    char *value, *out;

    while (text_next_line(&file, &line)) {
        if (!text_starts(line, key))
            continue;
        value = out =
            apr_pstrmemdup(pool, line.bytes + strlen(key), line.length - strlen(key));
        for (const char *in = value; *in != '\0'; in++)
            if (*in != '"' && *in != '\'')
                *out++ = *in;
        *out = '\0';
        return value;
    }
    return "";
}

static void add_versions(json_t *root, apr_pool_t *pool)
{
    struct text file = {"", 0};

    if (!file_read(&file, "/etc/os-release", OS_RELEASE_MAX, pool, NULL))
        file_read(&file, "/usr/lib/os-release", OS_RELEASE_MAX, pool, NULL);
    json_object_set_new(root, "cvmfs_version",
                        json_string(PACKAGE_NAME "-" PACKAGE_VERSION));
    json_object_set_new(root, "os_id", json_string(os_field(file, "ID=", pool)));
    json_object_set_new(root, "os_version_id",
                        json_string(os_field(file, "VERSION_ID=", pool)));
    json_object_set_new(root, "os_pretty_name",
                        json_string(os_field(file, "PRETTY_NAME=", pool)));
}

/* The date of the file itself, not of a link to it: an administrator who links the
 * database would otherwise seem to have an old one. The file's date says when it was
 * fetched; how old its content is, only the database itself does. */
static void add_geo_dates(json_t *root, const struct settings *server, apr_pool_t *pool)
{
    struct geo_state state = geo_state_read(server, pool);
    char date[DATE_UTC_SIZE];

    if (!state.is_there)
        return;
    date_format_utc(date, apr_time_from_sec(state.written));
    json_object_set_new(root, "last_geodb_update", json_string(date));
    if (state.build_epoch > 0)
        json_object_set_new(root, "geodb_build_epoch", json_integer(state.build_epoch));
}

static json_t *repository_element(const struct repository *repository, apr_pool_t *pool)
{
    json_t *element = json_object();

    json_object_set_new(element, "name", json_string(repository->fqrn));
    if (strcmp(repository->fqrn, repository->local_name) != 0)
        json_object_set_new(element, "alias", json_string(repository->local_name));
    if (repository->kind == REPOSITORY_STRATUM1 &&
        settings_boolean(repository->settings, SETTING_PASSTHROUGH))
        json_object_set_new(element, "pass-through", json_true());
    json_object_set_new(
        element, "url",
        json_string(apr_pstrcat(pool, "/cvmfs/", repository->local_name, NULL)));
    return element;
}

static bool add_repositories(json_t *root, const char *confdir,
                             const struct settings *server, apr_pool_t *pool,
                             struct error *error)
{
    json_t *published = json_array(), *replicas = json_array();
    apr_array_header_t *names;

    json_object_set_new(root, "repositories", published);
    json_object_set_new(root, "replicas", replicas);
    if (!repository_names(&names, confdir, pool, error))
        return false;
    for (int i = 0; i < names->nelts; i++) {
        struct repository *repository;
        const char *problem;

        if (repository_read_leniently(&repository, &problem, confdir,
                                      APR_ARRAY_IDX(names, i, const char *), server, pool,
                                      NULL))
            json_array_append_new(repository->kind == REPOSITORY_STRATUM1 ? replicas
                                                                          : published,
                                  repository_element(repository, pool));
    }
    return true;
}

bool server_info_update(const char *confdir, const struct settings *server,
                        apr_pool_t *pool, struct error *error)
{
    json_t *root = json_object();
    char *text = NULL;
    bool ok;

    json_object_set_new(root, "schema", json_integer(INFO_SCHEMA));
    add_geo_dates(root, server, pool);
    /* As the reference compares it: "yes" is not true. */
    if (strcmp(settings_text(server, SETTING_PUBLISH_VERSIONS), "true") == 0)
        add_versions(root, pool);
    ok = add_repositories(root, confdir, server, pool, error);
    if (ok)
        text = json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(root);
    if (!ok)
        return false;
    if (text == NULL)
        return error_set(error, ERROR_BAD_FORMAT,
                         "cannot write %s: a name in the configuration is not UTF-8",
                         info_path(server, REPOSITORIES_NAME, pool));
    ok = server_info_create(server, pool, error) &&
         file_replace(info_path(server, REPOSITORIES_NAME, pool),
                      text_of(apr_pstrcat(pool, text, "\n", NULL)), 0644, pool, error);
    free(text);
    return ok;
}

bool server_info_read_meta(struct text *text, const struct settings *server,
                           apr_pool_t *pool, struct error *error)
{
    return file_read(text, info_path(server, META_NAME, pool), INFO_SIZE_MAX, pool,
                     error);
}

bool server_info_check_meta(struct text text, struct error *error)
{
    json_error_t reason;
    json_t *root = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, &reason);
    bool is_object = json_is_object(root);

    if (root == NULL)
        return error_set(error, ERROR_BAD_FORMAT, "line %d: %s", reason.line,
                         reason.text);
    json_decref(root);
    return is_object ||
           error_set(error, ERROR_BAD_FORMAT, "the text is JSON, but not an object");
}

bool server_info_write_meta(const struct settings *server, struct text text,
                            apr_pool_t *pool, struct error *error)
{
    return server_info_check_meta(text, error) &&
           file_replace(info_path(server, META_NAME, pool), text, 0644, pool, error);
}
