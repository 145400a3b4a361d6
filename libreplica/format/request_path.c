/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of URLs. */
#include "libreplica/format/request_path.h"

#include <string.h>

/* The files of a repository's root that have a fixed name. */
struct fixed_name {
    const char *name;
    enum request_kind kind;
};

static const struct fixed_name root_files[] = {
    {".cvmfspublished", REQUEST_MANIFEST},
    {".cvmfswhitelist", REQUEST_WHITELIST},
    {".cvmfswhitelist.pkcs7", REQUEST_WHITELIST_PKCS7},
    {".cvmfsreflog", REQUEST_REFLOG},
    {".cvmfs_status.json", REQUEST_STATUS_FILE},
    {".cvmfs_last_snapshot", REQUEST_LAST_SNAPSHOT},
    {".cvmfs_is_snapshotting", REQUEST_IS_SNAPSHOTTING},
    {".cvmfs_master_replica", REQUEST_MASTER_REPLICA},
    {".cvmfsempty", REQUEST_EMPTY_PROBE},
    {".cvmfs_partial_replica", REQUEST_PARTIAL_REPLICA},
    {".cvmfs_partial_replication", REQUEST_PARTIAL_REPLICA},
};

static const struct fixed_name server_files[] = {
    {"/cvmfs/info/v1/repositories.json", REQUEST_REPOSITORIES_INFO},
    {"/cvmfs/info/v1/meta.json", REQUEST_META_INFO},
    {"/robots.txt", REQUEST_ROBOTS},
    {"/gc", REQUEST_COLLECT},
    {"/housekeeping", REQUEST_HOUSEKEEPING},
    {"/resign", REQUEST_RESIGN},
    {"/replica-status", REQUEST_STATUS_PAGE},
    {"/replica-status/", REQUEST_STATUS_PAGE},
    {"/replica-status/metrics", REQUEST_STATUS_METRICS},
    {"/replica-status/status.json", REQUEST_STATUS_JSON},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct text after(struct text text, size_t length)
{
    return (struct text){text.bytes + length, text.length - length};
}

/* Take everything up to the next slash, and the slash, off *REST; false without one. */
static bool take_component(struct text *rest, struct text *component)
{
    const char *slash = memchr(rest->bytes, '/', rest->length);

    if (slash == NULL)
        return false;
    *component = (struct text){rest->bytes, (size_t)(slash - rest->bytes)};
    *rest = after(*rest, component->length + 1);
    return true;
}

static bool parse_server_file(struct request_path *parsed, struct text path)
{
    for (size_t i = 0; i < COUNT(server_files); i++)
        if (text_equals(path, server_files[i].name)) {
            const char *last = strrchr(server_files[i].name, '/') + 1;

            parsed->kind = server_files[i].kind;
            parsed->file_name = after(path, (size_t)(last - server_files[i].name));
            return true;
        }
    return false;
}

/* NAME is what follows the repository, without any slash. */
static void parse_root_file(struct request_path *parsed, struct text name)
{
    static const char alternative[] = ".cvmfsalt-";

    for (size_t i = 0; i < COUNT(root_files); i++)
        if (text_equals(name, root_files[i].name))
            parsed->kind = root_files[i].kind;
    if (text_starts(name, alternative) &&
        object_parse_name(&parsed->object, after(name, strlen(alternative))))
        parsed->kind = REQUEST_ALTERNATIVE_PATH;
    if (parsed->kind != REQUEST_UNKNOWN)
        parsed->file_name = name;
}

/* REST is what follows "data/". */
static void parse_object(struct request_path *parsed, struct text rest)
{
    struct text directory;

    if (take_component(&rest, &directory) &&
        object_parse(&parsed->object, directory, rest)) {
        parsed->kind = REQUEST_OBJECT;
        parsed->file_name = rest;
    }
}

/* The API answers for any name, even of a repository that is not here; the argument is
 * its own grammar. Source: stratum1-http-and-ops 2.1. */
static bool parse_api(struct request_path *parsed, struct text name, struct text rest)
{
    if (!text_starts(rest, "api/") || name.length == 0 || text_equals(name, ".") ||
        text_equals(name, "..") || memchr(name.bytes, '\0', name.length) != NULL ||
        memchr(rest.bytes, '\0', rest.length) != NULL)
        return false;
    parsed->kind = REQUEST_API;
    parsed->repository = name;
    parsed->api = after(rest, strlen("api/"));
    return true;
}

/* NAME is what follows "/cvmfs-meta/". There is no other ending: private keys are no
 * files of the grammar. */
static void parse_key_file(struct request_path *parsed, struct text name)
{
    static const size_t ending_length = 4;
    struct text repository = name;

    if (name.length <= ending_length)
        return;
    repository.length -= ending_length;
    if (!text_is_repository_name(repository) ||
        !(text_equals(after(name, repository.length), ".pub") ||
          text_equals(after(name, repository.length), ".crt")))
        return;
    parsed->kind = REQUEST_KEY_FILE;
    parsed->repository = repository;
    parsed->file_name = name;
}

/* "/repos/<name>" and what follows; names of files have a grammar of their own. */
static void parse_repository_files(struct request_path *parsed, struct text rest)
{
    const char *slash = memchr(rest.bytes, '/', rest.length);
    struct text name = rest;

    if (slash != NULL)
        name.length = (size_t)(slash - rest.bytes);
    if (!text_is_repository_name(name))
        return;
    parsed->repository = name;
    parsed->upload = after(rest, name.length);
    parsed->kind =
        parsed->upload.length > 1 ? REQUEST_REPOSITORY_FILE : REQUEST_REPOSITORY_FILES;
}

struct request_path request_path_parse(struct text path)
{
    struct request_path parsed = {.kind = REQUEST_UNKNOWN};
    struct text rest, name, component;

    if (parse_server_file(&parsed, path))
        return parsed;
    if (text_starts(path, "/cvmfs-meta/"))
        parse_key_file(&parsed, after(path, strlen("/cvmfs-meta/")));
    if (text_starts(path, "/repos/"))
        parse_repository_files(&parsed, after(path, strlen("/repos/")));
    if (!text_starts(path, "/cvmfs/"))
        return parsed;
    rest = after(path, strlen("/cvmfs/"));
    if (!take_component(&rest, &name) || parse_api(&parsed, name, rest) ||
        !text_is_repository_name(name))
        return parsed;
    if (memchr(rest.bytes, '/', rest.length) == NULL)
        parse_root_file(&parsed, rest);
    else if (take_component(&rest, &component) && text_equals(component, "data"))
        parse_object(&parsed, rest);
    if (parsed.kind != REQUEST_UNKNOWN)
        parsed.repository = name;
    return parsed;
}

/* Digits that are none count as 0: the host has refused them before. */
static int hex_value(char digit)
{
    int value = text_hex_digit(digit);

    return value < 0 ? 0 : value;
}

/* The next byte of RAW with its percent-encoding undone; 0 for an encoded NUL or slash,
 * or a broken encoding. */
static char take_byte(struct text *raw)
{
    char byte = *raw->bytes;

    *raw = after(*raw, 1);
    if (byte != '%')
        return byte;
    if (raw->length < 2)
        return '\0';
    byte = (char)(hex_value(raw->bytes[0]) << 4 | hex_value(raw->bytes[1]));
    *raw = after(*raw, 2);
    return byte == '/' ? '\0' : byte;
}

bool request_path_is_plain(struct text raw)
{
    size_t length = 0; /* of the current component */
    bool only_dots = true;

    while (raw.length > 0) {
        char byte = take_byte(&raw);

        if (byte == '\0')
            return false;
        if (byte != '/') {
            only_dots = only_dots && byte == '.';
            length++;
            continue;
        }
        if (only_dots && (length == 1 || length == 2))
            return false;
        length = 0;
        only_dots = true;
    }
    return !only_dots || length == 0 || length > 2;
}

const char *request_kind_name(enum request_kind kind)
{
    static const char *const names[] = {
        [REQUEST_UNKNOWN] = "unknown",
        [REQUEST_ROBOTS] = "robots",
        [REQUEST_MANIFEST] = "manifest",
        [REQUEST_WHITELIST] = "whitelist",
        [REQUEST_WHITELIST_PKCS7] = "whitelist-pkcs7",
        [REQUEST_OBJECT] = "object",
        [REQUEST_REFLOG] = "reflog",
        [REQUEST_STATUS_FILE] = "status-file",
        [REQUEST_LAST_SNAPSHOT] = "last-snapshot",
        [REQUEST_IS_SNAPSHOTTING] = "is-snapshotting",
        [REQUEST_MASTER_REPLICA] = "master-replica",
        [REQUEST_ALTERNATIVE_PATH] = "alternative-path",
        [REQUEST_EMPTY_PROBE] = "empty-probe",
        [REQUEST_PARTIAL_REPLICA] = "partial-replica",
        [REQUEST_API] = "api",
        [REQUEST_REPOSITORIES_INFO] = "repositories-info",
        [REQUEST_META_INFO] = "meta-info",
        [REQUEST_KEY_FILE] = "key-file",
        [REQUEST_STATUS_PAGE] = "status-page",
        [REQUEST_STATUS_METRICS] = "status-metrics",
        [REQUEST_STATUS_JSON] = "status-json",
        [REQUEST_REPOSITORY_FILES] = "repository-files",
        [REQUEST_REPOSITORY_FILE] = "repository-file",
        [REQUEST_COLLECT] = "collect",
        [REQUEST_HOUSEKEEPING] = "housekeeping",
        [REQUEST_RESIGN] = "resign",
    };

    _Static_assert(COUNT(names) == REQUEST_KIND_COUNT, "a kind has no name");
    return names[kind];
}
