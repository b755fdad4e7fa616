/*
 * run_absent: options of `run` and `exec` that others have, and what there is instead.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_RUN_ABSENT_H
#define NSCTL_RUNTIME_RUN_ABSENT_H

#include "common/base/program.h"

extern const struct program_absent run_absent[];
extern const struct program_absent exec_absent[];

#endif
