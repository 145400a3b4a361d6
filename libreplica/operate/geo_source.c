/* SPDX-License-Identifier: Apache-2.0 */
/* Where the geo database of this server comes from. */
#include "libreplica/operate/geo_source.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/geo/database_paths.h"

/* Where geoipupdate keeps its files. */
#define SYSTEM_FOLDER "/usr/share/GeoIP/"
/* Whose checksums are always there. */
#define VENDOR_HOST ".maxmind.com"

const char *geo_url_expand(const char *url, int year, int month, apr_pool_t *pool)
{
    const char *expanded = "";

    for (;;) {
        const char *sign = strchr(url, '%');

        while (sign != NULL && sign[1] != 'Y' && sign[1] != 'm')
            sign = strchr(sign + 1, '%');
        if (sign == NULL)
            return apr_pstrcat(pool, expanded, url, NULL);
        expanded =
            apr_psprintf(pool, sign[1] == 'Y' ? "%s%.*s%04d" : "%s%.*s%02d", expanded,
                         (int)(sign - url), url, sign[1] == 'Y' ? year : month);
        url = sign + 2;
    }
}

const char *geo_url_for_people(const char *url, apr_pool_t *pool)
{
    const char *host = strstr(url, "://"), *at, *end;

    host = host != NULL ? host + 3 : url;
    at = host;
    end = host + strcspn(host, "/?#");
    for (const char *byte = host; byte < end; byte++)
        if (*byte == '@')
            at = byte + 1;
    return apr_psprintf(pool, "%.*s%.*s", (int)(host - url), url, (int)strcspn(at, "?#"),
                        at);
}

static const char *of_environment(const struct settings *server, enum setting_id id)
{
    const char *value = getenv(setting_table[id].key);

    return value != NULL && *value != '\0' ? value : settings_text(server, id);
}

static bool is_of_vendor(const char *url, apr_pool_t *pool)
{
    const char *name = geo_url_for_people(url, pool), *host = strstr(name, "://");
    size_t length, vendor = strlen(VENDOR_HOST);

    if (host == NULL)
        return false;
    host += 3;
    length = strcspn(host, "/:");
    return length > vendor &&
           strncasecmp(host + length - vendor, VENDOR_HOST, vendor) == 0;
}

static bool check_url(const char *url, const char *key, struct error *error)
{
    return strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0 ||
           error_set(error, ERROR_SETTING,
                     "%s: a URL has to begin with https:// or http://", key);
}

static struct geo_source *add_source(struct geo_sources *sources, const char *path,
                                     apr_pool_t *pool)
{
    struct geo_source *source = apr_array_push(sources->sources);

    memset(source, 0, sizeof(*source));
    source->paths = apr_array_make(pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(source->paths, const char *) = path;
    return source;
}

static bool plan_vendor(struct geo_sources *sources, const struct settings *server,
                        apr_pool_t *pool, struct error *error)
{
    const char *account = of_environment(server, SETTING_GEO_ACCOUNT_ID);
    const char *license = of_environment(server, SETTING_GEO_LICENSE_KEY);
    const char *base = settings_text(server, SETTING_UPDATEGEO_URLBASE);
    apr_array_header_t *paths = apr_array_make(pool, 1, sizeof(const char *));
    struct geo_source *source;

    APR_ARRAY_PUSH(paths, const char *) =
        apr_pstrcat(pool, settings_text(server, SETTING_UPDATEGEO_DIR), "/",
                    settings_text(server, SETTING_UPDATEGEO_DB), NULL);
    sources->paths = paths;
    if (*account == '\0' || *license == '\0') {
        sources->plan = GEO_PLAN_NOTHING;
        sources->missing = setting_table[*account == '\0' ? SETTING_GEO_ACCOUNT_ID
                                                          : SETTING_GEO_LICENSE_KEY]
                               .key;
        return true;
    }
    if (!check_url(base, setting_table[SETTING_UPDATEGEO_URLBASE].key, error))
        return false;
    source = add_source(sources, APR_ARRAY_IDX(paths, 0, const char *), pool);
    source->url = apr_pstrcat(pool, base, "?suffix=tar.gz", NULL);
    source->name = geo_url_for_people(base, pool);
    source->credentials = apr_pstrcat(pool, account, ":", license, NULL);
    source->checksum_suffix = ".sha256";
    source->needs_checksum = is_of_vendor(base, pool);
    return true;
}

/* The source with that URL, so that it is downloaded once. */
static struct geo_source *find_source(struct geo_sources *sources, const char *url)
{
    for (int i = 0; i < sources->sources->nelts; i++) {
        struct geo_source *source =
            &APR_ARRAY_IDX(sources->sources, i, struct geo_source);

        if (strcmp(source->url, url) == 0)
            return source;
    }
    return NULL;
}

static bool add_url(struct geo_sources *sources, const char *template, const char *path,
                    const struct tm *date, apr_pool_t *pool, struct error *error)
{
    int year = date->tm_year + 1900, month = date->tm_mon + 1;
    const char *url = geo_url_expand(template, year, month, pool);
    struct geo_source *source = find_source(sources, url);

    if (!check_url(url, setting_table[SETTING_GEO_DB_URL].key, error))
        return false;
    if (source != NULL) {
        APR_ARRAY_PUSH(source->paths, const char *) = path;
        return true;
    }
    source = add_source(sources, path, pool);
    source->url = url;
    source->name = geo_url_for_people(url, pool);
    if (strcmp(url, template) != 0)
        source->earlier_url = geo_url_expand(template, month == 1 ? year - 1 : year,
                                             month == 1 ? 12 : month - 1, pool);
    if (strchr(url, '?') == NULL)
        source->checksum_suffix = ".sha256";
    return true;
}

static bool plan_urls(struct geo_sources *sources, const struct settings *server,
                      time_t now, apr_pool_t *pool, struct error *error)
{
    char *rest = apr_pstrdup(pool, settings_text(server, SETTING_GEO_DB_URL)), *state;
    const char *url;
    struct tm date;
    int count = 0;

    gmtime_r(&now, &date);
    for (url = apr_strtok(rest, " \t", &state); url != NULL;
         url = apr_strtok(NULL, " \t", &state), count++)
        if (count < sources->paths->nelts &&
            !add_url(sources, url, APR_ARRAY_IDX(sources->paths, count, const char *),
                     &date, pool, error))
            return false;
    return count == sources->paths->nelts ||
           error_set(error, ERROR_SETTING,
                     "REPLICA_GEO_DB_URL has %d URLs for %d geo database files: give "
                     "each file of REPLICA_GEO_DB its URL, in the same order",
                     count, sources->paths->nelts);
}

static bool plan_link(struct geo_sources *sources, const char *file, struct error *error)
{
    sources->plan = GEO_PLAN_LINK;
    sources->linked = geo_database_file_is_none(file) ? "NONE" : file;
    return sources->linked != file || *file == '/' ||
           error_set(error, ERROR_SETTING,
                     "CVMFS_GEO_DB_FILE: '%s' is neither an absolute path nor NONE",
                     file);
}

bool geo_sources_find(struct geo_sources *sources, const struct settings *server,
                      time_t now, apr_pool_t *pool, struct error *error)
{
    const char *file = of_environment(server, SETTING_GEO_DB_FILE);
    bool has_urls = settings_text(server, SETTING_GEO_DB_URL)[strspn(
                        settings_text(server, SETTING_GEO_DB_URL), " \t")] != '\0';
    const char *of_system = apr_pstrcat(
        pool, SYSTEM_FOLDER, settings_text(server, SETTING_UPDATEGEO_DB), NULL);

    memset(sources, 0, sizeof(*sources));
    sources->plan = GEO_PLAN_DOWNLOAD;
    sources->paths = geo_database_paths(server, pool);
    sources->sources = apr_array_make(pool, 2, sizeof(struct geo_source));
    /* "No database" does not contradict files that are named elsewhere. */
    if (*file != '\0' && !(has_urls && geo_database_file_is_none(file)))
        return plan_link(sources, file, error);
    if (has_urls)
        return plan_urls(sources, server, now, pool, error);
    if (*of_environment(server, SETTING_GEO_LICENSE_KEY) == '\0' &&
        access(of_system, R_OK) == 0)
        return plan_link(sources, of_system, error);
    return plan_vendor(sources, server, pool, error);
}
