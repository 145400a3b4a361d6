/* SPDX-License-Identifier: Apache-2.0 */
/* Repository configuration in the reference's layout. */
#include "libreplica/store/repository.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "libreplica/base/text.h"

#define GOOD_LINE_MAX 8192

/* Read one of the server's files; a key that everyone can read deserves a warning. A
 * group may: the daemon's user needs the key as well. */
static bool read_server_file(struct settings *settings, const char *path,
                             struct error *error)
{
    bool had_key = settings_is_set(settings, SETTING_GEO_LICENSE_KEY);
    struct stat status;

    if (!settings_read(settings, SETTING_SCOPE_SERVER, path, false, error))
        return false;
    if (!had_key && settings_is_set(settings, SETTING_GEO_LICENSE_KEY) &&
        stat(path, &status) == 0 && (status.st_mode & S_IROTH) != 0)
        settings_warn(
            settings,
            apr_psprintf(settings_pool(settings),
                         "%s: everyone may read it, and it holds %s: chmod o= %s", path,
                         setting_table[SETTING_GEO_LICENSE_KEY].key, path));
    return true;
}

bool server_settings_read(struct settings **settings, const char *confdir,
                          bool require_secrets, apr_pool_t *pool, struct error *error)
{
    struct settings *read = settings_create(pool);
    const char *secret = apr_pstrcat(pool, confdir, "/server.local", NULL);
    const char *open = apr_pstrcat(pool, confdir, "/replica.local", NULL);
    struct error reason;

    if (!read_server_file(read, secret, &reason) &&
        (require_secrets || reason.code != ERROR_PERMISSION)) {
        if (error != NULL)
            *error = reason;
        return false;
    }
    if (!read_server_file(read, open, error))
        return false;
    *settings = read;
    return true;
}

/* PATH without slashes at its end, so that names can be appended. */
static const char *without_trailing_slashes(struct text path, apr_pool_t *pool)
{
    while (path.length > 1 && path.bytes[path.length - 1] == '/')
        path.length--;
    return apr_pstrmemdup(pool, path.bytes, path.length);
}

/* Take the text before the next comma, and the comma, off *REST. */
static bool take_field(struct text *rest, struct text *field)
{
    const char *comma = memchr(rest->bytes, ',', rest->length);

    if (comma == NULL)
        return false;
    *field = (struct text){rest->bytes, (size_t)(comma - rest->bytes)};
    rest->length -= field->length + 1;
    rest->bytes = comma + 1;
    return true;
}

static bool is_absolute(struct text path)
{
    return text_starts(path, "/");
}

bool repository_parse_upstream(const char **temporary, const char **storage,
                               const char *triple, apr_pool_t *pool, struct error *error)
{
    struct text rest = text_of(triple), type, folder;

    if (!take_field(&rest, &type) || !take_field(&rest, &folder) ||
        memchr(rest.bytes, ',', rest.length) != NULL)
        return error_set(error, ERROR_SETTING,
                         "CVMFS_UPSTREAM_STORAGE='%s' is not "
                         "<type>,<temporary directory>,<storage directory>",
                         triple);
    if (!text_equals(type, "local"))
        return error_set(error, ERROR_UNSUPPORTED,
                         "storage of type '%s' is not supported, only "
                         "local; see CVMFS_UPSTREAM_STORAGE",
                         text_for_people(type, 20, pool));
    if (!is_absolute(folder) || !is_absolute(rest))
        return error_set(
            error, ERROR_SETTING,
            "the directories in CVMFS_UPSTREAM_STORAGE='%s' must be absolute", triple);
    *temporary = without_trailing_slashes(folder, pool);
    *storage = without_trailing_slashes(rest, pool);
    return true;
}

const char *repository_format_upstream(const char *storage, apr_pool_t *pool)
{
    return apr_psprintf(pool, "local,%s/data/txn,%s", storage, storage);
}

static bool find_storage(struct repository *repository, apr_pool_t *pool,
                         struct error *error)
{
    const struct settings *settings = repository->settings;
    const char *triple = settings_text(settings, SETTING_UPSTREAM_STORAGE);

    repository->storage = repository->temporary = "";
    /* The reference writes the usual triple for a pass-through replica but never makes
     * the directories. */
    if (settings_boolean(settings, SETTING_PASSTHROUGH))
        return true;
    if (*triple == '\0')
        triple = repository_format_upstream(
            apr_pstrcat(pool, settings_text(settings, SETTING_STORAGE_DIR), "/",
                        repository->local_name, NULL),
            pool);
    return repository_parse_upstream(&repository->temporary, &repository->storage, triple,
                                     pool, error) ||
           error_prefix(error, "repository %s", repository->local_name);
}

static const char *text_or(const struct settings *settings, enum setting_id id,
                           const char *otherwise)
{
    const char *value = settings_text(settings, id);

    return *value != '\0' ? value : otherwise;
}

static bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* server.conf, then replica.conf or client.conf: the order in which the reference sources
 * them. */
static bool read_files(struct settings *settings, enum repository_kind *kind,
                       const char *folder, apr_pool_t *pool, struct error *error)
{
    const char *server = apr_pstrcat(pool, folder, "/server.conf", NULL);
    const char *replica = apr_pstrcat(pool, folder, "/replica.conf", NULL);
    const char *client = apr_pstrcat(pool, folder, "/client.conf", NULL);

    if (!settings_read(settings, SETTING_SCOPE_REPOSITORY, server, true, error))
        return false;
    *kind = file_exists(replica) ? REPOSITORY_STRATUM1 : REPOSITORY_STRATUM0;
    return settings_read(settings, SETTING_SCOPE_REPOSITORY,
                         *kind == REPOSITORY_STRATUM1 ? replica : client, false, error);
}

static void take_identity(struct repository *repository, struct settings *settings,
                          const char *local_name, apr_pool_t *pool)
{
    repository->local_name = apr_pstrdup(pool, local_name);
    repository->settings = settings;
    repository->fqrn = text_or(settings, SETTING_REPOSITORY_NAME, repository->local_name);
    repository->user = settings_text(settings, SETTING_USER);
    repository->spool =
        text_or(settings, SETTING_SPOOL_DIR,
                apr_pstrcat(pool, settings_text(settings, SETTING_SERVER_SPOOL_DIR), "/",
                            local_name, NULL));
}

bool repository_read(struct repository **repository, const char *confdir,
                     const char *local_name, const struct settings *server,
                     apr_pool_t *pool, struct error *error)
{
    struct repository *read = apr_pcalloc(pool, sizeof(*read));
    struct settings *settings = settings_copy(server, pool);
    const char *folder;

    if (!text_is_repository_name(text_of(local_name)))
        return error_set(error, ERROR_NOT_FOUND, "'%s' is not a repository name",
                         text_for_people(text_of(local_name), 60, pool));
    folder = apr_pstrcat(pool, confdir, "/repositories.d/", local_name, NULL);
    if (!read_files(settings, &read->kind, folder, pool, error)) {
        if (error != NULL && error->code == ERROR_NOT_FOUND)
            error_set(error, ERROR_NOT_FOUND,
                      "repository %s is not configured: there is no %s/server.conf",
                      local_name, folder);
        return false;
    }
    take_identity(read, settings, local_name, pool);
    if (!find_storage(read, pool, error))
        return false;
    *repository = read;
    return true;
}

/* Read PATH line by line and pass over what is bad. */
static void read_good_lines(struct settings *settings, const char *path, apr_pool_t *pool)
{
    char *line = apr_palloc(pool, GOOD_LINE_MAX);
    apr_file_t *file;

    if (apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BUFFERED, APR_OS_DEFAULT,
                      pool) != APR_SUCCESS)
        return;
    while (apr_file_gets(line, GOOD_LINE_MAX, file) == APR_SUCCESS)
        settings_parse(settings, SETTING_SCOPE_REPOSITORY, path, text_of(line), NULL);
    apr_file_close(file);
}

static void read_good_files(struct settings *settings, enum repository_kind *kind,
                            const char *folder, apr_pool_t *pool)
{
    const char *replica = apr_pstrcat(pool, folder, "/replica.conf", NULL);

    *kind = file_exists(replica) ? REPOSITORY_STRATUM1 : REPOSITORY_STRATUM0;
    read_good_lines(settings, apr_pstrcat(pool, folder, "/server.conf", NULL), pool);
    read_good_lines(settings,
                    *kind == REPOSITORY_STRATUM1
                        ? replica
                        : apr_pstrcat(pool, folder, "/client.conf", NULL),
                    pool);
}

bool repository_read_storage(const char **storage, const char *confdir,
                             const char *local_name, const struct settings *server,
                             apr_pool_t *pool)
{
    struct settings *settings = settings_copy(server, pool);
    struct repository found = {.local_name = local_name, .settings = settings};

    read_good_files(settings, &found.kind,
                    apr_pstrcat(pool, confdir, "/repositories.d/", local_name, NULL),
                    pool);
    if (!settings_is_set(settings, SETTING_UPSTREAM_STORAGE) ||
        !find_storage(&found, pool, NULL) || *found.storage == '\0')
        return false;
    *storage = found.storage;
    return true;
}

bool repository_read_leniently(struct repository **repository, const char **problem,
                               const char *confdir, const char *local_name,
                               const struct settings *server, apr_pool_t *pool,
                               struct error *error)
{
    struct repository *read = apr_pcalloc(pool, sizeof(*read));
    struct settings *settings = settings_copy(server, pool);
    struct error first;

    *problem = NULL;
    if (repository_read(repository, confdir, local_name, server, pool, &first))
        return true;
    if (first.code == ERROR_NOT_FOUND) {
        if (error != NULL)
            *error = first;
        return false;
    }
    *problem = apr_pstrdup(pool, first.message);
    read_good_files(settings, &read->kind,
                    apr_pstrcat(pool, confdir, "/repositories.d/", local_name, NULL),
                    pool);
    take_identity(read, settings, local_name, pool);
    find_storage(read, pool, NULL);
    *repository = read;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool repository_names(apr_array_header_t **names, const char *confdir, apr_pool_t *pool,
                      struct error *error)
{
    const char *folder = apr_pstrcat(pool, confdir, "/repositories.d", NULL);
    apr_array_header_t *found = apr_array_make(pool, 16, sizeof(const char *));
    apr_finfo_t entry;
    apr_dir_t *directory;
    apr_status_t status = apr_dir_open(&directory, folder, pool);

    if (APR_STATUS_IS_ENOENT(status)) {
        *names = found;
        return true;
    }
    if (status != APR_SUCCESS)
        return error_set_errno(error, APR_TO_OS_ERROR(status), "cannot read %s", folder);
    while (apr_dir_read(&entry, APR_FINFO_NAME, directory) == APR_SUCCESS) {
        if (text_is_repository_name(text_of(entry.name)) &&
            file_exists(apr_pstrcat(pool, folder, "/", entry.name, "/server.conf", NULL)))
            APR_ARRAY_PUSH(found, const char *) = apr_pstrdup(pool, entry.name);
    }
    apr_dir_close(directory);
    if (found->nelts > 1)
        qsort(found->elts, (size_t)found->nelts, sizeof(const char *), compare_names);
    *names = found;
    return true;
}

static const char *without_slashes(char *url)
{
    for (size_t length = strlen(url); length > 0 && url[length - 1] == '/';)
        url[--length] = '\0';
    return url;
}

const char *repository_origin_url(const struct repository *repository, apr_pool_t *pool)
{
    return without_slashes(
        apr_pstrdup(pool, settings_text(repository->settings, SETTING_STRATUM0)));
}

const char *repository_origin_server(const struct repository *repository,
                                     apr_pool_t *pool)
{
    const char *url = repository_origin_url(repository, pool);
    const char *server = strstr(url, "://");
    char *name;

    if (server == NULL)
        return "";
    name = apr_pstrmemdup(pool, server + 3, strcspn(server + 3, "/"));
    for (char *c = name; *c != '\0'; c++)
        *c = (char)apr_tolower(*c);
    return name;
}

static void add_once(apr_array_header_t *urls, const char *url)
{
    for (int i = 0; i < urls->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(urls, i, const char *), url) == 0)
            return;
    APR_ARRAY_PUSH(urls, const char *) = url;
}

static void add_urls(apr_array_header_t *urls, const char *list, apr_pool_t *pool)
{
    char *next = apr_pstrdup(pool, list), *rest;

    for (next = strtok_r(next, " \t", &rest); next != NULL;
         next = strtok_r(NULL, " \t", &rest))
        add_once(urls, without_slashes(next));
}

apr_array_header_t *repository_upstream_urls(const struct repository *repository,
                                             apr_pool_t *pool)
{
    const char *origin = repository_origin_url(repository, pool);
    apr_array_header_t *urls = apr_array_make(pool, 4, sizeof(const char *));

    if (*origin != '\0')
        APR_ARRAY_PUSH(urls, const char *) = origin;
    add_urls(urls, settings_text(repository->settings, SETTING_UPSTREAMS), pool);
    return urls;
}

apr_array_header_t *repository_event_sources(const struct repository *repository,
                                             apr_pool_t *pool)
{
    apr_array_header_t *urls = apr_array_make(pool, 2, sizeof(const char *));

    add_urls(urls, settings_text(repository->settings, SETTING_EVENT_SOURCES), pool);
    return urls;
}

bool repository_require_content(const struct repository *repository, const char *verb,
                                struct error *error)
{
    if (repository->kind != REPOSITORY_STRATUM1)
        return error_set(error, ERROR_USAGE, "%s is not a stratum 1 repository",
                         repository->local_name);
    if (settings_boolean(repository->settings, SETTING_PASSTHROUGH))
        return error_set(error, ERROR_USAGE,
                         "%s is a pass-through replica: there is nothing to %s",
                         repository->local_name, verb);
    return true;
}

const char *repository_update_lock(const struct repository *repository, apr_pool_t *pool)
{
    return apr_pstrcat(pool, repository->spool, "/is_updating.lock", NULL);
}

const char *repository_collect_lock(const struct repository *repository, apr_pool_t *pool)
{
    return apr_pstrcat(pool, repository->spool, "/is_collecting.lock", NULL);
}

const char *repository_reflog_checksum_file(const struct repository *repository,
                                            apr_pool_t *pool)
{
    return apr_pstrcat(pool, repository->spool, "/reflog.chksum", NULL);
}

bool repository_open_store(struct store **store, const struct repository *repository,
                           apr_pool_t *pool, struct error *error)
{
    if (!store_open(store, repository->storage, repository->temporary, pool, error))
        return false;
    if (strcmp(settings_text(repository->settings, SETTING_SYNCFS_LEVEL), "none") == 0)
        store_disable_barriers(*store);
    return true;
}

const char *server_keys_directory(const struct settings *server, const char *confdir,
                                  apr_pool_t *pool)
{
    const char *keys = settings_text(server, SETTING_KEYS_DIR);

    return *keys != '\0' ? keys : apr_pstrcat(pool, confdir, "/keys", NULL);
}

bool repository_is_of(const struct repository *repository, const char *user)
{
    return *repository->user == '\0' || strcmp(repository->user, user) == 0;
}
