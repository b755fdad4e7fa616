#include "common/image/layer_place.h"

#include "common/base/files.h"
#include "common/image/layer_attributes.h"
#include "common/image/layer_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

int layer_place_close(struct layer_place *place, int result)
{
    int saved_errno = errno;
    const struct timespec times[2] = {place->time, place->time};
    if (result != -1 && place->fd != -1 && futimens(place->fd, times) == -1) {
        saved_errno = errno;
        result = -1;
    }
    files_close(&place->fd);
    layers_close(&place->below);
    errno = saved_errno;
    return result;
}

int layer_place_top(struct layer_place *top, int tree_fd,
                    const struct layers *below)
{
    struct stat status;
    top->fd = fcntl(tree_fd, F_DUPFD_CLOEXEC, 0);
    if (top->fd == -1)
        return -1;
    top->below.count = 0;
    if (fstat(below->count > 0 ? below->fds[0] : tree_fd, &status) == -1 ||
        layer_path_copy(below, &top->below) == -1) {
        close(top->fd);
        return -1;
    }
    top->time = status.st_mtim;
    return 0;
}

int layer_place_look_up(const struct layer_place *place, const char *name,
                        struct stat *status)
{
    if (fstatat(place->fd, name, status, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (errno == ENOENT && layers_look_up(&place->below, name, status) != -1)
        return 0;
    return errno == ENOENT ? 1 : -1;
}

/* ---- As it is below ---- */

/* First the owner: that takes set-user-id bits away. */
static int layer_place_set(const struct layer_place *inner,
                           const struct layer_place_new *made)
{
    return fchown(inner->fd, made->uid, made->gid) == -1 ||
                   fchmod(inner->fd, made->mode & 07777) == -1
               ? -1
               : 0;
}

/* A directory that is below, or nowhere. Returns 0 or 1 as layer_place_enter(). */
static int layer_place_make(const struct layer_place *place, const char *name,
                            const struct layer_place_new *made,
                            struct layer_place *inner)
{
    struct stat status;
    struct layer_place_new as_below;
    bool is_there = layers_look_up(&place->below, name, &status) != -1;
    if (!is_there && errno != ENOENT)
        return -1;
    if (is_there && !S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    if (is_there) {
        as_below = (struct layer_place_new){status.st_mode, status.st_uid,
                                            status.st_gid, status.st_mtim};
        made = &as_below;
    }
    if (mkdirat(place->fd, name, 0700) == -1)
        return -1;
    inner->time = made->time;
    inner->fd = openat(place->fd, name, OPEN_DIRECTORY);
    if (inner->fd == -1 || layer_place_set(inner, made) == -1)
        return -1;
    if (is_there &&
        (layers_enter(&place->below, name, &inner->below) == -1 ||
         layer_attributes_copy(inner->below.fds[0], inner->fd) == -1))
        return -1;
    return is_there ? 0 : 1;
}

int layer_place_enter(const struct layer_place *place, const char *name,
                      const struct layer_place_new *made,
                      struct layer_place *inner)
{
    struct stat status;
    int result = 0;
    inner->below.count = 0;
    inner->fd = openat(place->fd, name, OPEN_DIRECTORY);
    if (inner->fd != -1) {
        result = fstat(inner->fd, &status);
        inner->time = status.st_mtim;
        if (result == 0 && layers_look_up(&place->below, name, &status) == -1)
            result = errno == ENOENT ? 0 : -1;
        else if (result == 0 && S_ISDIR(status.st_mode))
            result = layers_enter(&place->below, name, &inner->below);
    } else {
        result =
            errno == ENOENT ? layer_place_make(place, name, made, inner) : -1;
        if (result == -1 && errno == ELOOP)
            errno = ENOTDIR;
    }
    return result == -1 ? layer_place_close(inner, -1) : result;
}

int layer_place_walk(const struct layer_place *top, const char *path,
                     const struct layer_place_new *made,
                     struct layer_place *inner)
{
    char copy[PATH_MAX], *rest = NULL;
    struct layer_place *here = malloc(sizeof *here);
    int result = 0;
    if (here == NULL)
        return -1;
    strncpy(copy, path, sizeof copy - 1);
    copy[sizeof copy - 1] = '\0';
    inner->below.count = 0;
    inner->time = top->time;
    inner->fd = fcntl(top->fd, F_DUPFD_CLOEXEC, 0);
    if (inner->fd == -1 || layer_path_copy(&top->below, &inner->below) == -1)
        result = -1;
    for (char *name = strtok_r(copy, "/", &rest); name != NULL && result != -1;
         name = strtok_r(NULL, "/", &rest)) {
        *here = *inner;
        result = layer_place_enter(here, name, made, inner);
        if (layer_place_close(here, result) == -1 && result != -1)
            result = layer_place_close(inner, -1);
    }
    free(here);
    return result;
}
