/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the rules of what a cache keeps once: what is before a NUL byte, asked about the
 * URL and the client after it (a blank between). The line that is found is the first that
 * matches; keys say what their URLs say; and a question means what a server reads. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "libreplica/format/geo_request.h"
#include "libreplica/format/request_path.h"
#include "libreplica/format/store_rules.h"

static char buffer[65536], key[2 * sizeof(buffer)];

static bool give(struct text *content, void *baton, const char *file, apr_pool_t *pool,
                 struct error *error)
{
    const struct text *text = baton;

    (void)pool;
    if (strcmp(file, "rules") != 0)
        return error_set(error, ERROR_NOT_FOUND, "%s is not there", file);
    *content = *text;
    return true;
}

static bool ends_with(struct text text, struct text end)
{
    return text.length >= end.length &&
           memcmp(text.bytes + text.length - end.length, end.bytes, end.length) == 0;
}

/* The path as a server takes it: nothing in it has to be decoded. */
static struct text path_of(struct text url)
{
    const char *host = url.bytes + strlen("http://");
    const char *path = memchr(host, '/', url.length - strlen("http://"));

    return (struct text){path, (size_t)(url.bytes + url.length - path)};
}

static void check_object(const struct store_rules *rules,
                         const struct store_request *request, struct text url)
{
    struct request_path path = request_path_parse(path_of(url));
    char name[OBJECT_PATH_SIZE];
    struct text made;
    int number = 0;

    while (number < store_rules_count(rules) &&
           store_rules_failure(rules, number, request) != NULL)
        number++;
    FUZZ_MUST(store_rules_find(rules, request) ==
              (number < store_rules_count(rules) ? number : -1));
    FUZZ_MUST(path.kind == REQUEST_OBJECT);
    FUZZ_MUST(ends_with(url, text_of(object_path(name, &path.object))));
    if (number == store_rules_count(rules))
        return;
    made =
        store_key_of_object(key, sizeof(key), store_rules_group(rules, number), request);
    FUZZ_MUST(text_starts(made, "http://") && ends_with(made, text_of(name)));
}

static void check_question(const struct store_rules *rules,
                           const struct store_request *request, struct text url,
                           struct text client, apr_pool_t *pool)
{
    struct request_path path = request_path_parse(path_of(url));
    struct geo_request parsed;
    const char *reason;
    struct text made;

    FUZZ_MUST(path.kind == REQUEST_API);
    FUZZ_MUST(geo_request_parse(&parsed, &reason, path.repository, path.api, pool));
    FUZZ_MUST(!parsed.asks_lookup_count);
    FUZZ_MUST(request->caching_string.length == parsed.caching_string.length ||
              geo_request_is_anonymous(parsed.caching_string));
    if (store_rules_geo(rules) == NULL ||
        store_rules_geo_failure(rules, request, client) != NULL)
        return;
    made = store_key_of_geo(key, sizeof(key), store_rules_geo(rules), request, 1, client);
    FUZZ_MUST(text_starts(made, "http://geo.replica.internal/1/") &&
              ends_with(made, request->servers));
}

static void ask(const struct store_rules *rules, struct text query, apr_pool_t *pool)
{
    const char *blank = memchr(query.bytes, ' ', query.length);
    size_t length = blank != NULL ? (size_t)(blank - query.bytes) : query.length;
    struct text url = {query.bytes, length};
    struct text client = {query.bytes + length + (blank != NULL),
                          query.length - length - (blank != NULL)};
    struct store_request request;

    store_request_parse(&request, url, buffer);
    if (request.kind == STORE_OBJECT)
        check_object(rules, &request, url);
    else if (request.kind == STORE_GEO)
        check_question(rules, &request, url, client, pool);
    else
        FUZZ_MUST(request.reason != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const uint8_t *end = memchr(bytes, 0, length);
    struct text text = {(const char *)bytes,
                        end != NULL ? (size_t)(end - bytes) : length};
    struct rule_source source = {give, &text};
    struct store_rules *rules;
    apr_pool_t *pool = fuzz_pool();
    struct error error;

    if (store_rules_parse(&rules, "rules", &source, pool, &error) &&
        length - text.length < sizeof(buffer) && end != NULL)
        ask(rules, (struct text){(const char *)end + 1, length - text.length - 1}, pool);
    apr_pool_destroy(pool);
    return 0;
}
