/* SPDX-License-Identifier: Apache-2.0 */
/* What a client of a repository has to be told. Clients give the file to a shell, so only
 * what means nothing to a shell gets in. Source: stratum1-http-and-ops 4.4. */
#include "libreplica/operate/client_configuration.h"

#include <stdarg.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/text.h"
#include "libreplica/store/file.h"
#include "libreplica/store/master_keys.h"

#define KEY_SIZE_MAX   (64 * 1024)
#define SHOWN_SIZE_MAX 100

void client_configuration_init(struct client_configuration *configuration,
                               apr_pool_t *pool)
{
    *configuration = (struct client_configuration){
        .servers = apr_array_make(pool, 4, sizeof(const char *)), .pool = pool};
}

static const char *shown(const struct client_configuration *configuration,
                         const char *value)
{
    return text_for_people(text_of(value), SHOWN_SIZE_MAX, configuration->pool);
}

/* Where the host begins; NULL: it is no URL. */
static const char *host_of(const char *url)
{
    const char *host = strstr(url, "://");

    if (host == NULL ||
        (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
        return NULL;
    return host[3] != '/' && host[3] != ':' && host[3] != '\0' ? host + 3 : NULL;
}

bool client_configuration_add_server(struct client_configuration *configuration,
                                     const char *server, struct error *error)
{
    apr_pool_t *pool = configuration->pool;
    bool has_scheme = strstr(server, "://") != NULL;
    char *url = has_scheme ? apr_pstrdup(pool, server)
                           : apr_pstrcat(pool, "http://", server, NULL);
    const char *host = host_of(url);

    if (host == NULL || !text_has_only(text_of(host), ".-_/:@[]~"))
        return error_set(error, ERROR_USAGE,
                         "--server %s: give a host, HOST:PORT, or a URL such as "
                         "http://s2.example.org/cvmfs/@fqrn@",
                         shown(configuration, server));
    for (char *end = url + strlen(url); end > host && end[-1] == '/'; end--)
        end[-1] = '\0';
    if (strchr(host, '/') == NULL)
        url = apr_pstrcat(pool, url, "/cvmfs/@fqrn@", NULL);
    for (int i = 0; i < configuration->servers->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(configuration->servers, i, const char *), url) == 0)
            return true;
    APR_ARRAY_PUSH(configuration->servers, const char *) = url;
    return true;
}

/* "localhost" is another host for everybody else. */
static const char *with_host(const char *url, const char *host, apr_pool_t *pool)
{
    const char *old = host_of(url);
    size_t length = old != NULL ? strcspn(old, ":/") : 0;

    if (old == NULL || ((length != 9 || strncmp(old, "localhost", 9) != 0) &&
                        (length < 4 || strncmp(old, "127.", 4) != 0)))
        return url;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, url, (size_t)(old - url)), host,
                       old + length, NULL);
}

/* The client puts the name in by itself, unless it is another one here. */
static const char *with_placeholder(const char *url, const struct repository *repository,
                                    apr_pool_t *pool)
{
    const char *name = strrchr(url, '/');

    if (name == NULL || strcmp(name + 1, repository->fqrn) != 0)
        return url;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, url, (size_t)(name + 1 - url)),
                       "@fqrn@", NULL);
}

bool client_configuration_add_self(struct client_configuration *configuration,
                                   const struct repository *repository, const char *url,
                                   const char *host, struct error *error)
{
    enum setting_id id =
        repository->kind == REPOSITORY_STRATUM1 ? SETTING_STRATUM1 : SETTING_STRATUM0;
    apr_pool_t *pool = configuration->pool;

    if (url != NULL)
        return client_configuration_add_server(configuration, url, error);
    url = settings_text(repository->settings, id);
    if (*url == '\0')
        url = apr_pstrcat(pool, "http://localhost/cvmfs/", repository->local_name, NULL);
    url = with_placeholder(with_host(url, host, pool), repository, pool);
    return client_configuration_add_server(configuration, url, error) ||
           error_prefix(error, "this server's own URL, CVMFS_STRATUM1 or --url");
}

/* One proxy, without its separator. */
static const char *full_proxy(const char *proxy, apr_pool_t *pool)
{
    const char *url =
        strstr(proxy, "://") != NULL ? proxy : apr_pstrcat(pool, "http://", proxy, NULL);
    const char *host;

    if (strcmp(proxy, "DIRECT") == 0 || strcmp(proxy, "auto") == 0)
        return proxy;
    host = host_of(url);
    return host != NULL && text_has_only(text_of(host), ".-_:[]") &&
                   strrchr(host, ':') != NULL
               ? url
               : NULL;
}

static void join_proxy(struct client_configuration *configuration, const char *proxy,
                       char separator)
{
    const char between[] = {strcmp(proxy, "DIRECT") == 0 ? ';' : separator, '\0'};
    const char *before = configuration->proxies;

    configuration->proxies =
        before == NULL ? proxy
                       : apr_pstrcat(configuration->pool, before, between, proxy, NULL);
}

bool client_configuration_add_proxy(struct client_configuration *configuration,
                                    const char *proxy, struct error *error)
{
    apr_pool_t *pool = configuration->pool;
    const char *rest = proxy;
    char separator = '|';

    for (;;) {
        size_t length = strcspn(rest, "|;");
        const char *one = full_proxy(apr_pstrmemdup(pool, rest, length), pool);

        if (one == NULL)
            return error_set(error, ERROR_USAGE,
                             "--proxy %s: give http://HOST:PORT, DIRECT or auto, with | "
                             "between those that share the load and ; before those for "
                             "when they fail",
                             shown(configuration, proxy));
        join_proxy(configuration, one, separator);
        if (rest[length] == '\0')
            return true;
        separator = rest[length];
        rest += length + 1;
    }
}

bool client_configuration_set_keys(struct client_configuration *configuration,
                                   const char *folder, struct error *error)
{
    if (*folder != '/' || !text_has_only(text_of(folder), ".-_/+@"))
        return error_set(error, ERROR_USAGE,
                         "--keys-dir %s: give the whole path of a folder on the clients, "
                         "for example /etc/cvmfs/keys/example.org",
                         shown(configuration, folder));
    configuration->keys_folder = folder;
    return true;
}

/* The file on its way. */
struct writing {
    const struct client_configuration *configuration;
    const struct repository *repository;
    apr_array_header_t *parts;
    apr_pool_t *pool;
};

static void __attribute__((format(printf, 2, 3)))
say(struct writing *writing, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    APR_ARRAY_PUSH(writing->parts, const char *) =
        apr_pvsprintf(writing->pool, format, arguments);
    va_end(arguments);
}

static void say_servers(struct writing *writing)
{
    const struct client_configuration *configuration = writing->configuration;
    int count = configuration->servers->nelts;
    bool sorts = count > 1 && configuration->has_geo_database;

    say(writing,
        "\n# Where it is, in this order. The client puts the repository's name in the "
        "place of @fqrn@.\n"
        "CVMFS_SERVER_URL='%s'\n"
        "# Whether servers sort that list by distance from the client%s.\n"
        "CVMFS_USE_GEOAPI=%s\n",
        apr_array_pstrcat(writing->pool, configuration->servers, ';'),
        sorts       ? ""
        : count > 1 ? ": this one has no geo database"
                    : ": there is only one",
        sorts ? "yes" : "no");
}

static void say_proxies(struct writing *writing)
{
    const char *proxies = writing->configuration->proxies;

    if (proxies == NULL)
        say(writing,
            "\n# No proxy: the servers' own Squids are all there is. A site with more "
            "than a few machines should\n# have a proxy: "
            "http://HOST:3128, several with | between them, ;DIRECT at the end to "
            "do without.\n");
    else
        say(writing,
            "\n# Those with | between them share the load, what is after a ; is for "
            "when they fail.\n");
    say(writing, "CVMFS_HTTP_PROXY='%s'\n", proxies != NULL ? proxies : "DIRECT");
}

/* The domain, as the reference's own packages do; for any repository of it. */
static const char *keys_folder(const struct writing *writing)
{
    const char *dot = strchr(writing->repository->fqrn, '.');

    return apr_pstrcat(writing->pool, "/etc/cvmfs/keys/",
                       dot != NULL ? dot + 1 : writing->repository->fqrn, NULL);
}

static bool say_key(struct writing *writing, const char *path, const char *name,
                    struct error *error)
{
    const char *fqrn = writing->repository->fqrn, *folder = keys_folder(writing);
    struct text rest, line;

    if (!file_read(&rest, path, KEY_SIZE_MAX, writing->pool, error))
        return false;
    say(writing,
        "\n# The key %s. On the client:\n"
        "#   mkdir -p %s\n"
        "#   sed -n 's/^#%s: //p' /etc/cvmfs/config.d/%s.conf >%s/%s\n",
        name, folder, name, fqrn, folder, name);
    while (text_next_line(&rest, &line))
        say(writing, "#%s: %s\n", name, text_for_people(line, 200, writing->pool));
    return true;
}

/* Two folders may have files of one name. */
static const char *key_name(const struct writing *writing, const char *path, int number)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;

    if (!text_has_only(text_of(name), ".-_+"))
        name = "key.pub";
    return number == 0 ? name : apr_psprintf(writing->pool, "%d-%s", number + 1, name);
}

static bool say_keys(struct writing *writing, struct error *error)
{
    const char *setting =
        settings_text(writing->repository->settings, SETTING_PUBLIC_KEY);
    const char *folder = keys_folder(writing), *list = NULL;
    apr_array_header_t *keys, *paths;

    if (!master_keys_load(&keys, setting, writing->pool, error) ||
        !master_keys_paths(&paths, setting, writing->pool, error))
        return false;
    for (int i = 0; i < paths->nelts; i++) {
        const char *path = apr_pstrcat(
            writing->pool, folder, "/",
            key_name(writing, APR_ARRAY_IDX(paths, i, const char *), i), NULL);

        list = list == NULL ? path : apr_pstrcat(writing->pool, list, ":", path, NULL);
    }
    say(writing,
        "\n# What the repository is signed with. This goes before "
        "CVMFS_KEYS_DIR.\nCVMFS_PUBLIC_KEY='%s'\n",
        list);
    for (int i = 0; i < paths->nelts; i++) {
        const char *path = APR_ARRAY_IDX(paths, i, const char *);

        if (!say_key(writing, path, key_name(writing, path, i), error))
            return false;
    }
    return true;
}

bool client_configuration_format(const char **text,
                                 const struct client_configuration *configuration,
                                 const struct repository *repository, struct error *error)
{
    struct writing writing = {
        configuration, repository,
        apr_array_make(configuration->pool, 32, sizeof(const char *)),
        configuration->pool};

    say(&writing,
        "# For clients of %s: /etc/cvmfs/config.d/%s.conf on each of them.\n"
        "# Then `cvmfs_config chksetup` and `cvmfs_config probe %s`.\n",
        repository->fqrn, repository->fqrn, repository->fqrn);
    say_servers(&writing);
    say_proxies(&writing);
    if (configuration->keys_folder != NULL)
        say(&writing,
            "\n# What the repository is signed with: the clients have the keys. A "
            "CVMFS_PUBLIC_KEY would go before.\nCVMFS_KEYS_DIR='%s'\n",
            configuration->keys_folder);
    else if (!say_keys(&writing, error))
        return false;
    *text = apr_array_pstrcat(configuration->pool, writing.parts, '\0');
    return true;
}
