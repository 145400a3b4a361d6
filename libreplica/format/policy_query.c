/* SPDX-License-Identifier: Apache-2.0 */
/* A client's request, as the rules of a policy look at it. */
#include "libreplica/format/policy_query.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "libreplica/format/request_path.h"

static const unsigned char ipv4_prefix[12] = {[10] = 0xff, [11] = 0xff};

const char *policy_kind_name(enum policy_kind kind)
{
    static const char *const names[POLICY_KIND_COUNT] = {
        [POLICY_KIND_MANIFEST] = "manifest", [POLICY_KIND_CATALOG] = "catalog",
        [POLICY_KIND_DATA] = "data",         [POLICY_KIND_GEO] = "geo",
        [POLICY_KIND_META] = "meta",         [POLICY_KIND_INFO] = "info",
        [POLICY_KIND_OTHER] = "other"};

    return names[kind];
}

bool policy_address_is_ipv4(const unsigned char bytes[POLICY_ADDRESS_BYTES])
{
    return memcmp(bytes, ipv4_prefix, sizeof(ipv4_prefix)) == 0;
}

bool policy_address_parse(unsigned char bytes[POLICY_ADDRESS_BYTES], struct text text)
{
    char literal[INET6_ADDRSTRLEN + 1];

    if (text.length >= sizeof(literal))
        return false;
    memcpy(literal, text.bytes, text.length);
    literal[text.length] = '\0';
    if (strlen(literal) != text.length)
        return false;
    if (strchr(literal, ':') != NULL)
        return inet_pton(AF_INET6, literal, bytes) == 1;
    memcpy(bytes, ipv4_prefix, sizeof(ipv4_prefix));
    return inet_pton(AF_INET, literal, bytes + sizeof(ipv4_prefix)) == 1;
}

bool policy_query_set_client(struct policy_query *query, struct text text)
{
    query->has_client = policy_address_parse(query->client, text);
    return query->has_client;
}

static enum policy_kind kind_of(const struct request_path *path)
{
    switch (path->kind) {
    case REQUEST_MANIFEST:
        return POLICY_KIND_MANIFEST;
    case REQUEST_OBJECT:
    case REQUEST_ALTERNATIVE_PATH:
        return path->object.type == OBJECT_CATALOG ? POLICY_KIND_CATALOG
                                                   : POLICY_KIND_DATA;
    case REQUEST_API:
        return POLICY_KIND_GEO;
    case REQUEST_ROBOTS:
    case REQUEST_REPOSITORIES_INFO:
    case REQUEST_META_INFO:
        return POLICY_KIND_INFO;
    case REQUEST_WHITELIST:
    case REQUEST_WHITELIST_PKCS7:
    case REQUEST_REFLOG:
    case REQUEST_STATUS_FILE:
    case REQUEST_LAST_SNAPSHOT:
    case REQUEST_IS_SNAPSHOTTING:
    case REQUEST_MASTER_REPLICA:
    case REQUEST_EMPTY_PROBE:
    case REQUEST_PARTIAL_REPLICA:
    case REQUEST_KEY_FILE:
        return POLICY_KIND_META;
    default:
        /* The doors that are not for strangers, too. */
        return POLICY_KIND_OTHER;
    }
}

/* False: an escape is none. */
static bool decode(struct text *decoded, struct text raw, char *buffer)
{
    if (memchr(raw.bytes, '%', raw.length) == NULL) {
        *decoded = raw;
        return true;
    }
    *decoded = (struct text){buffer, 0};
    for (size_t i = 0; i < raw.length; i++) {
        int escaped = text_escaped_byte(raw, i);

        if (raw.bytes[i] == '%' && escaped < 0)
            return false;
        buffer[decoded->length++] = escaped < 0 ? raw.bytes[i] : (char)escaped;
        i += escaped < 0 ? 0 : 2;
    }
    return true;
}

static void set_path(struct policy_query *query, struct text path, char *buffer)
{
    const char *mark = memchr(path.bytes, '?', path.length);
    struct request_path parsed;
    struct text decoded;

    if (mark != NULL)
        path.length = (size_t)(mark - path.bytes);
    /* What a server reads as another path is no path of ours. */
    if (!request_path_is_plain(path) || !decode(&decoded, path, buffer))
        return;
    parsed = request_path_parse(decoded);
    query->kind = kind_of(&parsed);
    if (query->kind == POLICY_KIND_OTHER)
        return;
    query->repository = parsed.repository;
    if (parsed.kind == REQUEST_OBJECT || parsed.kind == REQUEST_ALTERNATIVE_PATH)
        query->suffix = (char)parsed.object.type;
}

/* AUTHORITY: "user@host:port". */
static void set_host(struct policy_query *query, struct text authority, char *buffer)
{
    const char *at = memrchr(authority.bytes, '@', authority.length);
    size_t length = 0;

    if (at != NULL) {
        authority.length -= (size_t)(at + 1 - authority.bytes);
        authority.bytes = at + 1;
    }
    if (authority.length > 0 && *authority.bytes == '[') {
        const char *end = memchr(authority.bytes, ']', authority.length);

        length = end != NULL ? (size_t)(end + 1 - authority.bytes) : authority.length;
    } else {
        while (length < authority.length && authority.bytes[length] != ':')
            length++;
    }
    query->host = text_lower((struct text){authority.bytes, length}, buffer);
}

static size_t find(struct text text, const char *what)
{
    const char *found = memmem(text.bytes, text.length, what, strlen(what));

    return found != NULL ? (size_t)(found - text.bytes) : text.length;
}

/* A path means what we know over HTTP only; a proxy speaks FTP, whois and others, too. */
static bool is_http(struct text scheme)
{
    static const char secure[] = "https";

    return (scheme.length == 4 || scheme.length == 5) &&
           strncasecmp(scheme.bytes, secure, scheme.length) == 0;
}

void policy_query_set_url(struct policy_query *query, struct text url, char *buffer)
{
    size_t scheme = find(url, "://"), host;
    bool has_path = scheme == url.length || is_http((struct text){url.bytes, scheme});

    query->host = query->repository = (struct text){url.bytes, 0};
    query->kind = POLICY_KIND_OTHER;
    query->suffix = '\0';
    if (url.length > 0 && *url.bytes == '/') {
        set_path(query, url, buffer);
        return;
    }
    if (scheme < url.length) {
        url.bytes += scheme + strlen("://");
        url.length -= scheme + strlen("://");
    }
    host = find(url, "/");
    set_host(query, (struct text){url.bytes, host}, buffer);
    if (has_path && host < url.length)
        set_path(query, (struct text){url.bytes + host, url.length - host},
                 buffer + host);
}
