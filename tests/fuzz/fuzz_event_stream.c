/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes event streams: how they are cut makes no difference. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/event_stream.h"

static bool add(void *baton, const struct stream_event *event, struct error *error)
{
    uint64_t *sum = baton;

    *sum = *sum * 31 + (uint64_t)event->sequence + event->data.length;
    for (size_t i = 0; i < event->data.length; i++)
        *sum = *sum * 31 + (unsigned char)event->data.bytes[i];
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    uint64_t whole = 0, cut = 0;
    apr_pool_t *pool = fuzz_pool();
    struct event_stream *one = event_stream_create(add, &whole, pool);
    struct event_stream *other = event_stream_create(add, &cut, pool);
    bool ok = event_stream_feed(one, (struct text){(const char *)bytes, length}, NULL);

    for (size_t i = 0; ok && i < length; i++)
        FUZZ_MUST(
            event_stream_feed(other, (struct text){(const char *)bytes + i, 1}, NULL));
    FUZZ_MUST(!ok || whole == cut);
    apr_pool_destroy(pool);
    return 0;
}
