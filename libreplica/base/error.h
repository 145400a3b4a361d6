/* SPDX-License-Identifier: Apache-2.0 */
/* Errors by value: a code to act on and a message to show. */
#ifndef REPLICA_BASE_ERROR_H
#define REPLICA_BASE_ERROR_H

#include <stdbool.h>

enum error_code {
    ERROR_NONE,
    ERROR_USAGE,         /* the command line or the caller's request is malformed */
    ERROR_SETTING,       /* a configuration file holds a bad value */
    ERROR_IO,            /* the operating system refused; the message holds its reason */
    ERROR_NO_SPACE,      /* a file system is full or below its reserve */
    ERROR_PERMISSION,    /* the caller may not do this */
    ERROR_NOT_FOUND,     /* the thing asked for does not exist, definitely */
    ERROR_EXISTS,        /* the thing to be made is already there */
    ERROR_BUSY,          /* somebody else holds the lock */
    ERROR_BAD_FORMAT,    /* bytes that do not follow their format */
    ERROR_BAD_HASH,      /* bytes that do not hash to their name */
    ERROR_BAD_SIGNATURE, /* a signature that does not verify */
    ERROR_NAME_MISMATCH, /* signed for another repository */
    ERROR_NOT_LISTED,    /* the certificate is not on the whitelist */
    ERROR_EXPIRED,       /* was valid once */
    ERROR_OUTDATED,      /* older than what we have */
    ERROR_TOO_LARGE,     /* above a size, count or depth limit */
    ERROR_UNREACHABLE,   /* a transient network failure that retries did not cure */
    ERROR_REFUSED,       /* the origin answered with a final error status */
    ERROR_CANCELLED,     /* stopped on request */
    ERROR_UNSUPPORTED,   /* valid, but of a kind this version does not handle */
};

#define ERROR_MESSAGE_SIZE 240

struct error {
    enum error_code code;
    char message[ERROR_MESSAGE_SIZE];
};

/* Fill *ERROR (which may be NULL) and return false, so that a function can end with
 * `return error_set(...)`. A message that is too long is cut; control characters and what
 * is not UTF-8 become question marks. Thread-safe. */
bool error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same from errno: ": <strerror>" is appended; ENOSPC and EDQUOT become
 * ERROR_NO_SPACE, ENOENT ERROR_NOT_FOUND, EACCES, EPERM and EROFS ERROR_PERMISSION, the
 * rest ERROR_IO. */
bool error_set_errno(struct error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "<text>: " in front of an error on its way up. Returns false. */
bool error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A short lower-case word for CODE, for status files and logs ("bad-hash"). */
const char *error_code_name(enum error_code code);
/* The code of such a word; ERROR_IO for one that is none. */
enum error_code error_code_parse(const char *name);

#endif
