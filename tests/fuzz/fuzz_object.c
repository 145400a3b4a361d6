/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes hashes and object names: what is read is written the same. */
#include <string.h>
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length};
    char name[OBJECT_NAME_SIZE], path[OBJECT_PATH_SIZE], text[HASH_TEXT_SIZE];
    struct object object, again;
    struct hash hash;

    if (hash_parse(&hash, input))
        FUZZ_MUST(text_equals(input, hash_format(text, &hash)));
    hash_parse_optional(&hash, input);
    if (object_parse_name(&object, input)) {
        FUZZ_MUST(text_equals(input, object_name(name, &object)));
        object_path(path, &object);
        FUZZ_MUST(object_parse(&again, (struct text){path + 5, 2}, text_of(path + 8)));
        FUZZ_MUST(again.type == object.type && hash_equals(&again.hash, &object.hash));
    }
    if (length >= 2)
        object_parse(&object, (struct text){input.bytes, 2},
                     (struct text){input.bytes + 2, length - 2});
    return 0;
}
