#include "common/image/build_owner.h"

#include "common/base/number.h"
#include "common/image/layer_path.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OWNER_MOST_BYTES = 1 << 20, OWNER_FIELDS = 4 };

/* 2^32-1 means "leave it as it is" to chown(2). */
#define OWNER_MOST_ID (UINT32_MAX - 1)

static bool build_owner_is_id(const char *text, uint32_t *id)
{
    uint64_t number;
    const char *rest = number_scan(text, OWNER_MOST_ID, &number);
    *id = rest != NULL && *rest == '\0' ? (uint32_t)number : 0;
    return rest != NULL && *rest == '\0';
}

/* The line of passwd(5) or group(5) whose first field is `name`. Cuts it into `fields`, which
 * point into `text`. */
static bool build_owner_find_line(char *text, const char *name,
                                  char *fields[OWNER_FIELDS])
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        for (size_t i = 0; i < OWNER_FIELDS; i++) {
            fields[i] = line;
            line += strcspn(line, ":");
            if (*line == ':')
                *line++ = '\0';
        }
        if (strcmp(fields[0], name) == 0)
            return true;
    }
    return false;
}

/* The third field, and for a user the fourth. Returns 1, 0 where there is no such line, -1. */
static int build_owner_look_up(const struct layers *image, const char *path,
                               const char *name, struct build_owner *owner,
                               bool is_user)
{
    size_t size;
    char *fields[OWNER_FIELDS];
    uint32_t id, group = 0;
    char *text = layer_path_read(image, path, OWNER_MOST_BYTES, &size);
    if (text == NULL) {
        owner->complaint = "/etc/passwd or /etc/group of the image is no text "
                           "of less than 1 MiB";
        return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    }
    int found = build_owner_find_line(text, name, fields);
    if (found == 1 && (!build_owner_is_id(fields[2], &id) ||
                       (is_user && !build_owner_is_id(fields[3], &group)))) {
        owner->complaint = "what the image has for that name in /etc/passwd or "
                           "/etc/group is not a number";
        errno = EINVAL;
        found = -1;
    }
    if (found == 1 && is_user)
        owner->uid = id;
    if (found == 1)
        owner->gid = is_user ? group : id;
    free(text);
    return found;
}

int build_owner_find(const struct layers *image, const char *text,
                     struct build_owner *owner)
{
    char copy[256];
    *owner = (struct build_owner){.complaint = NULL};
    snprintf(copy, sizeof copy, "%s", text);
    char *group = strchr(copy, ':');
    if (group != NULL)
        *group++ = '\0';
    int found = build_owner_is_id(copy, &owner->uid);
    owner->gid = owner->uid;
    if (found == 0)
        found = build_owner_look_up(image, "/etc/passwd", copy, owner, true);
    if (found == 0)
        owner->complaint = "--chown: the image's /etc/passwd has no such user";
    if (found == 1 && group != NULL && !build_owner_is_id(group, &owner->gid)) {
        found = build_owner_look_up(image, "/etc/group", group, owner, false);
        if (found == 0)
            owner->complaint =
                "--chown: the image's /etc/group has no such group";
    }
    if (found == 1)
        return 0;
    if (found == 0)
        errno = EINVAL;
    return -1;
}
