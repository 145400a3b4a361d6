/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions of rules: lists of values, each kind with its own grammar. */
#include "libreplica/format/policy_rules_internal.h"

#include <assert.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "libreplica/format/glob.h"

#define MINUTES_OF_A_DAY (24 * 60)

/* Each takes one value of the list; VALUES are what came of those before it. */
struct list {
    struct text rest;
    bool is_negated;
    apr_pool_t *pool;
};

static bool bad_value(struct error *error, const struct list *list, struct text value,
                      const char *what)
{
    return error_set(error, ERROR_BAD_FORMAT, "'%s' is no %s",
                     text_for_people(value, 80, list->pool), what);
}

/* Take what is before the next comma. False: nothing is left. */
static bool take_value(struct list *list, struct text *value)
{
    const char *comma;

    if (list->rest.bytes == NULL)
        return false;
    comma = memchr(list->rest.bytes, ',', list->rest.length);
    *value = list->rest;
    if (comma == NULL) {
        list->rest = (struct text){NULL, 0};
        return true;
    }
    value->length = (size_t)(comma - value->bytes);
    list->rest.bytes = comma + 1;
    list->rest.length -= value->length + 1;
    return true;
}

/* Split TEXT in two at the first SEPARATOR. */
static bool cut(struct text *before, struct text *after, struct text text, char separator)
{
    const char *at = memchr(text.bytes, separator, text.length);

    if (at == NULL)
        return false;
    *before = (struct text){text.bytes, (size_t)(at - text.bytes)};
    *after = (struct text){at + 1, text.length - before->length - 1};
    return true;
}

static void negate(uint32_t *bits, const struct list *list)
{
    if (list->is_negated)
        *bits = ~*bits;
}

static bool parse_methods(struct policy_rule *rule, struct list *list,
                          struct error *error)
{
    struct text value;

    rule->methods = 0;
    while (take_value(list, &value)) {
        uint32_t bit = policy_method_bit(value);

        if (bit == 1 && !text_equals(value, "other"))
            return bad_value(error, list, value,
                             "method (GET, HEAD, ... in capitals, or other)");
        rule->methods |= bit;
    }
    negate(&rule->methods, list);
    return true;
}

static bool parse_kinds(struct policy_rule *rule, struct list *list, struct error *error)
{
    struct text value;

    rule->kinds = 0;
    while (take_value(list, &value)) {
        int kind = 0;

        while (kind < POLICY_KIND_COUNT &&
               !text_equals(value, policy_kind_name((enum policy_kind)kind)))
            kind++;
        if (kind == POLICY_KIND_COUNT)
            return bad_value(
                error, list, value,
                "kind (manifest, catalog, data, geo, meta, info and other are)");
        rule->kinds |= 1U << kind;
    }
    negate(&rule->kinds, list);
    return true;
}

static bool parse_suffixes(struct policy_rule *rule, struct list *list,
                           struct error *error)
{
    struct text value;

    rule->suffixes = 0;
    while (take_value(list, &value)) {
        if (text_equals(value, "none"))
            rule->suffixes |= policy_suffix_bit('\0');
        else if (value.length == 1 && *value.bytes >= 'A' && *value.bytes <= 'Z')
            rule->suffixes |= policy_suffix_bit(*value.bytes);
        else
            return bad_value(error, list, value, "suffix (a capital letter, or none)");
    }
    negate(&rule->suffixes, list);
    return true;
}

static int day_number(struct text name)
{
    static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

    for (int i = 0; i < 7; i++)
        if (text_equals(name, days[i]))
            return i;
    return -1;
}

static bool parse_days(struct policy_rule *rule, struct list *list, struct error *error)
{
    struct text value, first, last;

    rule->days = 0;
    while (take_value(list, &value)) {
        int day, end;

        if (!cut(&first, &last, value, '-'))
            first = last = value;
        day = day_number(first);
        end = day_number(last);
        if (day < 0 || end < 0)
            return bad_value(error, list, value, "day (mon, tue, ..., or mon-fri)");
        for (; day != end; day = (day + 1) % 7)
            rule->days |= 1U << day;
        rule->days |= 1U << end;
    }
    negate(&rule->days, list);
    return true;
}

/* "NN:NN"; 24:00 is an end only. */
static bool parse_minute(int *minute, struct text text)
{
    struct text hours, minutes;
    int64_t hour, rest;

    if (!cut(&hours, &minutes, text, ':') || hours.length != 2 || minutes.length != 2 ||
        !text_parse_number(&hour, hours) || !text_parse_number(&rest, minutes) ||
        rest > 59)
        return false;
    *minute = (int)(hour * 60 + rest);
    return *minute <= MINUTES_OF_A_DAY;
}

static bool parse_time(struct policy_range *range, struct text value)
{
    struct text first, last;

    if (!cut(&first, &last, value, '-') || !parse_minute(&range->first, first) ||
        !parse_minute(&range->last, last) || range->first == MINUTES_OF_A_DAY ||
        range->first == range->last)
        return false;
    /* The end is no longer in it. */
    range->last = (range->last + MINUTES_OF_A_DAY - 1) % MINUTES_OF_A_DAY;
    return true;
}

static bool parse_port(struct policy_range *range, struct text value)
{
    struct text first, last;
    int64_t begin, end;

    if (!cut(&first, &last, value, '-'))
        first = last = value;
    if (!text_parse_number(&begin, first) || !text_parse_number(&end, last) ||
        begin < 1 || end > 65535 || begin > end)
        return false;
    *range = (struct policy_range){(int)begin, (int)end};
    return true;
}

static bool parse_ranges(struct policy_ranges *ranges, struct list *list,
                         bool (*parse)(struct policy_range *, struct text),
                         const char *what, struct error *error)
{
    apr_array_header_t *values =
        apr_array_make(list->pool, 2, sizeof(struct policy_range));
    struct text value;

    while (take_value(list, &value))
        if (!parse(apr_array_push(values), value))
            return bad_value(error, list, value, what);
    *ranges = (struct policy_ranges){(const struct policy_range *)values->elts,
                                     values->nelts, list->is_negated};
    return true;
}

static bool parse_network(struct policy_network *network, struct list *list,
                          struct text value, struct error *error)
{
    const char *failure = policy_network_parse(network, value);

    if (failure == NULL && !policy_network_is_exact(network))
        failure = "network: the address goes on after its bits";
    return failure == NULL || bad_value(error, list, value, failure);
}

static bool parse_clients(struct policy_rule *rule, struct list *list,
                          struct error *error)
{
    apr_array_header_t *values =
        apr_array_make(list->pool, 2, sizeof(struct policy_network));
    struct text value;

    while (take_value(list, &value))
        if (!parse_network(apr_array_push(values), list, value, error))
            return false;
    rule->clients = (struct policy_networks){(const struct policy_network *)values->elts,
                                             values->nelts, list->is_negated};
    return true;
}

static bool parse_names(struct policy_names *names, struct list *list, bool are_hosts,
                        struct error *error)
{
    apr_array_header_t *values = apr_array_make(list->pool, 2, sizeof(struct text));
    struct text value;

    while (take_value(list, &value)) {
        if (!text_has_only(value, "._-*?[]:"))
            return bad_value(error, list, value, "name or pattern with * and ?");
        /* Those are compared in lower case. */
        if (are_hosts)
            value = text_lower(value, apr_palloc(list->pool, value.length));
        APR_ARRAY_PUSH(values, struct text) = value;
    }
    *names = (struct policy_names){(const struct text *)values->elts, values->nelts,
                                   list->is_negated};
    return true;
}

static bool parse(struct policy_rule *rule, const char *name, struct list *list,
                  struct error *error)
{
    if (strcmp(name, "method") == 0)
        return parse_methods(rule, list, error);
    if (strcmp(name, "kind") == 0)
        return parse_kinds(rule, list, error);
    if (strcmp(name, "suffix") == 0)
        return parse_suffixes(rule, list, error);
    if (strcmp(name, "day") == 0)
        return parse_days(rule, list, error);
    if (strcmp(name, "time") == 0)
        return parse_ranges(&rule->times, list, parse_time,
                            "time of day (08:00-18:00; the end is not in it)", error);
    if (strcmp(name, "port") == 0)
        return parse_ranges(&rule->ports, list, parse_port, "port (80, 8000-8010)",
                            error);
    if (strcmp(name, "client") == 0)
        return parse_clients(rule, list, error);
    if (strcmp(name, "repository") == 0)
        return parse_names(&rule->repositories, list, false, error);
    assert(strcmp(name, "host") == 0);
    return parse_names(&rule->hosts, list, true, error);
}

bool policy_condition_parse(struct policy_rule *rule, const char *name, struct text text,
                            apr_pool_t *pool, struct error *error)
{
    struct list list = {.rest = text, .pool = pool};

    if (text.length > 0 && *text.bytes == '!') {
        list.is_negated = true;
        list.rest = (struct text){text.bytes + 1, text.length - 1};
    }
    return parse(rule, name, &list, error) || error_prefix(error, "%s", name);
}
