#include "common/kernel/volume_options.h"

#include "common/base/number.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where in the container: a path that can be nothing but below its root. What
 * it leads to is found out when there is that root. Returns a copy, or NULL. */
static char *volume_options_target(const char *text)
{
    if (text[0] != '/' || strlen(text) >= PATH_MAX)
        return NULL;
    bool below = false;
    for (const char *part = text; *part != '\0';) {
        part += strspn(part, "/");
        size_t length = strcspn(part, "/");
        if ((length == 2 && strncmp(part, "..", 2) == 0) || length > NAME_MAX)
            return NULL;
        below |= length > 1 || (length == 1 && *part != '.');
        part += length;
    }
    return below ? strdup(text) : NULL;
}

/* What stands behind the second colon. "z" and "Z" are others' words for labels of
 * SELinux, of which none are set here and none are needed. */
static bool volume_options_take_words(struct volume *volume, char *words)
{
    char *rest = NULL;
    if (*words == '\0' || words[strlen(words) - 1] == ',')
        return false;
    for (char *word = strtok_r(words, ",", &rest); word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        if (strcmp(word, "ro") == 0)
            volume->read_only = true;
        else if (strcmp(word, "rw") != 0 && strcmp(word, "z") != 0 &&
                 strcmp(word, "Z") != 0)
            return false;
    }
    return true;
}

const char *volume_options_parse(const char *text, void *volumes)
{
    static const char expected[] =
        "expected HOST:CONTAINER or HOST:CONTAINER:ro, CONTAINER an absolute "
        "path below / without ..";
    struct volumes *all = volumes;
    struct volume volume = {.tree_fd = -1};
    char copy[2 * PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
        return expected;
    char *target = strchr(copy, ':');
    if (target == NULL || target == copy)
        return expected;
    *target++ = '\0';
    char *option = strchr(target, ':');
    if (option != NULL) {
        *option++ = '\0';
        if (!volume_options_take_words(&volume, option))
            return expected;
    }
    if (all->count == VOLUMES_MOST)
        return "expected 64 volumes at most";
    char *target_copy = volume_options_target(target);
    if (target_copy == NULL)
        return expected;
    volume.target = target_copy;
    volume.source = realpath(copy, NULL);
    if (volume.source == NULL) {
        free(target_copy);
        if (errno == ENOENT && strchr(copy, '/') == NULL)
            return "expected HOST to be there (ENOENT): volumes have no names; "
                   "mkdir makes one";
        return errno == ENOENT
                   ? "expected HOST to be there: make it first (ENOENT)"
                   : "HOST can not be reached";
    }
    all->list[all->count++] = volume;
    return NULL;
}

/* "1777": the mode of a directory. */
static bool volume_options_is_mode(const char *text)
{
    size_t length = strspn(text, "01234567");
    return text[length] == '\0' && length > 0 && length <= 4;
}

/* One "key=value" of a tmpfs. */
static bool volume_options_take(struct volume *volume, const char *option,
                                char *mode)
{
    static const char *const always[] = {"rw", "nosuid", "nodev", "noexec"};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (strcmp(option, always[i]) == 0)
            return true;
    if (strncmp(option, "size=", 5) == 0)
        return number_parse_bytes(option + 5, &volume->bytes) == NULL &&
               volume->bytes >= 4096;
    if (strncmp(option, "mode=", 5) != 0 || !volume_options_is_mode(option + 5))
        return false;
    memcpy(mode, option + 5, strlen(option + 5) + 1);
    return true;
}

const char *volume_options_parse_tmpfs(const char *text, void *volumes)
{
    static const char expected[] =
        "expected PATH or PATH:size=64m,mode=1777, PATH absolute, below / and "
        "without ..; at least 4k";
    struct volumes *all = volumes;
    struct volume volume = {.bytes = 64 << 20, .tree_fd = -1};
    char copy[PATH_MAX + 64], mode[8] = "1777";
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
        return expected;
    char *options = strchr(copy, ':'), *rest = NULL;
    if (options != NULL) {
        *options++ = '\0';
        if (*options == '\0' || options[strlen(options) - 1] == ',')
            return expected;
        for (char *option = strtok_r(options, ",", &rest); option != NULL;
             option = strtok_r(NULL, ",", &rest))
            if (!volume_options_take(&volume, option, mode))
                return expected;
    }
    if (all->count == VOLUMES_MOST)
        return "expected 64 volumes at most";
    volume.target = volume_options_target(copy);
    if (volume.target == NULL)
        return expected;
    volume.mode = strdup(mode);
    if (volume.mode == NULL) {
        free((char *)volume.target);
        return "out of memory";
    }
    all->list[all->count++] = volume;
    return NULL;
}
