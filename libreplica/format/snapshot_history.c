/* SPDX-License-Identifier: Apache-2.0 */
/* The last snapshots of a replica. */
#include "libreplica/format/snapshot_history.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/date.h"

#define RESULT_LENGTH_MAX 32

/* Everything up to END, which is taken off too, or all that is left. */
static struct text take_until(struct text *rest, char end)
{
    const char *found = memchr(rest->bytes, end, rest->length);
    size_t length = found != NULL ? (size_t)(found - rest->bytes) : rest->length;
    struct text taken = {rest->bytes, length};

    rest->bytes += length + (found != NULL);
    rest->length -= length + (found != NULL);
    return taken;
}

static bool parse_revision(int64_t *revision, struct text text)
{
    *revision = -1;
    return text_equals(text, "-1") || text_parse_number(revision, text);
}

static bool parse_result(const char **result, struct text text, apr_pool_t *pool)
{
    for (size_t i = 0; i < text.length; i++)
        if ((text.bytes[i] < 'a' || text.bytes[i] > 'z') && text.bytes[i] != '-')
            return false;
    *result = apr_pstrmemdup(pool, text.bytes, text.length);
    return text.length > 0 && text.length <= RESULT_LENGTH_MAX;
}

static bool parse_record(struct snapshot_record *record, struct text text,
                         apr_pool_t *pool)
{
    return date_parse_iso(&record->started, take_until(&text, '/')) &&
           date_parse_iso(&record->ended, take_until(&text, '/')) &&
           parse_revision(&record->revision, take_until(&text, '/')) &&
           text_parse_number(&record->objects, take_until(&text, '/')) &&
           text_parse_number(&record->bytes, take_until(&text, '/')) &&
           parse_result(&record->result, text, pool);
}

apr_array_header_t *snapshot_history_parse(struct text text, apr_pool_t *pool)
{
    apr_array_header_t *records =
        apr_array_make(pool, SNAPSHOT_HISTORY_MAX, sizeof(struct snapshot_record));

    while (text.length > 0) {
        struct snapshot_record record;

        if (parse_record(&record, take_until(&text, ' '), pool))
            APR_ARRAY_PUSH(records, struct snapshot_record) = record;
    }
    return records;
}

static const char *format_record(const struct snapshot_record *record, apr_pool_t *pool)
{
    char started[DATE_UTC_SIZE], ended[DATE_UTC_SIZE];

    date_format_iso(started, record->started);
    date_format_iso(ended, record->ended);
    return apr_psprintf(
        pool, "%s/%s/%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT "/%s",
        started, ended, (apr_int64_t)record->revision, (apr_int64_t)record->objects,
        (apr_int64_t)record->bytes, record->result);
}

const char *snapshot_history_add(struct text text, const struct snapshot_record *record,
                                 apr_pool_t *pool)
{
    apr_array_header_t *records = snapshot_history_parse(text, pool);
    int first = records->nelts - (SNAPSHOT_HISTORY_MAX - 1);
    const char *history = "";

    for (int i = first > 0 ? first : 0; i < records->nelts; i++)
        history = apr_pstrcat(
            pool, history,
            format_record(&APR_ARRAY_IDX(records, i, struct snapshot_record), pool), " ",
            NULL);
    return apr_pstrcat(pool, history, format_record(record, pool), NULL);
}

bool snapshot_record_is_ok(const struct snapshot_record *record)
{
    return strcmp(record->result, "ok") == 0;
}
