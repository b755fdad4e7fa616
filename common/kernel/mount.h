/*
 * mount: a mount table of one's own, and file systems in it.
 *
 * taught in: step 03, lessons/03-mount.md
 */
#ifndef NSCTL_KERNEL_MOUNT_H
#define NSCTL_KERNEL_MOUNT_H

#include <stddef.h>

/* Writes the names of MS_… flags into `text`, "MS_NOSUID|MS_NODEV", "0" for
 * none; for the log. mount(2). */
void mount_name_flags(unsigned long flags, char *text, size_t size);

/*
 * mount(2), reported with `intention`. `source` and `type` are "none" where the
 * flags make them meaningless; `options` may be NULL. Call it in a mount
 * namespace of one's own, made private. Returns 0, or -1 with errno.
 */
int mount_file_system(const char *source, const char *target, const char *type,
                      unsigned long flags, const char *options,
                      const char *intention);

/* First in a new mount namespace: cuts every mount loose from its peers, or
 * what is mounted here appears on the host. Returns 0, or -1, reported.
 * mount_namespaces(7). */
int mount_make_private(void);

/* The processes of the caller's PID namespace, on /proc. Returns 0, or -1,
 * reported. proc(5). */
int mount_proc(void);

#endif
