/*
 * tree: more that can be done to a mount while it is attached nowhere yet
 * (kernel/mount_detached).
 *
 *     fd = mount_detached_copy("/srv/image", …)     or tree_make_tmpfs(…)
 *     tree_set(fd, TREE_IDMAP, userns_fd, "…")      before anybody can see it
 *     tree_attach(fd, target_fd, "…")
 *
 * It is the same mount for everybody who has inherited the descriptor. The calls
 * are made by number: not every C library wraps them. All need CAP_SYS_ADMIN in
 * the mount namespace of the caller.
 *
 * taught in: step 07, lessons/07-overlay.md
 */
#ifndef NSCTL_KERNEL_TREE_H
#define NSCTL_KERNEL_TREE_H

#include <stdbool.h>
#include <stdint.h>

/* What a mount can have, as the kernel's MOUNT_ATTR_…; <linux/mount.h> and
 * <sys/mount.h> of some C libraries do not go together. */
enum tree_attribute {
    TREE_RDONLY = 0x1,
    TREE_NOSUID = 0x2,
    TREE_NODEV = 0x4,
    TREE_NOEXEC = 0x8,
    TREE_IDMAP = 0x100000,
};

/* A tmpfs of at most `bytes` (0: as the kernel has it, half of the memory),
 * owned by the caller's root, with `mode` in octal as text. `attributes` are
 * of enum tree_attribute. Where `context_fd` is not NULL it gets a descriptor for
 * tree_resize_tmpfs(). Returns the descriptor, or -1, reported. fsmount(2). */
int tree_make_tmpfs(uint64_t bytes, const char *mode, unsigned attributes,
                    int *context_fd, const char *intention);

/* Returns 0, or -1, reported. fsconfig(2), FSCONFIG_CMD_RECONFIGURE. */
int tree_resize_tmpfs(int context_fd, uint64_t bytes, const char *intention);

/* Adds `attributes` to a mount and to all below it; TREE_IDMAP maps its
 * owners by the user namespace `userns_fd`. Returns 0, or -1 with errno, not
 * reported: before 5.12 there is no such call (ENOSYS), and not every file
 * system can be mapped (EINVAL). mount_setattr(2). */
int tree_set(int tree_fd, unsigned attributes, int userns_fd,
             const char *intention);

/* Attaches it on the directory or file that the descriptor `target_fd` (O_PATH
 * will do) stands for: no path is looked up. Returns 0, or -1, reported.
 * move_mount(2). */
int tree_attach(int tree_fd, int target_fd, const char *intention);

#endif
