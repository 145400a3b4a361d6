/* SPDX-License-Identifier: Apache-2.0 */
/* replica-store-id: a StoreID helper, by which Squid keeps one copy of what many URLs
 * name. */
#include "squid-helpers/programs.h"

int main(int count, char **arguments)
{
    return rule_program_run(&store_program, count, arguments);
}
