#include "common/image/layer_path.h"

#include "common/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LAYER_PATH_MOST_LINKS = 40 }; /* as the kernel follows */

/* What is still to be looked up. A link's text comes before it. */
struct layer_path_rest {
    char text[2 * PATH_MAX];
    size_t at;
    unsigned links;
};

/* ---- Layers ---- */

int layer_path_copy(const struct layers *layers, struct layers *copy)
{
    copy->count = 0;
    for (size_t i = 0; i < layers->count; i++) {
        int fd = fcntl(layers->fds[i], F_DUPFD_CLOEXEC, 0);
        if (fd == -1) {
            layers_close(copy);
            return -1;
        }
        copy->fds[copy->count++] = fd;
    }
    return 0;
}

void layer_path_close(struct layer_path *found)
{
    layers_close(&found->layers);
}

static int layer_path_enter(struct layer_path *found, const char *name)
{
    struct layers below;
    if (layers_enter(&found->layers, name, &below) == -1)
        return -1;
    layers_close(&found->layers);
    found->layers = below;
    return 0;
}

/* Back to the top, and from there to `found->path`, in which there are no links. */
static int layer_path_again(const struct layers *top, struct layer_path *found)
{
    char path[PATH_MAX], *rest = NULL;
    memcpy(path, found->path, sizeof path);
    layers_close(&found->layers);
    int result = layer_path_copy(top, &found->layers);
    for (char *name = strtok_r(path, "/", &rest); name != NULL && result == 0;
         name = strtok_r(NULL, "/", &rest))
        result = layer_path_enter(found, name);
    return result;
}

/* ---- Parts of a path ---- */

static int layer_path_fail(int error)
{
    errno = error;
    return -1;
}

static int layer_path_append(char *path, const char *name)
{
    size_t length = strlen(path), more = strlen(name);
    if (length + more + 2 > PATH_MAX)
        return layer_path_fail(ENAMETOOLONG);
    if (length > 0)
        path[length++] = '/';
    memcpy(path + length, name, more + 1);
    return 0;
}

static void layer_path_shorten(char *path)
{
    char *slash = strrchr(path, '/');
    *(slash == NULL ? path : slash) = '\0';
}

/* The next part, into `name`. Returns 1, 0 at the end, or -1. */
static int layer_path_next(struct layer_path_rest *rest,
                           char name[NAME_MAX + 1])
{
    rest->at += strspn(rest->text + rest->at, "/");
    size_t length = strcspn(rest->text + rest->at, "/");
    if (length > NAME_MAX)
        return layer_path_fail(ENAMETOOLONG);
    memcpy(name, rest->text + rest->at, length);
    name[length] = '\0';
    rest->at += length;
    return length > 0;
}

static bool layer_path_is_last(const struct layer_path_rest *rest)
{
    const char *more = rest->text + rest->at;
    return more[strspn(more, "/")] == '\0';
}

/* What the link says is to be looked up next, from here or from the top. */
static int layer_path_follow(const struct layers *top, struct layer_path *found,
                             struct layer_path_rest *rest, const char *name,
                             int which)
{
    char text[2 * PATH_MAX];
    ssize_t length =
        readlinkat(found->layers.fds[which], name, text, PATH_MAX - 1);
    if (length == -1)
        return -1;
    size_t more = strlen(rest->text + rest->at) + 1;
    if ((size_t)length + more >= sizeof text)
        return layer_path_fail(ENAMETOOLONG);
    if (++rest->links > LAYER_PATH_MOST_LINKS)
        return layer_path_fail(ELOOP);
    memcpy(text + length, rest->text + rest->at, more);
    memcpy(rest->text, text, (size_t)length + more);
    rest->at = 0;
    if (text[0] != '/')
        return 0;
    found->path[0] = '\0';
    return layer_path_again(top, found);
}

/* ---- All of it ---- */

/* One part. Returns 0, 1 where there is no such name, or -1. */
static int layer_path_step(const struct layers *top, struct layer_path *found,
                           struct layer_path_rest *rest, const char *name,
                           bool follow)
{
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0) {
        layer_path_shorten(found->path);
        return layer_path_again(top, found);
    }
    bool is_last = layer_path_is_last(rest);
    int which = layers_look_up(&found->layers, name, &found->status);
    if (which == -1 && errno != ENOENT)
        return -1;
    if (which == -1)
        return 1;
    if (S_ISLNK(found->status.st_mode) && (follow || !is_last))
        return layer_path_follow(top, found, rest, name, which);
    if (!S_ISDIR(found->status.st_mode) && !is_last)
        return layer_path_fail(ENOTDIR);
    if (layer_path_append(found->path, name) == -1)
        return -1;
    found->which = which;
    return S_ISDIR(found->status.st_mode) ? layer_path_enter(found, name) : 0;
}

/* Nothing is there: what would be its name is all that is left to say. */
static int layer_path_missing(struct layer_path *found,
                              struct layer_path_rest *rest,
                              char name[NAME_MAX + 1])
{
    int result = 1;
    found->there = strlen(found->path);
    for (; result == 1; result = layer_path_next(rest, name)) {
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) /* of what? */
            return layer_path_fail(ENOENT);
        if (layer_path_append(found->path, name) == -1)
            return -1;
    }
    return result == -1 ? -1 : 1;
}

int layer_path_find(const struct layers *top, const char *path, bool follow,
                    struct layer_path *found)
{
    struct layer_path_rest rest = {.at = 0};
    char name[NAME_MAX + 1];
    found->path[0] = '\0';
    found->which = 0;
    found->layers.count = 0;
    if (strlen(path) >= sizeof rest.text)
        return layer_path_fail(ENAMETOOLONG);
    memcpy(rest.text, path, strlen(path) + 1);
    int result = layer_path_copy(top, &found->layers);
    if (result == 0 && top->count > 0)
        result = fstat(top->fds[0], &found->status);
    else
        found->status = (struct stat){.st_mode = S_IFDIR | 0755};
    while (result == 0 && (result = layer_path_next(&rest, name)) == 1) {
        result = layer_path_step(top, found, &rest, name, follow);
        if (result == 1) {
            result = layer_path_missing(found, &rest, name);
            break;
        }
    }
    if (result == 0)
        found->there = strlen(found->path);
    found->name = files_base_name(found->path);
    if (result == -1)
        layers_close(&found->layers);
    return result;
}

int layer_path_clean(const char *directory, const char *path, char *clean,
                     bool *leaves)
{
    const char *const parts[] = {path[0] == '/' ? "" : directory, path};
    clean[0] = '\0';
    *leaves = false;
    for (size_t i = 0; i < 2; i++) {
        struct layer_path_rest rest = {.at = 0};
        char name[NAME_MAX + 1];
        int result;
        if (strlen(parts[i]) >= PATH_MAX - 1)
            return layer_path_fail(ENAMETOOLONG);
        memcpy(rest.text, parts[i], strlen(parts[i]) + 1);
        while ((result = layer_path_next(&rest, name)) == 1) {
            if (strcmp(name, ".") == 0)
                continue;
            if (strcmp(name, "..") != 0) {
                if (layer_path_append(clean, name) == -1)
                    return -1;
                continue;
            }
            *leaves |= clean[0] == '\0';
            layer_path_shorten(clean);
        }
        if (result == -1)
            return -1;
    }
    if (strlen(clean) + 2 > PATH_MAX)
        return layer_path_fail(ENAMETOOLONG);
    memmove(clean + 1, clean, strlen(clean) + 1);
    clean[0] = '/';
    return 0;
}

char *layer_path_read(const struct layers *top, const char *path, size_t most,
                      size_t *size)
{
    struct layer_path *found = malloc(sizeof *found);
    char *text = NULL;
    int fd = -1;
    *size = 0;
    if (found == NULL)
        return NULL;
    int result = layer_path_find(top, path, true, found);
    int error = result == 1 ? ENOENT : errno;
    if (result == 0) {
        error = EINVAL;
        if (S_ISREG(found->status.st_mode)) {
            fd = openat(found->layers.fds[found->which], found->name,
                        O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
            error = fd == -1 ? errno : 0;
        }
    }
    if (fd != -1)
        text = malloc(most + 1);
    for (ssize_t got = 1; text != NULL && got > 0; *size += (size_t)got) {
        got = read(fd, text + *size, most + 1 - *size);
        error = got == -1 ? errno : 0;
        if (error == 0 && *size + (size_t)got > most)
            error = EFBIG;
        if (error != 0) {
            free(text);
            text = NULL;
        }
    }
    if (fd != -1)
        close(fd);
    if (result != -1)
        layer_path_close(found);
    free(found);
    if (text != NULL)
        text[*size] = '\0';
    else
        errno = error != 0 ? error : ENOMEM;
    return text;
}
