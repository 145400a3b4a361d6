/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: the headers of each kind, files, short texts, errors. Source:
 * stratum1-http-and-ops 1.2. */
#ifndef REPLICA_MOD_REPLY_H
#define REPLICA_MOD_REPLY_H

#include <httpd.h>

#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/store/store_read.h"

/* What the headers of a kind of answer are. */
struct reply_form {
    const char *content_type;
    int max_age_seconds;
    const char *cache_control;   /* the same number in words */
    const char *missing_caching; /* Cache-Control of a 404, NULL for none */
};

extern const struct reply_form reply_meta;
extern const struct reply_form reply_json;
extern const struct reply_form reply_data;
extern const struct reply_form reply_robots;
extern const struct reply_form reply_key;

/* Let scripts of any site read the answer, if REPLICA_CORS says so. */
void reply_allow_any_origin(request_rec *r);

/* The caching headers alone, for a 304. */
void reply_set_caching(request_rec *r, const struct reply_form *form);

/* Send FILE, which is closed in any case. Returns what an httpd handler returns. */
int reply_file(request_rec *r, struct store_read *file, const struct reply_form *form);

/* Send a 200 with the fixed TEXT. */
int reply_text(request_rec *r, const char *text, const struct reply_form *form);

/* Send plain TEXT, of the request's pool or constant, with STATUS and CACHE_CONTROL, and
 * without Expires. */
int reply_own_text(request_rec *r, int status, struct text text,
                   const char *cache_control);

/* Send a 200 with TEXT, which is of this moment and not to be kept by anybody. */
int reply_momentary(request_rec *r, const char *text, const char *content_type);

/* 404, in few bytes. */
int reply_not_found(request_rec *r, const struct reply_form *form);

/* 405; ALLOWED is the text of Allow. */
int reply_bad_method(request_rec *r, const char *allowed);

/* The one place where a failed request is logged: 404 for ERROR_NOT_FOUND, else 500. */
int reply_error(request_rec *r, const struct error *error, const struct reply_form *form);

#endif
