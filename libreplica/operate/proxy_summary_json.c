/* SPDX-License-Identifier: Apache-2.0 */
/* What logs of Squid say, for programs. */
#include "libreplica/operate/proxy_summary.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <jansson.h>

static double part_of(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void set_count(json_t *object, const struct proxy_count *count)
{
    json_object_set_new(object, "requests", json_integer(count->requests));
    json_object_set_new(object, "hits", json_integer(count->hits));
    json_object_set_new(object, "hit_ratio",
                        json_real(part_of(count->hits, count->requests)));
    json_object_set_new(object, "denied", json_integer(count->denied));
    json_object_set_new(object, "failed", json_integer(count->failed));
    json_object_set_new(object, "bytes", json_integer(count->bytes));
    json_object_set_new(object, "hit_bytes", json_integer(count->hit_bytes));
}

static json_t *count_json(const struct proxy_count *count)
{
    json_t *object = json_object();

    set_count(object, count);
    return object;
}

static json_t *kinds_json(const struct proxy_summary *summary)
{
    json_t *object = json_object();

    for (int kind = 0; kind < POLICY_KIND_COUNT; kind++)
        json_object_set_new(object, policy_kind_name((enum policy_kind)kind),
                            count_json(&summary->kinds[kind]));
    return object;
}

/* A list, so that no name is mistaken for what stands beside it. */
static json_t *names_json(const struct proxy_names *names, apr_pool_t *pool)
{
    const apr_array_header_t *list = proxy_names_list(names, false, pool);
    json_t *array = json_array();

    for (int i = 0; i < list->nelts; i++) {
        const struct proxy_named_count *named =
            APR_ARRAY_IDX(list, i, const struct proxy_named_count *);
        json_t *object = json_object();

        json_object_set_new(object, "name",
                            json_string(text_for_people(text_of(named->name),
                                                        PROXY_RULE_LENGTH_MAX, pool)));
        set_count(object, &named->count);
        json_array_append_new(array, object);
    }
    return array;
}

static void set_names(json_t *root, const char *key, const struct proxy_names *names,
                      apr_pool_t *pool)
{
    json_object_set_new(root, key, names_json(names, pool));
    json_object_set_new(root, apr_pstrcat(pool, "no_", key, NULL),
                        count_json(&names->none));
    json_object_set_new(root, apr_pstrcat(pool, "other_", key, NULL),
                        count_json(&names->others));
}

static void set_text(json_t *root, const char *key, const char *text, apr_pool_t *pool)
{
    if (*text != '\0')
        json_object_set_new(root, key,
                            json_string(text_for_people(text_of(text), 1024, pool)));
}

static const char *dump(json_t *root, apr_pool_t *pool)
{
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(4));
    const char *copy = text != NULL ? apr_pstrcat(pool, text, "\n", NULL) : NULL;

    free(text);
    json_decref(root);
    return copy;
}

const char *proxy_summary_json(const struct proxy_summary *summary, apr_pool_t *pool)
{
    json_t *root = json_object();

    json_object_set_new(root, "lines", json_integer(summary->lines));
    json_object_set_new(root, "bad_lines", json_integer(summary->bad_lines));
    set_text(root, "first_bad_line", summary->first_bad, pool);
    set_text(root, "first", summary->first, pool);
    set_text(root, "last", summary->last, pool);
    set_count(root, &summary->all);
    json_object_set_new(root, "empty_connections",
                        json_integer(summary->empty_connections));
    json_object_set_new(root, "shared", json_integer(summary->shared));
    json_object_set_new(root, "rewritten", json_integer(summary->rewritten));
    json_object_set_new(root, "kinds", kinds_json(summary));
    set_names(root, "repositories", &summary->repositories, pool);
    set_names(root, "rules", &summary->rules, pool);
    return dump(root, pool);
}
