/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables of hashes: when the younger is full, the older is emptied and changes places
 * with it. So nothing is ever taken out of a table, and old things go nevertheless. */
#include "libreplica/replicate/object_window.h"

#include <string.h>

#define SLOTS ((uint32_t)OBJECT_WINDOW_SIZE * 2)

struct window_entry {
    struct object object;
    int64_t place;
};

struct window_table {
    uint32_t used;
    uint32_t *slots;              /* 0: free, else the entry's number from 1 */
    struct window_entry *entries; /* filled from the front: pages are touched as needed */
};

struct object_window {
    struct window_table tables[2];
    int younger;
};

static void table_create(struct window_table *table, apr_pool_t *pool)
{
    table->used = 0;
    table->slots = apr_pcalloc(pool, SLOTS * sizeof(*table->slots));
    table->entries = apr_palloc(pool, OBJECT_WINDOW_SIZE * sizeof(*table->entries));
}

struct object_window *object_window_create(apr_pool_t *pool)
{
    struct object_window *window = apr_palloc(pool, sizeof(*window));

    window->younger = 0;
    table_create(&window->tables[0], pool);
    table_create(&window->tables[1], pool);
    return window;
}

/* The digest is as good as random. An origin that chooses digests which share their
 * beginning makes its own snapshot slow, and has to find them first. */
static uint32_t first_slot(const struct object *object)
{
    uint32_t number;

    memcpy(&number, object->hash.digest, sizeof(number));
    return number % SLOTS;
}

static bool is_same(const struct object *a, const struct object *b)
{
    return a->type == b->type && hash_equals(&a->hash, &b->hash);
}

/* The slot that holds OBJECT, or the free one where it would be. */
static uint32_t find_slot(const struct window_table *table, const struct object *object)
{
    uint32_t slot = first_slot(object);

    while (table->slots[slot] != 0 &&
           !is_same(&table->entries[table->slots[slot] - 1].object, object))
        slot = (slot + 1) % SLOTS;
    return slot;
}

/* Few entries are cheaper to look up than the whole table is to wipe. Every run of taken
 * slots is freed from its entries' first slots on, up to a free one, so none is left. */
static void table_clear(struct window_table *table)
{
    if (table->used > OBJECT_WINDOW_SIZE / 16) {
        memset(table->slots, 0, SLOTS * sizeof(*table->slots));
        table->used = 0;
    }
    while (table->used > 0) {
        uint32_t slot = first_slot(&table->entries[--table->used].object);

        for (; table->slots[slot] != 0; slot = (slot + 1) % SLOTS)
            table->slots[slot] = 0;
    }
}

void object_window_clear(struct object_window *window)
{
    table_clear(&window->tables[0]);
    table_clear(&window->tables[1]);
}

void object_window_put(struct object_window *window, const struct object *object,
                       int64_t place)
{
    struct window_table *table = &window->tables[window->younger];
    uint32_t slot = find_slot(table, object);

    if (table->slots[slot] != 0) {
        table->entries[table->slots[slot] - 1].place = place;
        return;
    }
    if (table->used == OBJECT_WINDOW_SIZE) {
        window->younger = 1 - window->younger;
        table = &window->tables[window->younger];
        table_clear(table);
        slot = first_slot(object);
    }
    table->entries[table->used++] = (struct window_entry){*object, place};
    table->slots[slot] = table->used;
}

bool object_window_find(int64_t *place, const struct object_window *window,
                        const struct object *object)
{
    for (int i = 0; i < 2; i++) {
        const struct window_table *table = &window->tables[window->younger ^ i];
        uint32_t slot = find_slot(table, object);

        if (table->slots[slot] != 0) {
            *place = table->entries[table->slots[slot] - 1].place;
            return true;
        }
    }
    return false;
}
