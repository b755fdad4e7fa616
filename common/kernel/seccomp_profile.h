/*
 * seccomp_profile: rules from a file of the JSON that Docker and Podman take.
 *
 * taught in: step 06, lessons/06-userns.md
 */
#ifndef NSCTL_KERNEL_SECCOMP_PROFILE_H
#define NSCTL_KERNEL_SECCOMP_PROFILE_H

#include "common/kernel/seccomp.h"

#include <stdint.h>

/*
 * Reads the profile at `path` into `rules`, for the native architecture, a
 * container that keeps `capabilities` (1 << CAP_…) and the kernel we run on.
 * A system call that we do not know is worth a warning (it may be of another
 * architecture, or newer), everything else that we do not know an error, with
 * the line where it stands. Returns 0, or -1, reported.
 */
int seccomp_profile_read(const char *path, uint64_t capabilities,
                         struct seccomp_rules *rules);

#endif
