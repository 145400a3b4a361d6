/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes lines of the journal of garbage collection. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/operate/gc_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length};
    char name[OBJECT_NAME_SIZE];
    struct gc_line line;

    if (!gc_line_parse(&line, input))
        return 0;
    FUZZ_MUST(line.kind <= GC_LINE_END && line.section <= GC_SECTION_AUXILIARY);
    if (line.kind == GC_LINE_OBJECT)
        FUZZ_MUST(text_equals(input, object_name(name, &line.object)));
    if (line.kind == GC_LINE_REPOSITORY)
        FUZZ_MUST(text_is_repository_name(line.repository));
    return 0;
}
