/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the whitelist: as it comes, and as a body under its right hash. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/signed_text.h"
#include "libreplica/format/whitelist.h"

static bool parse_body(struct whitelist **whitelist, struct text body, apr_pool_t *pool)
{
    struct signed_text parts = {.body = body, .signature = {"x", 1}};
    struct error error;

    parts.hash_text = signed_text_hash(body, HASH_SHA1, pool);
    return whitelist_parse(whitelist, signed_text_join(&parts, pool), pool, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length}, body;
    apr_pool_t *pool = fuzz_pool();
    struct whitelist *whitelist;
    struct error error;

    whitelist_parse(&whitelist, input, pool, &error);
    if (parse_body(&whitelist, input, pool)) {
        whitelist_check(whitelist, "sw.example.net", 0, &error);
        whitelist_check_certificate(whitelist, text_of("der"), &error);
        body = whitelist_format_body(whitelist, pool);
        FUZZ_MUST(parse_body(&whitelist, body, pool));
        FUZZ_MUST(text_equals(whitelist_format_body(whitelist, pool), body.bytes));
    }
    apr_pool_destroy(pool);
    return 0;
}
