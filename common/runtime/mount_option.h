/*
 * mount_option: --mount, which says with a name before each part what -v and --tmpfs say
 * by their order: type=bind,source=HOST,target=DIR,readonly.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_MOUNT_OPTION_H
#define NSCTL_RUNTIME_MOUNT_OPTION_H

/* The option parser (base/program.h): adds one to the struct volumes. */
const char *mount_option_parse(const char *text, void *volumes);

#endif
