/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the rules that a request may meet without looking at the others.
 *
 * Every rule that names repositories, hosts or clients is filed under keys that a request
 * must have to meet it: a whole name, the beginning or the end of one, four bytes that
 * are somewhere in it, a network. Of all its possible keys a rule takes those that fewest
 * others have. A key is a hash and nothing else: if two are the same, a rule is looked at
 * in vain. Rules without any are all looked at. */
#include "libreplica/format/policy_rules_internal.h"

#include <stdlib.h>
#include <string.h>

#include "libreplica/format/glob.h"

/* Longer beginnings and ends are cut to that. */
#define AFFIX_LENGTH_MAX 63
#define GRAM_LENGTH      4
#define NO_RULE          UINT32_MAX
#define ADDRESS_BITS     128

enum tag { TAG_WHOLE = 1, TAG_PREFIX, TAG_SUFFIX, TAG_GRAM, TAG_NETWORK };
enum field { FIELD_REPOSITORY, FIELD_HOST, FIELD_CLIENT, FIELD_COUNT };

struct key {
    uint32_t hash;
    uint32_t cost; /* to look for it in every request */
    enum tag tag;
    int length;
};

/* Which keys are worth looking for. */
struct lengths {
    uint64_t prefixes, suffixes;
    bool has_grams, has_whole;
};

struct slot {
    uint32_t hash;
    uint32_t first; /* in rules; while counting: how many there are */
};

struct table {
    struct slot *slots; /* hash 0: empty */
    uint32_t mask;
};

struct policy_index {
    struct table table;
    uint32_t *rules; /* lists in order, each ended by NO_RULE */
    uint32_t first_unfiled;
    struct lengths names[2];
    uint8_t networks[ADDRESS_BITS + 1]; /* lengths that there are, longest first */
    int network_count;
};

/* One (key, rule). */
struct entry {
    uint32_t hash, rule;
};

static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93ULL;
    value ^= value >> 29;
    return value;
}

static uint64_t step(uint64_t hash, char byte)
{
    return (hash ^ (unsigned char)byte) * 0x100000001b3ULL;
}

/* Never 0. */
static uint32_t finish(uint64_t hash, enum field field, enum tag tag, int length)
{
    uint64_t salt = (uint64_t)field << 56 | (uint64_t)tag << 48 | (uint64_t)length << 32;

    return (uint32_t)(mix(hash ^ salt) >> 24) | 1;
}

#define HASH_START 0xcbf29ce484222325ULL

static uint32_t hash_of(struct text text, enum field field, enum tag tag)
{
    uint64_t hash = HASH_START;

    for (size_t i = 0; i < text.length; i++)
        hash = step(hash, text.bytes[tag == TAG_SUFFIX ? text.length - 1 - i : i]);
    return finish(hash, field, tag, (int)text.length);
}

static uint32_t hash_of_gram(const char *bytes, enum field field)
{
    uint32_t gram;

    memcpy(&gram, bytes, sizeof(gram));
    return finish(mix(gram + 1ULL), field, TAG_GRAM, GRAM_LENGTH);
}

struct address_words {
    uint64_t high, low; /* in the order of numbers */
};

static struct address_words words_of(const unsigned char bytes[POLICY_ADDRESS_BYTES])
{
    struct address_words words = {0, 0};

    for (int i = 0; i < 8; i++) {
        words.high = words.high << 8 | bytes[i];
        words.low = words.low << 8 | bytes[i + 8];
    }
    return words;
}

static uint32_t hash_of_network(struct address_words words, int length)
{
    uint64_t high = length >= 64 ? words.high
                    : length > 0 ? words.high & ~0ULL << (64 - length)
                                 : 0;
    uint64_t low = length > 64 ? words.low & ~0ULL << (ADDRESS_BITS - length) : 0;

    return finish(mix(high) + low, FIELD_CLIENT, TAG_NETWORK, length);
}

static struct slot *slot_of(const struct table *table, uint32_t hash)
{
    uint32_t at = hash >> 1 & table->mask;

    while (table->slots[at].hash != 0 && table->slots[at].hash != hash)
        at = (at + 1) & table->mask;
    return &table->slots[at];
}

static struct table table_create(size_t keys, apr_pool_t *pool)
{
    struct table table = {.mask = 63};

    while (table.mask < 2 * keys)
        table.mask = table.mask * 2 + 1;
    table.slots = apr_pcalloc(pool, (table.mask + 1) * sizeof(*table.slots));
    return table;
}

/* Takes a key that a value may be filed under. */
typedef void key_taker(void *baton, const struct key *key);

static void give_grams(struct text glob, enum field field, key_taker *take, void *baton)
{
    for (size_t i = 0; i + GRAM_LENGTH <= glob.length; i++) {
        struct text gram = {glob.bytes + i, GRAM_LENGTH};
        struct key key = {hash_of_gram(gram.bytes, field), 4, TAG_GRAM, GRAM_LENGTH};

        if (!glob_is_pattern(gram))
            take(baton, &key);
    }
}

static void give_affix(struct text affix, enum field field, enum tag tag, key_taker *take,
                       void *baton)
{
    struct key key;

    if (affix.length == 0)
        return;
    if (affix.length > AFFIX_LENGTH_MAX) {
        if (tag == TAG_SUFFIX)
            affix.bytes += affix.length - AFFIX_LENGTH_MAX;
        affix.length = AFFIX_LENGTH_MAX;
    }
    key = (struct key){hash_of(affix, field, tag), 1, tag, (int)affix.length};
    take(baton, &key);
}

/* All keys of a name or pattern; none for "*". */
static void give_name(struct text glob, enum field field, key_taker *take, void *baton)
{
    size_t first = 0, last = glob.length;
    struct key key = {hash_of(glob, field, TAG_WHOLE), 1, TAG_WHOLE, 0};

    if (!glob_is_pattern(glob)) {
        take(baton, &key);
        return;
    }
    while (!glob_is_pattern((struct text){glob.bytes + first, 1}))
        first++;
    while (!glob_is_pattern((struct text){glob.bytes + last - 1, 1}))
        last--;
    give_affix((struct text){glob.bytes, first}, field, TAG_PREFIX, take, baton);
    give_affix((struct text){glob.bytes + last, glob.length - last}, field, TAG_SUFFIX,
               take, baton);
    give_grams(glob, field, take, baton);
}

static int value_count(const struct policy_rule *rule, enum field field)
{
    if (field == FIELD_CLIENT)
        return rule->clients.is_negated ? 0 : rule->clients.count;
    if (field == FIELD_HOST)
        return rule->hosts.is_negated ? 0 : rule->hosts.count;
    return rule->repositories.is_negated ? 0 : rule->repositories.count;
}

static void give_value(const struct policy_rule *rule, enum field field, int number,
                       key_taker *take, void *baton)
{
    if (field == FIELD_CLIENT) {
        const struct policy_network *network = &rule->clients.values[number];
        struct key key = {hash_of_network(words_of(network->bytes), network->length), 1,
                          TAG_NETWORK, network->length};

        take(baton, &key);
    } else if (field == FIELD_HOST) {
        give_name(rule->hosts.values[number], field, take, baton);
    } else {
        give_name(rule->repositories.values[number], field, take, baton);
    }
}

static void count_key(void *baton, const struct key *key)
{
    (void)key;
    ++*(size_t *)baton;
}

static void enter_key(void *baton, const struct key *key)
{
    struct slot *slot = slot_of(baton, key->hash);

    slot->hash = key->hash;
    slot->first++;
}

static void give_all(const struct policy_rule *rules, int count, key_taker *take,
                     void *baton)
{
    for (int i = 0; i < count; i++)
        for (int field = 0; field < FIELD_COUNT; field++)
            for (int j = 0; j < value_count(&rules[i], (enum field)field); j++)
                give_value(&rules[i], (enum field)field, j, take, baton);
}

/* Finds the key that is the least trouble. */
struct choice {
    const struct table *counts;
    struct key key;
    uint64_t trouble; /* UINT64_MAX: there is none */
};

static void choose_key(void *baton, const struct key *key)
{
    struct choice *choice = baton;
    uint64_t trouble = (uint64_t)slot_of(choice->counts, key->hash)->first * key->cost;

    if (trouble >= choice->trouble)
        return;
    choice->trouble = trouble;
    choice->key = *key;
}

static struct choice choose(const struct table *counts, const struct policy_rule *rule,
                            enum field field, int number)
{
    struct choice choice = {.counts = counts, .trouble = UINT64_MAX};

    give_value(rule, field, number, choose_key, &choice);
    return choice;
}

/* UINT64_MAX: a value has no key, or there are no values. */
static uint64_t trouble_with(const struct table *counts, const struct policy_rule *rule,
                             enum field field)
{
    uint64_t trouble = 0;
    int values = value_count(rule, field);

    for (int i = 0; i < values; i++) {
        struct choice choice = choose(counts, rule, field, i);

        if (choice.trouble == UINT64_MAX)
            return UINT64_MAX;
        trouble += choice.trouble;
    }
    return values > 0 ? trouble : UINT64_MAX;
}

/* The field that a rule is filed under; FIELD_COUNT: none. */
static enum field best_field(const struct table *counts, const struct policy_rule *rule)
{
    enum field best = FIELD_COUNT;
    uint64_t least = UINT64_MAX;

    for (int field = 0; field < FIELD_COUNT; field++) {
        uint64_t trouble = trouble_with(counts, rule, (enum field)field);

        if (trouble < least) {
            least = trouble;
            best = (enum field)field;
        }
    }
    return best;
}

static void note_key(struct policy_index *index, enum field field, const struct key *key)
{
    struct lengths *lengths = &index->names[field == FIELD_HOST];

    if (key->tag == TAG_NETWORK)
        index->networks[key->length] = 1;
    else if (key->tag == TAG_GRAM)
        lengths->has_grams = true;
    else if (key->tag == TAG_WHOLE)
        lengths->has_whole = true;
    else if (key->tag == TAG_PREFIX)
        lengths->prefixes |= 1ULL << key->length;
    else
        lengths->suffixes |= 1ULL << key->length;
}

/* Fill ENTRIES with the keys of all rules, 0 for those without; returns how many. */
static size_t file_rules(struct policy_index *index, struct entry *entries,
                         const struct table *counts, const struct policy_rule *rules,
                         int count)
{
    size_t used = 0;

    for (int i = 0; i < count; i++) {
        enum field field = best_field(counts, &rules[i]);

        if (field == FIELD_COUNT) {
            entries[used++] = (struct entry){0, (uint32_t)i};
            continue;
        }
        for (int j = 0; j < value_count(&rules[i], field); j++) {
            struct choice choice = choose(counts, &rules[i], field, j);

            note_key(index, field, &choice.key);
            entries[used++] = (struct entry){choice.key.hash, (uint32_t)i};
        }
    }
    return used;
}

static int compare_entries(const void *one, const void *other)
{
    const struct entry *a = one, *b = other;

    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* The list of rules with HASH begins at FIRST. */
static void begin_list(struct policy_index *index, uint32_t hash, uint32_t first)
{
    if (hash == 0)
        index->first_unfiled = first;
    else
        *slot_of(&index->table, hash) = (struct slot){hash, first};
}

/* Turn sorted entries into lists, and the table into where they begin. */
static void make_lists(struct policy_index *index, const struct entry *entries,
                       size_t count, apr_pool_t *pool)
{
    uint32_t used = 0;

    index->rules = apr_palloc(pool, (2 * count + 1) * sizeof(*index->rules));
    index->rules[used++] = NO_RULE;
    index->table = table_create(count, pool);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || entries[i].hash != entries[i - 1].hash)
            begin_list(index, entries[i].hash, used);
        index->rules[used++] = entries[i].rule;
        if (i + 1 == count || entries[i].hash != entries[i + 1].hash)
            index->rules[used++] = NO_RULE;
    }
}

/* From flags to a list. */
static void list_networks(struct policy_index *index)
{
    uint8_t flags[ADDRESS_BITS + 1];

    memcpy(flags, index->networks, sizeof(flags));
    for (int length = ADDRESS_BITS; length >= 0; length--)
        if (flags[length])
            index->networks[index->network_count++] = (uint8_t)length;
}

static size_t entry_count(const struct policy_rule *rules, int count)
{
    size_t entries = (size_t)count;

    for (int i = 0; i < count; i++)
        for (int field = 0; field < FIELD_COUNT; field++)
            entries += (size_t)value_count(&rules[i], (enum field)field);
    return entries;
}

const struct policy_index *policy_index_create(const struct policy_rule *rules, int count,
                                               apr_pool_t *pool)
{
    struct policy_index *index = apr_pcalloc(pool, sizeof(*index));
    struct entry *entries;
    struct table counts;
    apr_pool_t *scratch;
    size_t keys = 0;

    apr_pool_create(&scratch, pool);
    give_all(rules, count, count_key, &keys);
    counts = table_create(keys, scratch);
    give_all(rules, count, enter_key, &counts);
    entries = apr_palloc(scratch, entry_count(rules, count) * sizeof(*entries));
    keys = file_rules(index, entries, &counts, rules, count);
    qsort(entries, keys, sizeof(*entries), compare_entries);
    make_lists(index, entries, keys, pool);
    list_networks(index);
    apr_pool_destroy(scratch);
    return index;
}

/* A request on its way through the index. */
struct search {
    const struct policy_index *index;
    const struct policy_rule *rules;
    const struct policy_query *query;
    uint32_t best;
};

static void try_list(struct search *search, uint32_t first)
{
    const uint32_t *rule = search->index->rules + first;

    for (; *rule < search->best; rule++)
        if (policy_rule_failure(&search->rules[*rule], search->query) == NULL) {
            search->best = *rule;
            return;
        }
}

static void try_key(struct search *search, uint32_t hash)
{
    const struct slot *slot = slot_of(&search->index->table, hash);

    if (slot->hash != 0)
        try_list(search, slot->first);
}

static void try_affixes(struct search *search, struct text name, enum field field,
                        enum tag tag, uint64_t lengths)
{
    uint64_t hash = HASH_START;

    for (size_t i = 0; i < name.length && lengths >> i > 1; i++) {
        hash = step(hash, name.bytes[tag == TAG_SUFFIX ? name.length - 1 - i : i]);
        if ((lengths >> (i + 1) & 1) != 0)
            try_key(search, finish(hash, field, tag, (int)i + 1));
    }
}

static void try_name(struct search *search, struct text name, enum field field)
{
    const struct lengths *lengths = &search->index->names[field == FIELD_HOST];

    if (name.length == 0)
        return;
    if (lengths->has_whole)
        try_key(search, hash_of(name, field, TAG_WHOLE));
    try_affixes(search, name, field, TAG_PREFIX, lengths->prefixes);
    try_affixes(search, name, field, TAG_SUFFIX, lengths->suffixes);
    for (size_t i = 0; lengths->has_grams && i + GRAM_LENGTH <= name.length; i++)
        try_key(search, hash_of_gram(name.bytes + i, field));
}

static void try_client(struct search *search)
{
    struct address_words words = words_of(search->query->client);

    for (int i = 0; i < search->index->network_count; i++)
        try_key(search, hash_of_network(words, search->index->networks[i]));
}

int policy_index_decide(const struct policy_index *index, const struct policy_rule *rules,
                        const struct policy_query *query)
{
    struct search search = {index, rules, query, NO_RULE};

    try_name(&search, query->repository, FIELD_REPOSITORY);
    try_name(&search, query->host, FIELD_HOST);
    if (query->has_client)
        try_client(&search);
    try_list(&search, index->first_unfiled);
    return search.best != NO_RULE ? (int)search.best : -1;
}
