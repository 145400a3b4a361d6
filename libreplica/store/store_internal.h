/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share; nobody else includes this. */
#ifndef REPLICA_STORE_STORE_INTERNAL_H
#define REPLICA_STORE_STORE_INTERNAL_H

#include "libreplica/store/store.h"

/* What the names of all our temporary files begin with. */
#define STORE_TEMPORARY_PREFIX "replica."
/* And those that are made without the update lock: its holder leaves them alone. */
#define STORE_UPLOAD_PREFIX "upload."

/* A link is not followed, and a FIFO in a file's place does not hold up who reads it. */
#define STORE_READ_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

struct store {
    apr_pool_t *pool;
    const char *root;
    const char *temporary;
    int root_fd;
    int temporary_fd;              /* -1 until first used */
    int folder_fds[STORE_FOLDERS]; /* data/00 .. data/ff, -1 until first used */
    bool syncs;
    struct store_file *spare;     /* files to use again */
    struct store_writer *writers; /* spare buffers and hashers */
};

/* Open, once, the folder data/<number>; with CREATE a missing one is made. */
bool store_folder(int *fd, struct store *store, unsigned int number, bool create,
                  struct error *error);
bool store_temporary_folder(int *fd, struct store *store, struct error *error);

/* Where an object goes: its folder, and its file name, which points into NAME. */
bool store_place(int *folder_fd, const char **file_name, char name[OBJECT_NAME_SIZE],
                 struct store *store, const struct object *object, struct error *error);

/* A name in the temporary folder that no other process and no earlier run uses. */
void store_temporary_name(char *name, size_t size, struct store *store);

/* Read a regular file of at most LIMIT bytes from FD, which is closed. WHAT names it. */
bool store_read_all(struct text *content, int fd, int64_t limit, const char *what,
                    apr_pool_t *pool, struct error *error);

#endif
