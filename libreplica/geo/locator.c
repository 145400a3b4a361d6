/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to answers. */
#include "libreplica/geo/locator_internal.h"

#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

#include "libreplica/base/clock.h"

#define NAME_LENGTH_MAX  253
#define LABEL_LENGTH_MAX 63
/* Of one question: others shall find room, too. */
#define LOOKUPS_MAX (RESOLVER_LOOKUPS_MAX / 2)
/* So long after a name that was waited for in vain the next may be as bad. */
#define SLOW_TIME apr_time_from_sec(30)

/* The names of one question that the cache is asked for. */
struct search {
    struct locator *locator;
    const struct geo_database *database;
    int count;
    struct locator_query **queries; /* COUNT of each */
    struct text *names;             /* in lower case, without a final dot */
    struct name_entry *entries;
    enum name_state *states;
    bool *is_renewed; /* it has an old answer, and its lookup is this question's */
    int begun;        /* lookups */
};

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
}

/* Whether NAME, in lower case, can be a host's: labels of 1..63 letters, digits and
 * dashes, the last of which is no number. */
static bool is_host_name(struct text name)
{
    size_t label = 0;
    bool is_number = true;

    for (size_t i = 0; i < name.length; i++) {
        char byte = name.bytes[i];

        if (byte == '.') {
            if (label == 0)
                return false;
            label = 0;
            is_number = true;
            continue;
        }
        if (!is_name_byte(byte) || ++label > LABEL_LENGTH_MAX)
            return false;
        is_number = is_number && byte >= '0' && byte <= '9';
    }
    return label > 0 && !is_number && name.length <= NAME_LENGTH_MAX;
}

/* Cheap to ask, and true for all literals. */
static bool may_be_literal(struct text name)
{
    char last = name.bytes[name.length - 1];

    return (last >= '0' && last <= '9') || last == ']' ||
           memchr(name.bytes, ':', name.length) != NULL;
}

static void find_literal(struct locator_query *query, const struct geo_database *database)
{
    query->source = LOCATOR_LITERAL;
    query->place.is_known =
        geo_database_find(&query->place.point, database, &query->address);
}

/* Answer what needs no cache; true if QUERY does, and then *name is what to ask it for,
 * written to BYTES. */
static bool needs_cache(struct text *name, char *bytes, struct locator_query *query,
                        const struct geo_database *database)
{
    struct text text = query->name;

    *query = (struct locator_query){.name = text, .source = LOCATOR_NOTHING};
    if (text.length == 0)
        return false;
    if (may_be_literal(text) && geo_address_parse(&query->address, text)) {
        find_literal(query, database);
        return false;
    }
    if (text.bytes[text.length - 1] == '.')
        text.length--;
    if (text.length > NAME_LENGTH_MAX)
        return false;
    for (size_t i = 0; i < text.length; i++)
        bytes[i] = (char)tolower((unsigned char)text.bytes[i]);
    *name = (struct text){bytes, text.length};
    return is_host_name(*name);
}

static size_t bytes_of_names(const struct locator_query *queries, int count)
{
    size_t bytes = 0;

    for (int i = 0; i < count; i++)
        bytes += queries[i].name.length;
    return bytes;
}

static void search_begin(struct search *search, struct locator_query *queries, int count,
                         apr_pool_t *pool)
{
    char *bytes = apr_palloc(pool, bytes_of_names(queries, count));
    size_t slots = (size_t)count;

    search->queries = apr_palloc(pool, slots * sizeof(struct locator_query *));
    search->names = apr_palloc(pool, slots * sizeof(*search->names));
    search->entries = apr_palloc(pool, slots * sizeof(*search->entries));
    search->states = apr_palloc(pool, slots * sizeof(*search->states));
    search->is_renewed = apr_pcalloc(pool, slots * sizeof(*search->is_renewed));
    for (int i = 0; i < count; i++) {
        struct text *name = &search->names[search->count];

        if (!needs_cache(name, bytes, &queries[i], search->database))
            continue;
        bytes += name->length;
        search->queries[search->count++] = &queries[i];
    }
}

void locator_place(struct name_entry *entry, const struct geo_database *database)
{
    struct geo_place *place = &entry->place;

    entry->is_by_ipv6 = false;
    entry->database_version = geo_database_version(database);
    place->is_known = entry->ipv4.family != 0 &&
                      geo_database_find(&place->point, database, &entry->ipv4);
    if (place->is_known || entry->ipv6.family == 0)
        return;
    place->is_known = geo_database_find(&place->point, database, &entry->ipv6);
    entry->is_by_ipv6 = place->is_known;
}

/* QUERY has its answer in ENTRY. */
static void settle(struct search *search, int i, enum locator_source source)
{
    struct locator_query *query = search->queries[i];
    struct name_entry *entry = &search->entries[i];

    if (entry->database_version != geo_database_version(search->database)) {
        locator_place(entry, search->database);
        name_cache_relocate(search->locator->cache, search->names[i], entry);
    }
    query->place = entry->place;
    query->address =
        entry->is_by_ipv6 || entry->ipv4.family == 0 ? entry->ipv6 : entry->ipv4;
    query->source = entry->has_failed && !entry->place.is_known ? LOCATOR_LATE : source;
}

/* An answer whose time is over. That there was no place once says little. */
static void settle_old(struct search *search, int i, enum locator_source source)
{
    settle(search, i, source);
    if (!search->queries[i]->place.is_known)
        search->queries[i]->source = LOCATOR_LATE;
}

/* Ask the hosts file and the nameservers; the answer goes to the cache. */
static bool start_lookup(struct search *search, int i)
{
    struct locator *locator = search->locator;
    struct text name = search->names[i];
    struct resolver_answer answer = {0};

    if ((locator->hosts != NULL &&
         hosts_file_find(&answer.ipv4, &answer.ipv6, locator->hosts, name)) ||
        locator->resolver == NULL) {
        locator_store(locator, name, &answer);
        return true;
    }
    if (search->begun < LOOKUPS_MAX && resolver_ask(locator->resolver, name)) {
        search->begun++;
        return true;
    }
    name_cache_abandon(locator->cache, name);
    return false;
}

/* True: the name is still looked up, and waited for. Whoever renews an old answer, which
 * may be very old, waits for the new one; the others need not. */
static bool take_state(struct search *search, int i, enum locator_source source)
{
    switch (search->states[i]) {
    case NAME_RENEW:
        settle_old(search, i, source);
        search->is_renewed[i] = start_lookup(search, i);
        return search->is_renewed[i];
    case NAME_STALE:
        settle_old(search, i, source);
        return search->is_renewed[i];
    case NAME_FRESH:
        settle(search, i, source);
        return false;
    case NAME_CLAIMED:
        search->queries[i]->source = LOCATOR_LATE;
        return start_lookup(search, i);
    case NAME_PENDING:
        search->queries[i]->source = LOCATOR_LATE;
        return true;
    case NAME_NO_CACHE:
    default:
        if (!search->is_renewed[i])
            search->queries[i]->source = LOCATOR_LATE;
        return false;
    }
}

/* One look into the cache; what is answered is dropped from the search. */
static void look(struct search *search, enum locator_source source, apr_time_t deadline)
{
    int left = 0;

    name_cache_find(search->entries, search->states, search->locator->cache,
                    search->names, search->count, deadline);
    for (int i = 0; i < search->count; i++) {
        if (!take_state(search, i, source))
            continue;
        search->names[left] = search->names[i];
        search->is_renewed[left] = search->is_renewed[i];
        search->queries[left++] = search->queries[i];
    }
    search->count = left;
}

/* Whether a question may wait. While names are waited for in vain only so many may, or
 * those who ask for such names would soon have all of the server's threads. */
static bool begin_waiting(struct locator *locator)
{
    bool is_slow = clock_now() < locator->slow_until;
    int limit = locator->options.waiting_max;

    if (++locator->waiting <= limit || limit == 0 || !is_slow)
        return true;
    locator->waiting--;
    return false;
}

static void end_waiting(struct locator *locator, const struct locator_query *queries,
                        int count)
{
    locator->waiting--;
    for (int i = 0; i < count; i++)
        if (queries[i].source == LOCATOR_LATE) {
            locator->slow_until = clock_now() + SLOW_TIME;
            return;
        }
}

void locator_find(struct locator *locator, const struct geo_database *database,
                  struct locator_query *queries, int count, apr_time_t deadline,
                  apr_pool_t *pool)
{
    struct search search = {.locator = locator, .database = database};
    uint32_t ticket = name_cache_ticket(locator->cache);

    search_begin(&search, queries, count, pool);
    look(&search, LOCATOR_CACHE, deadline);
    if (search.count == 0 || !begin_waiting(locator))
        return;
    while (search.count > 0 && clock_now() < deadline) {
        name_cache_wait(locator->cache, ticket, deadline);
        ticket = name_cache_ticket(locator->cache);
        look(&search, LOCATOR_LOOKUP, deadline);
    }
    end_waiting(locator, queries, count);
}

int64_t locator_lookups(const struct locator *locator)
{
    return name_cache_lookups(locator->cache);
}
