/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded in runs with AddressSanitizer: what comes from APR's pools is allocated piece
 * by piece and freed with its pool, so that use after a pool was cleared, and access
 * beyond a piece, is noticed. A pool's own blocks would hide both. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <apr_pools.h>
#include <apr_strings.h>

#undef apr_palloc
#undef apr_pcalloc
#undef apr_pvsprintf
#undef apr_psprintf

#define SLOTS 4096

/* The header has a macro only; the library's own calls, and older programs', are of this.
 */
void *apr_pcalloc(apr_pool_t *pool, apr_size_t size);

struct piece {
    struct piece *next;
};

/* The pieces of one pool. */
struct owner {
    struct owner *next;
    apr_pool_t *pool;
    struct piece *pieces;
};

static struct owner *owners[SLOTS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* The library's own calls while a pool is noted get the library's memory. */
static __thread int is_noting;

static struct owner **slot_of(const apr_pool_t *pool)
{
    return &owners[((apr_uintptr_t)pool >> 4) % SLOTS];
}

static struct owner **find(const apr_pool_t *pool)
{
    struct owner **place = slot_of(pool);

    while (*place != NULL && (*place)->pool != pool)
        place = &(*place)->next;
    return place;
}

static apr_status_t free_all(void *pool)
{
    struct owner **place, *owner;

    pthread_mutex_lock(&mutex);
    place = find(pool);
    owner = *place;
    *place = owner->next;
    pthread_mutex_unlock(&mutex);
    while (owner->pieces != NULL) {
        struct piece *piece = owner->pieces;

        owner->pieces = piece->next;
        free(piece);
    }
    free(owner);
    return APR_SUCCESS;
}

/* Registered before anything else of the pool, it runs after all of that. */
static struct owner *note(apr_pool_t *pool)
{
    struct owner *owner = calloc(1, sizeof(*owner)), **slot = slot_of(pool);

    owner->pool = pool;
    is_noting = 1;
    apr_pool_cleanup_register(pool, pool, free_all, apr_pool_cleanup_null);
    is_noting = 0;
    pthread_mutex_lock(&mutex);
    owner->next = *slot;
    *slot = owner;
    pthread_mutex_unlock(&mutex);
    return owner;
}

static struct owner *owner_of(apr_pool_t *pool)
{
    struct owner *owner;

    pthread_mutex_lock(&mutex);
    owner = *find(pool);
    pthread_mutex_unlock(&mutex);
    return owner != NULL ? owner : note(pool);
}

/* Behind the link to the next piece, aligned as the library does. */
static void *allocate(apr_pool_t *pool, apr_size_t size)
{
    struct owner *owner = owner_of(pool);
    struct piece *piece = malloc(sizeof(*piece) + size);

    if (piece == NULL)
        abort();
    piece->next = owner->pieces;
    owner->pieces = piece;
    return piece + 1;
}

void *apr_palloc(apr_pool_t *pool, apr_size_t size)
{
    static void *(*real)(apr_pool_t *, apr_size_t);

    if (!is_noting)
        return allocate(pool, size);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "apr_palloc");
    return real(pool, size);
}

void *apr_pcalloc(apr_pool_t *pool, apr_size_t size)
{
    return memset(apr_palloc(pool, size), 0, size);
}

char *apr_pvsprintf(apr_pool_t *pool, const char *format, va_list arguments)
{
    static char *(*real)(apr_pool_t *, const char *, va_list);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "apr_pvsprintf");
    return apr_pstrdup(pool, real(pool, format, arguments));
}

char *apr_psprintf(apr_pool_t *pool, const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = apr_pvsprintf(pool, format, arguments);
    va_end(arguments);
    return text;
}
