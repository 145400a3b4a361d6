/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the manifest: as it comes, and as a body under its right hash. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/manifest.h"
#include "libreplica/format/signed_text.h"

static bool parse_body(struct manifest **manifest, struct text body, apr_pool_t *pool)
{
    struct signed_text parts = {.body = body, .signature = {"x", 1}};
    struct error error;

    parts.hash_text = signed_text_hash(body, HASH_SHAKE128, pool);
    return manifest_parse(manifest, signed_text_join(&parts, pool), pool, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length}, body, again;
    apr_pool_t *pool = fuzz_pool();
    struct manifest *manifest;
    struct error error;

    manifest_parse(&manifest, input, pool, &error);
    if (parse_body(&manifest, input, pool)) {
        body = manifest_format_body(manifest, pool);
        if (*manifest->fqrn != '\0') {
            FUZZ_MUST(parse_body(&manifest, body, pool));
            again = manifest_format_body(manifest, pool);
            FUZZ_MUST(text_equals(again, body.bytes));
        }
    }
    apr_pool_destroy(pool);
    return 0;
}
