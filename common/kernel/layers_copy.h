/*
 * layers_copy: a whole root file system out of its layers, where the kernel can
 * not show them as one, or not with the owners that they should have.
 *
 * taught in: step 07, lessons/07-overlay.md
 */
#ifndef NSCTL_KERNEL_LAYERS_COPY_H
#define NSCTL_KERNEL_LAYERS_COPY_H

#include <stddef.h>
#include <sys/types.h>

/* Copies the whole that `layers` (paths, the uppermost first) make into the
 * empty directory `target_fd`: names, contents with their holes, modes, times,
 * hard and symbolic links, attributes. An owner N becomes the one who is N in
 * the user namespace of `pid`; where `pid` is 0 owners stay. Left out, and
 * counted in the log: devices (nobody could open them), and attributes that the
 * target does not keep; ACLs, which name owners. Returns 0, or -1, reported. */
int layers_copy(const char *const *layers, size_t count, int target_fd,
                pid_t pid);

#endif
