/*
 * presets: options of `run` that have a name: `run --preset small …`.
 *
 *     # ~/.config/nsctl/presets.yaml, or /etc/nsctl/presets.yaml
 *     small: {memory: 64m, cpus: 0.25, pids: 64}
 *
 * A key is an option without its dashes, a value what would stand behind it; of an
 * option that takes none, true or false. An option that may be given again takes a list.
 * What is typed holds against the preset, and a user's own preset against the
 * machine's of that name.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_PRESETS_H
#define NSCTL_RUNTIME_PRESETS_H

#include "common/base/program.h"

/* Finds the preset and gives each of its values to the option of that name. Returns 0,
 * or -1, reported: there is none (did you mean …?), or FILE:LINE: what is wrong. */
int presets_apply(const char *preset, const struct program_option *options);

#endif
