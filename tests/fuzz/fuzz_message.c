/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes messages of the socket: what is understood is written and read again the same.
 */
#include "tests/fuzz/fuzz.h"
#include <string.h>
#include "libreplica/format/message.h"

static void fuzz_request(struct text body, apr_pool_t *pool)
{
    struct message_request request;
    struct text once, twice;
    struct error error;

    if (!message_request_decode(&request, body, pool, &error))
        return;
    once = message_request_encode(&request, pool);
    FUZZ_MUST(message_request_decode(&request, once, pool, &error));
    twice = message_request_encode(&request, pool);
    FUZZ_MUST(text_is_same(once, twice));
}

static void fuzz_answer(struct text body, apr_pool_t *pool)
{
    struct message_answer answer;
    struct text once, twice;
    struct error error;

    if (!message_answer_decode(&answer, body, pool, &error))
        return;
    once = message_answer_encode(&answer, pool);
    FUZZ_MUST(message_answer_decode(&answer, once, pool, &error));
    twice = message_answer_encode(&answer, pool);
    FUZZ_MUST(text_is_same(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    unsigned char again[MESSAGE_HEADER_SIZE];
    struct message_header header;
    apr_pool_t *pool = fuzz_pool();
    struct error error;

    if (length >= MESSAGE_HEADER_SIZE && message_header_decode(&header, bytes, &error)) {
        message_header_encode(again, &header);
        FUZZ_MUST(memcmp(again, bytes, MESSAGE_HEADER_SIZE) == 0);
        FUZZ_MUST(header.length <= MESSAGE_BODY_MAX);
    }
    fuzz_request((struct text){(const char *)bytes, length}, pool);
    fuzz_answer((struct text){(const char *)bytes, length}, pool);
    apr_pool_destroy(pool);
    return 0;
}
