/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes configuration files. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/base/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length};
    apr_pool_t *pool = fuzz_pool();
    struct error error;

    settings_parse(settings_create(pool), SETTING_SCOPE_SERVER, "f", input, &error);
    settings_parse(settings_create(pool), SETTING_SCOPE_REPOSITORY, "f", input, &error);
    apr_pool_destroy(pool);
    return 0;
}
