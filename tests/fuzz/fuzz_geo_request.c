/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz the grammar of the geo API: the list is cut at each comma and nothing is lost, and
 * what an error echoes can be shown. */
#include <string.h>
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/geo_request.h"

static void check_list(const struct geo_request *request, struct text api)
{
    const char *at = request->elements[0].bytes;
    int separator = -1;

    FUZZ_MUST(request->count >= 1);
    for (int i = 0; i < request->count; i++) {
        struct text element = request->elements[i];

        FUZZ_MUST(element.bytes == at);
        FUZZ_MUST(memchr(element.bytes, ',', element.length) == NULL);
        if (separator < 0 && text_equals(element, "+PXYSEP+"))
            separator = i;
        at += element.length + 1;
    }
    FUZZ_MUST(at == api.bytes + api.length + 1);
    FUZZ_MUST(request->separator == separator);
}

static void check_reason(const char *reason)
{
    size_t length = strlen(reason);

    FUZZ_MUST(length > 0 && strstr(reason, "//") == NULL);
    for (size_t i = 0; i < length; i++)
        FUZZ_MUST(reason[i] >= ' ' && reason[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text api = {(const char *)bytes, length};
    apr_pool_t *pool = fuzz_pool();
    struct geo_request request;
    const char *reason;

    if (!geo_request_parse(&request, &reason, text_of("a.b"), api, pool))
        check_reason(reason);
    else if (!request.asks_lookup_count)
        check_list(&request, api);
    apr_pool_destroy(pool);
    return 0;
}
