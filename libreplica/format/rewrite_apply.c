/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of replica-rewrite: what becomes of a URL. */
#include "libreplica/format/rewrite_rules_internal.h"

#include <string.h>

#include "libreplica/format/authority.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A URL on its way. */
struct rewriting {
    const struct rewrite_rules *rules;
    struct rewrite_outcome *outcome;
    struct text scheme;    /* with "://" */
    struct text authority; /* as it was or is to be */
    struct text host;      /* as it was, in lower case */
    int port;              /* as it was or the scheme's */
    struct text path;      /* as it is by now */
    struct text query;     /* with its question mark */
    char *scratch;         /* of the URL's length */
    char *room;            /* what is left of the buffer */
};

static struct text part_of(struct text text, size_t begin, size_t end)
{
    return (struct text){text.bytes + begin, end - begin};
}

static size_t find(struct text text, const char *set)
{
    size_t at = 0;

    while (at < text.length &&
           (text.bytes[at] == '\0' || strchr(set, text.bytes[at]) == NULL))
        at++;
    return at;
}

static const char *byte_oddity(struct text path, size_t at)
{
    char byte = path.bytes[at];
    int encoded = byte == '%' ? text_escaped_byte(path, at) : 'x';

    if ((unsigned char)byte < ' ' || byte == '\177')
        return "a control character";
    if (byte == '#')
        return "a number sign";
    if (byte == '\\' || encoded == '\\')
        return "a backslash";
    if (byte == '/' && at > 0 && path.bytes[at - 1] == '/')
        return "two slashes side by side";
    if (encoded < 0)
        return "a percent sign that encodes nothing";
    if (encoded == '\0' || encoded == '/' || encoded == '.')
        return "an encoded slash, dot or NUL";
    return NULL;
}

const char *rewrite_path_oddity(struct text path)
{
    size_t begin = 0;

    for (size_t i = 0; i <= path.length; i++) {
        size_t length = i - begin;
        const char *oddity = i < path.length ? byte_oddity(path, i) : NULL;

        if (oddity != NULL)
            return oddity;
        if (i < path.length && path.bytes[i] != '/')
            continue;
        if ((length == 1 || length == 2) && memcmp(path.bytes + begin, "..", length) == 0)
            return "a component that is only dots";
        begin = i + 1;
    }
    return NULL;
}

struct text rewrite_path_decode(struct text path, char *buffer)
{
    struct text decoded = {buffer, 0};

    for (size_t i = 0; i < path.length; i++) {
        char byte = path.bytes[i];

        if (byte == '%') {
            byte = (char)text_escaped_byte(path, i);
            i += 2;
        }
        buffer[decoded.length++] = byte;
    }
    return decoded;
}

static bool has_control(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.bytes[i] < ' ' || text.bytes[i] == '\177')
            return true;
    return false;
}

static struct text join(struct rewriting *url, const struct text *texts, size_t count)
{
    struct text joined = {url->room, 0};

    for (size_t i = 0; i < count; i++) {
        memcpy(url->room, texts[i].bytes, texts[i].length);
        url->room += texts[i].length;
        joined.length += texts[i].length;
    }
    return joined;
}

/* NULL, or what the URL has that it is not looked at. */
static const char *split(struct rewriting *url, struct text whole)
{
    bool is_secure = text_starts(whole, "https://");
    size_t scheme = strlen(is_secure ? "https://" : "http://");
    struct text rest;
    size_t end;

    if (!is_secure && !text_starts(whole, "http://"))
        return "no http:// or https:// before it";
    url->scheme = part_of(whole, 0, scheme);
    rest = part_of(whole, scheme, whole.length);
    end = find(rest, "/?#");
    url->authority = part_of(rest, 0, end);
    rest = part_of(rest, end, rest.length);
    if (find(url->authority, "@\\ ") < end || has_control(whole) ||
        !authority_split(&url->host, &url->port, url->authority))
        return "a host that is not just a host";
    if (url->port == 0)
        url->port = is_secure ? 443 : 80;
    url->host = text_lower(url->host, url->room);
    url->room += url->host.length;
    end = find(rest, "?");
    url->path = part_of(rest, 0, end);
    url->query = part_of(rest, end, rest.length);
    if (!text_starts(url->path, "/"))
        return "no path";
    return rewrite_path_oddity(url->path);
}

static void apply(struct rewriting *url, const struct rewrite_line *line)
{
    struct rewrite_outcome *outcome = url->outcome;

    outcome->lines[outcome->line_count++] = line;
    if (outcome->status == 0)
        outcome->status = line->status;
}

/* The first line of the file about a beginning of the path. *end: where that ends. */
static const struct rewrite_line *find_path(const struct rewriting *url, size_t *end)
{
    const struct rewrite_line *first = NULL;
    size_t length = 0; /* decoded */

    if (apr_hash_count(url->rules->paths) == 0)
        return NULL;
    for (size_t i = 0; length <= url->rules->paths_length; i++) {
        const struct rewrite_line *line = NULL;

        if (i == url->path.length || url->path.bytes[i] == '/')
            line = apr_hash_get(url->rules->paths, url->scratch, (apr_ssize_t)length);
        if (line != NULL && (first == NULL || line < first)) {
            first = line;
            *end = i;
        }
        if (i == url->path.length)
            break;
        if (url->path.bytes[i] == '%') {
            url->scratch[length++] = (char)text_escaped_byte(url->path, i);
            i += 2;
        } else {
            url->scratch[length++] = url->path.bytes[i];
        }
    }
    return first;
}

static void rewrite_path(struct rewriting *url)
{
    size_t end = 0;
    const struct rewrite_line *line = find_path(url, &end);
    struct text parts[2];

    if (line == NULL || text_is_same(line->after, part_of(url->path, 0, end)))
        return;
    apply(url, line);
    parts[0] = line->after;
    parts[1] = part_of(url->path, end, url->path.length);
    url->path = join(url, parts, COUNT(parts));
    if (url->path.length == 0)
        url->path = text_of("/");
}

static const struct rewrite_line *find_name(const struct rewrite_rules *rules,
                                            const struct rewrite_names *names,
                                            const struct policy_query *query)
{
    int number = policy_index_decide(names->index, names->rules, query);

    return number < names->count ? &rules->lines[names->numbers[number]] : NULL;
}

/* Where the name of a repository is in PATH. False: there is none. */
static bool find_repository(struct text *name, struct text path)
{
    static const char folder[] = "/cvmfs/";
    struct text rest;

    if (!text_starts(path, folder))
        return false;
    rest = part_of(path, strlen(folder), path.length);
    *name = part_of(rest, 0, find(rest, "/"));
    /* What the server says of itself. */
    return name->length > 0 && !text_equals(*name, "info");
}

static void rewrite_repository(struct rewriting *url)
{
    struct policy_query query = {.port = 0};
    const struct rewrite_line *line;
    struct text name, parts[3];
    size_t begin;

    if (url->rules->repositories.count == 0 || !find_repository(&name, url->path))
        return;
    /* The path may have grown, the name is no longer than a line's. */
    query.repository = rewrite_path_decode(name, url->room);
    line = find_name(url->rules, &url->rules->repositories, &query);
    if (line == NULL || text_is_same(line->after, name))
        return;
    apply(url, line);
    begin = (size_t)(name.bytes - url->path.bytes);
    parts[0] = part_of(url->path, 0, begin);
    parts[1] = line->after;
    parts[2] = part_of(url->path, begin + name.length, url->path.length);
    url->path = join(url, parts, COUNT(parts));
}

static void rewrite_host(struct rewriting *url)
{
    struct policy_query query = {.host = url->host, .port = url->port};
    const struct rewrite_line *line;
    struct text host;
    int port;

    if (url->rules->hosts.count == 0)
        return;
    line = find_name(url->rules, &url->rules->hosts, &query);
    if (line == NULL || !authority_split(&host, &port, line->after))
        return;
    if (port == 0)
        port = text_equals(url->scheme, "https://") ? 443 : 80;
    if (port == url->port && text_is_same(host, url->host))
        return;
    apply(url, line);
    url->authority = line->after;
}

bool rewrite_rules_apply(struct rewrite_outcome *outcome,
                         const struct rewrite_rules *rules, struct text url, char *buffer)
{
    struct rewriting parts = {.rules = rules,
                              .outcome = outcome,
                              .scratch = buffer,
                              .room = buffer + url.length};

    *outcome = (struct rewrite_outcome){.url = url};
    outcome->oddity = split(&parts, url);
    if (outcome->oddity != NULL)
        return false;
    rewrite_path(&parts);
    rewrite_repository(&parts);
    rewrite_host(&parts);
    if (outcome->line_count == 0)
        return false;
    outcome->url =
        join(&parts,
             (struct text[]){parts.scheme, parts.authority, parts.path, parts.query}, 4);
    return true;
}
