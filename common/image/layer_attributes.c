#include "common/image/layer_attributes.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

static bool layer_attributes_begins(const char *name, const char *beginning)
{
    return strncmp(name, beginning, strlen(beginning)) == 0;
}

/* In both spellings, that of everybody and root's. */
bool layer_attributes_is_overlays(const char *name)
{
    return layer_attributes_begins(name, "user.overlay.") ||
           layer_attributes_begins(name, "trusted.overlay.");
}

bool layer_attributes_belongs(const char *name)
{
    return strcmp(name, "security.capability") == 0 ||
           (layer_attributes_begins(name, "user.") &&
            !layer_attributes_is_overlays(name));
}

int layer_attributes_copy(int from_fd, int to_fd)
{
    char names[XATTR_LIST_MAX];
    ssize_t length = flistxattr(from_fd, names, sizeof names);
    if (length <= 0)
        return length == 0 || errno == EOPNOTSUPP ? 0 : -1;
    char *value = malloc(XATTR_SIZE_MAX);
    int result = value == NULL ? -1 : 0;
    for (const char *name = names; name < names + length && result == 0;
         name += strlen(name) + 1) {
        if (!layer_attributes_belongs(name))
            continue;
        ssize_t size = fgetxattr(from_fd, name, value, XATTR_SIZE_MAX);
        result = size == -1 ? -1 : fsetxattr(to_fd, name, value, size, 0);
    }
    int saved_errno = errno;
    free(value);
    errno = saved_errno;
    return result;
}

int layer_attributes_make_opaque(int fd)
{
    if (fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) == -1)
        return -1;
    int result = fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0);
    return result == -1 && errno == EPERM ? 0 : result;
}
