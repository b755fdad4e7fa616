/*
 * image_config_members: the members of an image's config that are texts, or lists of them,
 * as a table, by which they are read, written, copied and freed.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IMAGE_CONFIG_MEMBERS_H
#define NSCTL_IMAGE_IMAGE_CONFIG_MEMBERS_H

#include "common/image/image_config.h"

enum image_member_kind {
    IMAGE_MEMBER_TEXT, /* a const char *; "" is as if it were not there */
    IMAGE_MEMBER_LIST, /* ["a", "b"] */
    IMAGE_MEMBER_SET,  /* {"a": {}, "b": {}} */
    IMAGE_MEMBER_PAIRS /* {"NAME": "VALUE"} */
};

struct image_member {
    const char *key;
    enum image_member_kind kind;
    size_t offset; /* in struct image_config */
};

/* In the order in which they are written; both end with an empty row. */
extern const struct image_member image_config_outer_members[];
extern const struct image_member image_config_inner_members[]; /* "config" */

static inline const char **image_member_text(const struct image_config *config,
                                             const struct image_member *member)
{
    return (const char **)((char *)config + member->offset);
}

static inline struct image_texts *
image_member_texts(const struct image_config *config,
                   const struct image_member *member)
{
    return (struct image_texts *)((char *)config + member->offset);
}

#endif
