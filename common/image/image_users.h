/*
 * image_users: which containers are of an image.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IMAGE_USERS_H
#define NSCTL_IMAGE_IMAGE_USERS_H

#include "common/runtime/store.h"

/* All that there are, as store_list() has them, for the questions below. */
struct image_users {
    struct record *records;
    size_t count;
};

/* Returns 0, or -1, reported. image_users_free() in any case. */
int image_users_list(const struct store *store, struct image_users *users);
void image_users_free(struct image_users *users);

/* One that is of the image `id`, one that runs if there is such; or NULL. */
const struct record *image_users_find(const struct image_users *users,
                                      const char *id);

#endif
