/* SPDX-License-Identifier: Apache-2.0 */
/* httpd's configuration of pass-through replicas. */
#include "libreplica/operate/web_configuration.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/text.h"
#include "libreplica/store/file.h"

/* The first line, by which our files are known. */
#define MARK          "# Created by replicactl.\n"
#define FILE_SIZE_MAX (64 * 1024)

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool web_configuration_path(const char **path, const struct settings *server,
                            const char *local_name, apr_pool_t *pool, struct error *error)
{
    const char *candidates[] = {settings_text(server, SETTING_HTTPD_CONF_DIR),
                                "/etc/apache2/conf-available", "/etc/httpd/conf.d"};
    size_t count = *candidates[0] != '\0' ? 1 : 3;

    for (size_t i = 0; i < count; i++)
        if (*candidates[i] != '\0' && is_directory(candidates[i])) {
            *path =
                apr_pstrcat(pool, candidates[i], "/cvmfs.", local_name, ".conf", NULL);
            return true;
        }
    return error_set(error, ERROR_NOT_FOUND,
                     "there is no folder for httpd's configuration%s%s: set "
                     "REPLICA_HTTPD_CONF_DIR, or let -p write none",
                     count == 1 ? " " : "", count == 1 ? candidates[0] : "");
}

/* Where Debian wants a link to what is in conf-available; NULL elsewhere. */
static const char *link_of(const char *path, apr_pool_t *pool)
{
    static const char available[] = "/conf-available/";
    const char *name = strrchr(path, '/') + 1;
    const char *folder, *parent;

    if ((size_t)(name - path) < sizeof(available) ||
        strncmp(name - strlen(available), available, strlen(available)) != 0)
        return NULL;
    parent = apr_pstrmemdup(pool, path, (size_t)(name - path) - strlen(available));
    folder = apr_pstrcat(pool, parent, "/conf-enabled", NULL);
    return is_directory(folder) ? apr_pstrcat(pool, folder, "/", name, NULL) : NULL;
}

/* Only what means itself to httpd's parser and to mod_proxy. */
static bool check_origin(const char *url, apr_pool_t *pool, struct error *error)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789-._~:/[]";

    if (strncmp(url, "http://", 7) != 0)
        return error_set(error, ERROR_USAGE,
                         "%s: only an origin with a http:// URL can be passed through; "
                         "with -p configure mod_proxy for another one yourself",
                         text_for_people(text_of(url), 100, pool));
    if (url[strspn(url, allowed)] != '\0')
        return error_set(error, ERROR_USAGE,
                         "%s: that URL cannot stand in httpd's configuration: it has "
                         "other bytes than letters, digits and -._~:/[]",
                         text_for_people(text_of(url), 100, pool));
    return true;
}

static const char *format(const char *name, const char *url, apr_pool_t *pool)
{
    return apr_psprintf(
        pool,
        MARK
        "# The pass-through replica %s: mod_proxy gets it from its origin, only the API "
        "is\n"
        "# answered here. 'replicactl rmfs %s' removes this file.\n"
        "<IfModule proxy_http_module>\n"
        "    ProxyPass \"/cvmfs/%s/api/\" \"!\"\n"
        "    ProxyPass \"/cvmfs/%s/\" \"%s/\" connectiontimeout=10 timeout=60 retry=5\n"
        "    <Location \"/cvmfs/%s/\">\n"
        "        ProxyPreserveHost Off\n"
        "        ProxyErrorOverride Off\n"
        "    </Location>\n"
        "</IfModule>\n",
        name, name, name, name, url, name);
}

/* *ours false: there is none. */
static bool find_ours(bool *ours, const char *path, apr_pool_t *pool, struct error *error)
{
    struct text text;

    *ours = file_read(&text, path, FILE_SIZE_MAX, pool, error);
    if (!*ours)
        return error->code == ERROR_NOT_FOUND;
    return text_starts(text, MARK) ||
           error_set(error, ERROR_EXISTS,
                     "%s is there, and not made by replicactl: move it away, or let -p "
                     "write none",
                     path);
}

static bool make_link(const char *path, const char *link, apr_pool_t *pool,
                      struct error *error)
{
    const char *target =
        apr_pstrcat(pool, "../conf-available/", strrchr(path, '/') + 1, NULL);

    return link == NULL || symlink(target, link) == 0 || errno == EEXIST ||
           error_set_errno(error, errno, "cannot create %s", link);
}

bool web_configuration_write(const struct settings *server, const char *local_name,
                             const char *origin_url, apr_pool_t *pool,
                             struct error *error)
{
    const char *path;
    bool ours;

    return check_origin(origin_url, pool, error) &&
           web_configuration_path(&path, server, local_name, pool, error) &&
           find_ours(&ours, path, pool, error) &&
           file_replace(path, text_of(format(local_name, origin_url, pool)), 0644, pool,
                        error) &&
           make_link(path, link_of(path, pool), pool, error);
}

bool web_configuration_remove(bool *removed, const struct settings *server,
                              const char *local_name, apr_pool_t *pool,
                              struct error *error)
{
    const char *path, *link;
    struct error problem;

    *removed = false;
    if (!web_configuration_path(&path, server, local_name, pool, NULL))
        return true;
    if (!find_ours(removed, path, pool, &problem) || !*removed) {
        *removed = false;
        return true;
    }
    link = link_of(path, pool);
    return (link == NULL || file_remove_tree(link, error)) &&
           file_remove_tree(path, error);
}
