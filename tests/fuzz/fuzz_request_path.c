/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz the URL grammar: whatever is accepted names one file and stays inside its input.
 */
#include <stdlib.h>
#include <string.h>
#include "libreplica/format/request_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_span(struct text span, struct text path)
{
    if (span.length > 0 &&
        (span.bytes < path.bytes || span.bytes + span.length > path.bytes + path.length))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text path = {(const char *)data, size};
    struct request_path parsed = request_path_parse(path);

    check_span(parsed.repository, path);
    check_span(parsed.file_name, path);
    check_span(parsed.api, path);
    check_span(parsed.upload, path);
    if (strlen(request_kind_name(parsed.kind)) == 0)
        abort();
    /* Names of uploads have a grammar, and a fuzzer, of their own. */
    if (parsed.kind != REQUEST_UNKNOWN && parsed.kind != REQUEST_API &&
        parsed.kind != REQUEST_REPOSITORY_FILE &&
        (memchr(data, '\0', size) != NULL || memmem(data, size, "/../", 4) != NULL ||
         memcmp(data + size - 3, "/..", 3) == 0))
        abort();
    if (parsed.kind == REQUEST_OBJECT && parsed.object.type == OBJECT_TEMPORARY)
        abort();
    request_path_is_plain(path);
    return 0;
}
