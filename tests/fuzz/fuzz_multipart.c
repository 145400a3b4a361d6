/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes forms: the same comes out however the body is cut. The first line of an input is
 * the header Content-Type, its first byte the size of the pieces. */
#include "tests/fuzz/fuzz.h"
#include <string.h>
#include "libreplica/format/multipart.h"

struct seen {
    size_t parts, ends, bytes;
    unsigned int sum;
    enum multipart_event last;
};

static struct seen parse(struct multipart *form, struct text body, size_t piece)
{
    struct seen seen = {.last = MULTIPART_MORE};

    while (body.length > 0 && seen.last == MULTIPART_MORE) {
        struct text input = {body.bytes, piece < body.length ? piece : body.length};
        struct text data;

        body = (struct text){body.bytes + input.length, body.length - input.length};
        while ((seen.last = multipart_next(form, &data, &input)) != MULTIPART_MORE &&
               seen.last != MULTIPART_END && seen.last != MULTIPART_BAD) {
            seen.parts += seen.last == MULTIPART_PART;
            seen.ends += seen.last == MULTIPART_PART_END;
            for (size_t i = 0; seen.last == MULTIPART_DATA && i < data.length; i++)
                seen.sum = seen.sum * 31 + (unsigned char)data.bytes[i];
            if (seen.last == MULTIPART_DATA)
                seen.bytes += data.length;
        }
    }
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text rest = {(const char *)bytes, length}, type;
    static struct multipart form;
    struct seen whole, cut;

    if (length < 2)
        return 0;
    rest = (struct text){rest.bytes + 1, rest.length - 1};
    if (!text_next_line(&rest, &type) || !multipart_start(&form, type))
        return 0;
    whole = parse(&form, rest, rest.length);
    FUZZ_MUST(multipart_start(&form, type));
    cut = parse(&form, rest, (size_t)bytes[0] % 16 + 1);
    FUZZ_MUST(whole.parts == cut.parts && whole.ends == cut.ends &&
              whole.bytes == cut.bytes && whole.sum == cut.sum && whole.last == cut.last);
    FUZZ_MUST(whole.ends <= whole.parts && whole.bytes <= rest.length);
    return 0;
}
