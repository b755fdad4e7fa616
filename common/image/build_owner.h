/*
 * build_owner: who --chown means: a name is looked up in the image, not on the host.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_OWNER_H
#define NSCTL_IMAGE_BUILD_OWNER_H

#include "common/kernel/layers.h"

#include <sys/types.h>

struct build_owner {
    uid_t uid;
    gid_t gid;
    const char *complaint; /* of -1: why; NULL: errno says it */
};

/* USER[:GROUP], names or numbers (users_check_form()). Without a group it is that which
 * /etc/passwd has for the name; of a number the same number. Returns 0, or -1, not reported. */
int build_owner_find(const struct layers *image, const char *text,
                     struct build_owner *owner);

#endif
