/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the access file: whatever it says, nobody gets what no line allows. */
#include "tests/fuzz/fuzz.h"
#include <string.h>
#include "libreplica/access/access.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const struct access_request request = {ACCESS_WRITE, "sw.example.net", "/a/b"};
    struct text text = {(const char *)bytes, length};
    const char *principal, *id, *secret;
    struct access_credential credential;
    apr_pool_t *pool = fuzz_pool();
    struct access_table *table;
    struct error error;

    access_parse_key(&id, &secret, text, pool, &error);
    if (access_parse(&table, text, "access", pool, &error) &&
        access_credential_parse(&credential, "Bearer secret", NULL, pool, &error)) {
        if (table->tokens->nelts == 0)
            FUZZ_MUST(!access_identify(&principal, table, &credential, 0, pool, &error));
        if (table->rules->nelts == 0)
            FUZZ_MUST(!access_allows(table, "anonymous", &request, &error));
        access_allows(table, "ci", &request, &error);
    }
    apr_pool_destroy(pool);
    return 0;
}
