/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the rules of a policy: what is before a NUL byte, asked about the requests after
 * it ("METHOD URL CLIENT PORT", blanks between), must decide as the rules one by one. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "libreplica/format/policy_rules.h"

static char buffer[65536];

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

static struct text take_word(struct text *rest)
{
    const char *blank = memchr(rest->bytes, ' ', rest->length);
    struct text word = {rest->bytes,
                        blank != NULL ? (size_t)(blank - rest->bytes) : rest->length};
    size_t used = word.length + (blank != NULL);

    rest->bytes += used;
    rest->length -= used;
    return word;
}

static void decide(const struct policy_rules *rules, struct text request)
{
    struct policy_query query = {.weekday = 3, .minute = 720};
    int number = 0;
    int64_t port;

    query.method = take_word(&request);
    policy_query_set_url(&query, take_word(&request), buffer);
    policy_query_set_client(&query, take_word(&request));
    if (text_parse_number(&port, take_word(&request)) && port < 65536)
        query.port = (int)port;
    while (policy_rules_failure(rules, number, &query) != NULL)
        number++;
    FUZZ_MUST(policy_rules_decide(rules, &query) == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const uint8_t *end = memchr(bytes, 0, length);
    struct text text = {(const char *)bytes,
                        end != NULL ? (size_t)(end - bytes) : length};
    struct rule_source source = {give, &text};
    struct policy_rules *rules;
    apr_pool_t *pool = fuzz_pool();
    struct error error;

    if (policy_rules_parse(&rules, "rules", &source, pool, &error) &&
        length - text.length < sizeof(buffer) && end != NULL)
        decide(rules, (struct text){(const char *)end + 1, length - text.length - 1});
    apr_pool_destroy(pool);
    return 0;
}
