/* SPDX-License-Identifier: Apache-2.0 */
/* replica-rewrite: a URL rewriter that answers by a file of lines. */
#include "squid-helpers/programs.h"

int main(int count, char **arguments)
{
    return rule_program_run(&rewrite_program, count, arguments);
}
