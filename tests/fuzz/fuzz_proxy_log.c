/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes lines of Squid's logs: what is made of one is within it or within its buffer. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "libreplica/format/proxy_log.h"

#define LINE_LENGTH_MAX 65536

static char buffer[LINE_LENGTH_MAX];

static bool is_within(struct text part, const char *bytes, size_t length)
{
    return part.bytes >= bytes && part.bytes + part.length <= bytes + length;
}

static void check(struct text part, struct text line)
{
    FUZZ_MUST(part.length == 0 || is_within(part, line.bytes, line.length) ||
              is_within(part, buffer, line.length));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text text = {(const char *)bytes, length};
    struct proxy_log_line line;
    struct error error;

    if (length > LINE_LENGTH_MAX)
        return 0;
    if (!proxy_log_parse(&line, text, buffer, &error)) {
        FUZZ_MUST(error.code == ERROR_BAD_FORMAT);
        return 0;
    }
    check(line.time, text);
    check(line.client, text);
    check(line.method, text);
    check(line.url, text);
    check(line.result, text);
    check(line.repository, text);
    check(line.rule, text);
    check(line.store_id, text);
    check(line.rewrite, text);
    FUZZ_MUST(line.status >= 0 && line.status < 1000 && line.bytes >= 0);
    FUZZ_MUST(line.kind < POLICY_KIND_COUNT);
    FUZZ_MUST(line.repository.length == 0 || text_is_repository_name(line.repository));
    return 0;
}
