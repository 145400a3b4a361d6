/* SPDX-License-Identifier: Apache-2.0 */
/* replica-policy: an external ACL helper that answers by a file of rules. */
#include "squid-helpers/programs.h"

int main(int count, char **arguments)
{
    return rule_program_run(&policy_program, count, arguments);
}
