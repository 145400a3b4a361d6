/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes lines of replica-rewrite: what is before a NUL byte, applied to the URL after
 * it. What comes out is a plain URL with the same query, and nothing but a line makes a
 * difference. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "libreplica/format/request_path.h"
#include "libreplica/format/rewrite_rules.h"

#define URL_LENGTH_MAX 9000

static char buffer[5 * URL_LENGTH_MAX + REWRITE_GROWTH_MAX];

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

static struct text query_of(struct text url)
{
    const char *mark = memchr(url.bytes, '?', url.length);

    if (mark == NULL)
        return (struct text){url.bytes, 0};
    return (struct text){mark, url.length - (size_t)(mark - url.bytes)};
}

static struct text path_of(struct text url)
{
    size_t scheme = text_starts(url, "https://") ? 8 : 7;
    const char *slash;

    FUZZ_MUST(scheme == 8 || text_starts(url, "http://"));
    url = (struct text){url.bytes + scheme, url.length - scheme - query_of(url).length};
    slash = memchr(url.bytes, '/', url.length);
    FUZZ_MUST(slash != NULL);
    return (struct text){slash, url.length - (size_t)(slash - url.bytes)};
}

static void apply(const struct rewrite_rules *rules, struct text url)
{
    struct rewrite_outcome outcome;
    struct text query = query_of(url), query_after;

    if (!rewrite_rules_apply(&outcome, rules, url, buffer)) {
        FUZZ_MUST(outcome.line_count == 0);
        return;
    }
    FUZZ_MUST(outcome.oddity == NULL && outcome.line_count > 0);
    for (int i = 1; i < outcome.line_count; i++)
        FUZZ_MUST(outcome.lines[i - 1]->part < outcome.lines[i]->part);
    for (size_t i = 0; i < outcome.url.length; i++)
        FUZZ_MUST((unsigned char)outcome.url.bytes[i] >= ' ');
    query_after = query_of(outcome.url);
    FUZZ_MUST(query.length == query_after.length &&
              memcmp(query.bytes, query_after.bytes, query.length) == 0);
    FUZZ_MUST(request_path_is_plain(path_of(outcome.url)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const uint8_t *end = memchr(bytes, 0, length);
    struct text text = {(const char *)bytes,
                        end != NULL ? (size_t)(end - bytes) : length};
    struct rule_source source = {give, &text};
    struct rewrite_rules *rules;
    apr_pool_t *pool = fuzz_pool();
    struct error error;

    if (rewrite_rules_parse(&rules, "rules", &source, pool, &error) && end != NULL &&
        length - text.length - 1 <= URL_LENGTH_MAX)
        apply(rules, (struct text){(const char *)end + 1, length - text.length - 1});
    apr_pool_destroy(pool);
    return 0;
}
