/* SPDX-License-Identifier: Apache-2.0 */
/* The helpers. Each has a file for its program, and one for its main function. */
#ifndef REPLICA_PROGRAMS_H
#define REPLICA_PROGRAMS_H

#include "squid-helpers/rule_program.h"

extern const struct rule_program policy_program;
extern const struct rule_program store_program;
extern const struct rule_program rewrite_program;

#endif
