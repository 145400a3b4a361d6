/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of names in shared memory: a hash table whose slots are also a list from the
 * most to the least recently used. */
#include "libreplica/geo/name_cache.h"

#include <errno.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/siphash.h"

#define NONE          0  /* index of no slot */
#define BATCH         32 /* names under one lock */
#define SPINS         100
#define FAILED_MAX    apr_time_from_sec(30)
#define CLAIM_MAX     apr_time_from_sec(60)
#define LOCK_PATIENCE apr_time_from_sec(1)
#define WAIT_MAX      (APR_USEC_PER_SEC / 10)

struct slot {
    struct siphash name;
    struct geo_point point;
    uint64_t database_version;
    apr_time_t started; /* of the lookup that filled it */
    apr_time_t claimed; /* of the running lookup */
    pid_t owner;        /* of the running lookup; 0: none runs */
    uint32_t next;      /* in the bucket */
    uint32_t newer, older;
    unsigned char ipv4[4];
    unsigned char ipv6[16];
    bool is_filled, has_ipv4, has_ipv6, has_place, is_by_ipv6, has_failed;
};

/* The shared memory. Slot 0 is unused. */
struct memory {
    pthread_mutex_t lock;
    uint32_t stored; /* counts up; waited for as a futex */
    int64_t lookups;
    uint32_t used;
    uint32_t newest, oldest;
};

/* A process's view of it; the same numbers and addresses in all of them. */
struct name_cache {
    struct memory *memory;
    uint32_t *buckets;
    struct slot *slots;
    size_t size;
    uint32_t capacity;
    uint32_t bucket_mask;
    apr_time_t lifetime;
    struct siphash_key key;
};

static apr_status_t unmap(void *data)
{
    struct name_cache *cache = data;

    munmap(cache->memory, cache->size);
    return APR_SUCCESS;
}

static uint32_t bucket_count(uint32_t capacity)
{
    uint32_t count = 16;

    while (count < capacity)
        count *= 2;
    return count;
}

static bool init_lock(pthread_mutex_t *lock, struct error *error)
{
    pthread_mutexattr_t attributes;
    int status;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    status = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return status == 0 ||
           error_set_errno(error, status, "cannot make the name cache's lock");
}

bool name_cache_create(struct name_cache **created, int capacity, apr_time_t lifetime,
                       apr_pool_t *pool, struct error *error)
{
    struct name_cache *cache = apr_pcalloc(pool, sizeof(*cache));
    uint32_t buckets = bucket_count((uint32_t)capacity);
    size_t bucket_offset = (sizeof(struct memory) + 63) / 64 * 64;
    size_t slot_offset = bucket_offset + buckets * sizeof(uint32_t);

    cache->capacity = (uint32_t)capacity;
    cache->bucket_mask = buckets - 1;
    cache->lifetime = lifetime;
    cache->size = slot_offset + ((size_t)capacity + 1) * sizeof(struct slot);
    if (getrandom(&cache->key, sizeof(cache->key), 0) != sizeof(cache->key))
        return error_set_errno(error, errno, "no random bytes for the name cache");
    cache->memory = mmap(NULL, cache->size, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (cache->memory == MAP_FAILED)
        return error_set_errno(error, errno, "cannot share %zu bytes for the name cache",
                               cache->size);
    apr_pool_cleanup_register(pool, cache, unmap, apr_pool_cleanup_null);
    cache->buckets = (uint32_t *)((char *)cache->memory + bucket_offset);
    cache->slots = (struct slot *)((char *)cache->memory + slot_offset);
    *created = cache;
    return init_lock(&cache->memory->lock, error);
}

/* What a process that died was writing cannot be trusted. */
static void forget_all(struct name_cache *cache)
{
    memset(cache->buckets, 0, ((size_t)cache->bucket_mask + 1) * sizeof(uint32_t));
    cache->memory->used = 0;
    cache->memory->newest = cache->memory->oldest = NONE;
}

/* It is held for a microsecond or two: to sleep and be woken would cost many. */
static int try_lock(pthread_mutex_t *lock)
{
    int status = pthread_mutex_trylock(lock);

    for (int i = 0; status == EBUSY && i < SPINS; i++)
        status = pthread_mutex_trylock(lock);
    return status;
}

static bool take_lock(struct name_cache *cache, apr_time_t deadline)
{
    struct timespec until = {apr_time_sec(deadline), apr_time_usec(deadline) * 1000};
    int status = try_lock(&cache->memory->lock);

    if (status == EBUSY)
        status = pthread_mutex_clocklock(&cache->memory->lock, CLOCK_MONOTONIC, &until);
    if (status == EOWNERDEAD) {
        forget_all(cache);
        status = pthread_mutex_consistent(&cache->memory->lock);
    }
    return status == 0;
}

static void leave_lock(struct name_cache *cache)
{
    pthread_mutex_unlock(&cache->memory->lock);
}

static void unlink_from_list(struct name_cache *cache, struct slot *slot)
{
    struct memory *memory = cache->memory;

    if (slot->newer != NONE)
        cache->slots[slot->newer].older = slot->older;
    else
        memory->newest = slot->older;
    if (slot->older != NONE)
        cache->slots[slot->older].newer = slot->newer;
    else
        memory->oldest = slot->newer;
}

static void put_first(struct name_cache *cache, uint32_t index)
{
    struct memory *memory = cache->memory;
    struct slot *slot = &cache->slots[index];

    slot->newer = NONE;
    slot->older = memory->newest;
    if (memory->newest != NONE)
        cache->slots[memory->newest].newer = index;
    else
        memory->oldest = index;
    memory->newest = index;
}

static void touch(struct name_cache *cache, uint32_t index)
{
    if (cache->memory->newest == index)
        return;
    unlink_from_list(cache, &cache->slots[index]);
    put_first(cache, index);
}

static uint32_t *bucket_of(struct name_cache *cache, const struct siphash *name)
{
    return &cache->buckets[name->words[0] & cache->bucket_mask];
}

/* Index of the slot of NAME, NONE if it has none. */
static uint32_t find_slot(struct name_cache *cache, const struct siphash *name)
{
    uint32_t index = *bucket_of(cache, name);

    while (index != NONE && !siphash_equals(&cache->slots[index].name, name))
        index = cache->slots[index].next;
    return index;
}

static void remove_from_bucket(struct name_cache *cache, uint32_t index)
{
    uint32_t *link = bucket_of(cache, &cache->slots[index].name);

    while (*link != index)
        link = &cache->slots[*link].next;
    *link = cache->slots[index].next;
}

/* The slot of a name that has none yet. */
static uint32_t add_slot(struct name_cache *cache, const struct siphash *name)
{
    struct memory *memory = cache->memory;
    uint32_t *bucket = bucket_of(cache, name), index;

    if (memory->used < cache->capacity) {
        index = ++memory->used;
    } else {
        index = memory->oldest;
        remove_from_bucket(cache, index);
        unlink_from_list(cache, &cache->slots[index]);
    }
    memset(&cache->slots[index], 0, sizeof(struct slot));
    cache->slots[index].name = *name;
    cache->slots[index].next = *bucket;
    *bucket = index;
    put_first(cache, index);
    return index;
}

static bool is_running(const struct slot *slot, apr_time_t now)
{
    if (slot->owner == 0 || now - slot->claimed > CLAIM_MAX)
        return false;
    return slot->owner == getpid() || kill(slot->owner, 0) == 0 || errno != ESRCH;
}

static bool is_fresh(const struct name_cache *cache, const struct slot *slot,
                     apr_time_t now)
{
    apr_time_t lifetime = cache->lifetime;

    if (slot->has_failed && lifetime > FAILED_MAX)
        lifetime = FAILED_MAX;
    return slot->is_filled && now - slot->started <= lifetime;
}

/* What the caller is to do; a lookup that nobody runs is claimed for it. */
static enum name_state judge(struct name_cache *cache, struct slot *slot, apr_time_t now)
{
    if (is_fresh(cache, slot, now))
        return NAME_FRESH;
    if (is_running(slot, now))
        return slot->is_filled ? NAME_STALE : NAME_PENDING;
    slot->owner = getpid();
    slot->claimed = now;
    cache->memory->lookups++;
    return slot->is_filled ? NAME_RENEW : NAME_CLAIMED;
}

static struct geo_address get_address(int family, const unsigned char *bytes, size_t size)
{
    struct geo_address address = {.family = family};

    memcpy(address.bytes, bytes, size);
    return address;
}

static void get_entry(struct name_entry *entry, const struct slot *slot)
{
    *entry = (struct name_entry){.place = {slot->has_place, slot->point},
                                 .is_by_ipv6 = slot->is_by_ipv6,
                                 .has_failed = slot->has_failed,
                                 .database_version = slot->database_version};
    if (slot->has_ipv4)
        entry->ipv4 = get_address(AF_INET, slot->ipv4, sizeof(slot->ipv4));
    if (slot->has_ipv6)
        entry->ipv6 = get_address(AF_INET6, slot->ipv6, sizeof(slot->ipv6));
}

static void put_place(struct slot *slot, const struct name_entry *entry)
{
    slot->has_place = entry->place.is_known;
    slot->point = entry->place.point;
    slot->is_by_ipv6 = entry->is_by_ipv6;
    slot->database_version = entry->database_version;
}

static void put_entry(struct slot *slot, const struct name_entry *entry)
{
    slot->has_ipv4 = entry->ipv4.family != 0;
    slot->has_ipv6 = entry->ipv6.family != 0;
    memcpy(slot->ipv4, entry->ipv4.bytes, sizeof(slot->ipv4));
    memcpy(slot->ipv6, entry->ipv6.bytes, sizeof(slot->ipv6));
    put_place(slot, entry);
}

/* With the lock held. */
static enum name_state find_or_claim(struct name_entry *entry, struct name_cache *cache,
                                     const struct siphash *name, apr_time_t now)
{
    uint32_t index = find_slot(cache, name);

    if (index == NONE)
        index = add_slot(cache, name);
    else
        touch(cache, index);
    get_entry(entry, &cache->slots[index]);
    return judge(cache, &cache->slots[index], now);
}

static void find_batch(struct name_entry *entries, enum name_state *states,
                       struct name_cache *cache, const struct text *names, int count,
                       apr_time_t deadline)
{
    apr_time_t now = clock_now();
    struct siphash hashes[BATCH];
    bool is_locked;

    for (int i = 0; i < count; i++)
        hashes[i] = siphash_of(&cache->key, names[i]);
    is_locked = take_lock(cache, deadline);
    for (int i = 0; i < count; i++)
        states[i] = is_locked ? find_or_claim(&entries[i], cache, &hashes[i], now)
                              : NAME_NO_CACHE;
    if (is_locked)
        leave_lock(cache);
}

void name_cache_find(struct name_entry *entries, enum name_state *states,
                     struct name_cache *cache, const struct text *names, int count,
                     apr_time_t deadline)
{
    for (int i = 0; i < count; i += BATCH)
        find_batch(entries + i, states + i, cache, names + i,
                   count - i < BATCH ? count - i : BATCH, deadline);
}

/* The slot of NAME with the lock held; NULL without the lock, or without a slot unless
 * one may be added. */
static struct slot *lock_slot(struct name_cache *cache, struct text name, bool may_add)
{
    struct siphash hash = siphash_of(&cache->key, name);
    uint32_t index;

    if (!take_lock(cache, clock_now() + LOCK_PATIENCE))
        return NULL;
    index = find_slot(cache, &hash);
    if (index == NONE && may_add)
        index = add_slot(cache, &hash);
    if (index != NONE)
        return &cache->slots[index];
    leave_lock(cache);
    return NULL;
}

static void wake_waiting(struct name_cache *cache)
{
    __atomic_add_fetch(&cache->memory->stored, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &cache->memory->stored, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void name_cache_store(struct name_cache *cache, struct text name,
                      const struct name_entry *entry)
{
    struct slot *slot = lock_slot(cache, name, true);

    if (slot == NULL)
        return;
    slot->started = slot->owner != 0 ? slot->claimed : clock_now();
    slot->owner = 0;
    slot->has_failed = entry->has_failed;
    if (entry->place.is_known || !slot->has_place)
        put_entry(slot, entry);
    slot->is_filled = true;
    leave_lock(cache);
    wake_waiting(cache);
}

void name_cache_abandon(struct name_cache *cache, struct text name)
{
    struct slot *slot = lock_slot(cache, name, false);

    if (slot == NULL)
        return;
    if (slot->owner == getpid()) {
        slot->owner = 0;
        cache->memory->lookups--;
    }
    leave_lock(cache);
    wake_waiting(cache);
}

static bool has_addresses(const struct slot *slot, const struct name_entry *entry)
{
    return slot->has_ipv4 == (entry->ipv4.family != 0) &&
           slot->has_ipv6 == (entry->ipv6.family != 0) &&
           memcmp(slot->ipv4, entry->ipv4.bytes, sizeof(slot->ipv4)) == 0 &&
           memcmp(slot->ipv6, entry->ipv6.bytes, sizeof(slot->ipv6)) == 0;
}

void name_cache_relocate(struct name_cache *cache, struct text name,
                         const struct name_entry *entry)
{
    struct slot *slot = lock_slot(cache, name, false);

    if (slot == NULL)
        return;
    if (slot->is_filled && has_addresses(slot, entry))
        put_place(slot, entry);
    leave_lock(cache);
}

uint32_t name_cache_ticket(const struct name_cache *cache)
{
    return __atomic_load_n(&cache->memory->stored, __ATOMIC_ACQUIRE);
}

void name_cache_wait(struct name_cache *cache, uint32_t ticket, apr_time_t deadline)
{
    apr_time_t pause = deadline - clock_now();
    struct timespec timeout = {0};

    if (pause <= 0)
        return;
    if (pause > WAIT_MAX)
        pause = WAIT_MAX;
    timeout.tv_nsec = pause * 1000;
    syscall(SYS_futex, &cache->memory->stored, FUTEX_WAIT, ticket, &timeout, NULL, 0);
}

int64_t name_cache_lookups(const struct name_cache *cache)
{
    return __atomic_load_n(&cache->memory->lookups, __ATOMIC_RELAXED);
}
