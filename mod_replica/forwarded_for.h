/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of X-Forwarded-For, the one that was added last first. */
#ifndef REPLICA_MOD_FORWARDED_FOR_H
#define REPLICA_MOD_FORWARDED_FOR_H

#include <stdbool.h>

#include "libreplica/base/text.h"

/* Take the last element, without the commas and blanks around it, off *LIST. False: there
 * is none left. Pure. */
bool forwarded_for_take_last(struct text *element, struct text *list);

/* What follows the last blank or, without a blank, the last comma. Pure. */
struct text forwarded_for_tail(struct text list);

#endif
