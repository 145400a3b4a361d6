/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and changing tag databases share. */
#ifndef REPLICA_FORMAT_HISTORY_INTERNAL_H
#define REPLICA_FORMAT_HISTORY_INTERNAL_H

#include "libreplica/format/database.h"

/* The tables that every revision of the schema has, and a schema that is known. */
bool history_check_database(struct database *database, struct error *error);

#endif
