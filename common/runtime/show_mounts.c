/* The mounts of a container, as the tree that they are. */
#include "common/base/array.h"
#include "common/base/number.h"
#include "common/runtime/proc.h"
#include "common/runtime/show.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct show_mount {
    int id, parent;
    char *point, *type, *options, *source;
};

struct show_mounts {
    struct show_mount *mounts;
    size_t count;
};

/* "36 35 98:0 /dir /mnt rw,noatime shared:1 - ext3 /dev/root rw,errors=continue": so
 * many words from the beginning, or behind the " - ". Between blanks, each ended. */
static bool show_mounts_split(char *text, char *words[], int count)
{
    char *rest = NULL;
    for (int i = 0; i < count; i++) {
        words[i] = strtok_r(i == 0 ? text : NULL, " \n", &rest);
        if (words[i] == NULL)
            return false;
    }
    return true;
}

static bool show_mounts_read_line(struct show_mount *mount, char *line)
{
    char *first[6], *second[2];
    uint64_t id, parent;
    char *separator = strstr(line, " - ");
    if (separator == NULL || !show_mounts_split(separator + 3, second, 2))
        return false;
    *separator = '\0';
    if (!show_mounts_split(line, first, 6) ||
        number_scan(first[0], INT_MAX, &id) == NULL ||
        number_scan(first[1], INT_MAX, &parent) == NULL)
        return false;
    mount->id = (int)id;
    mount->parent = (int)parent;
    mount->point = strdup(first[4]);
    mount->options = strdup(first[5]);
    mount->type = strdup(second[0]);
    mount->source = strdup(second[1]);
    return mount->point != NULL && mount->options != NULL &&
           mount->type != NULL && mount->source != NULL;
}

static int show_mounts_read(struct show_mounts *all, int proc_fd)
{
    char *line = NULL;
    size_t size = 0;
    int result = 0;
    FILE *file = proc_open_file(proc_fd, "mountinfo");
    if (file == NULL)
        return -1;
    while (result == 0 && getline(&line, &size, file) != -1) {
        struct show_mount *larger =
            array_grow(all->mounts, all->count, sizeof *larger);
        if (larger == NULL) {
            result = -1;
            break;
        }
        all->mounts = larger;
        if (!show_mounts_read_line(&larger[all->count++], line))
            result = -1;
    }
    if (ferror(file) || all->count == 0)
        result = -1;
    free(line);
    fclose(file);
    return result;
}

static void show_mounts_free(struct show_mounts *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free(all->mounts[i].point);
        free(all->mounts[i].type);
        free(all->mounts[i].options);
        free(all->mounts[i].source);
    }
    free(all->mounts);
}

/* Blanks and the like stand there as \040. */
static void show_mounts_unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 +
                         (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* What is usual is not worth a word. */
static void show_mounts_unusual(const char *options, char *text, size_t size)
{
    static const char *const usual[] = {"rw", "relatime", NULL};
    size_t used = 0;
    text[0] = '\0';
    while (*options != '\0') {
        size_t length = strcspn(options, ",");
        bool skip = false;
        for (int i = 0; usual[i] != NULL; i++)
            skip |= strlen(usual[i]) == length &&
                    strncmp(options, usual[i], length) == 0;
        if (!skip && used < size)
            used +=
                (size_t)snprintf(text + used, size - used, "%s%.*s",
                                 used == 0 ? " " : ",", (int)length, options);
        options += length + (options[length] == ',');
    }
}

/* The mounts on `mount`, below it, each with a branch before it. */
static void show_mounts_draw(struct picture *picture,
                             const struct show_mounts *all,
                             const struct show_mount *mount,
                             const char *branches, const char *branch,
                             const char *below)
{
    char options[512], further[256];
    show_mounts_unescape(mount->point);
    show_mounts_unescape(mount->source);
    show_mounts_unusual(mount->options, options, sizeof options);
    bool named = strcmp(mount->source, mount->type) != 0 &&
                 strcmp(mount->source, "none") != 0;
    picture_line(picture, PICTURE_PLAIN, "%s%s%s  %s%s%s%s", branches, branch,
                 mount->point, mount->type, named ? " " : "",
                 named ? mount->source : "", options);
    int length = snprintf(further, sizeof further, "%s%s", branches, below);
    if (length >= (int)sizeof further)
        return; /* deeper than a container's mounts are */
    size_t last = 0;
    for (size_t i = 0; i < all->count; i++)
        if (all->mounts[i].parent == mount->id && &all->mounts[i] != mount)
            last = i;
    for (size_t i = 0; i < all->count; i++) {
        if (all->mounts[i].parent != mount->id || &all->mounts[i] == mount)
            continue;
        if (picture->drawn)
            show_mounts_draw(picture, all, &all->mounts[i], further,
                             i == last ? "└─ " : "├─ ",
                             i == last ? "   " : "│  ");
        else
            show_mounts_draw(picture, all, &all->mounts[i], further, "", "  ");
    }
}

void show_mounts(struct picture *picture, int proc_fd)
{
    struct show_mounts all = {0};
    picture_heading(picture, "mounts");
    if (show_mounts_read(&all, proc_fd) == -1) {
        picture_line(picture, PICTURE_DIM, "(can not be read)");
    } else {
        /* The root is the one whose parent is out of sight. */
        for (size_t i = 0; i < all.count; i++) {
            bool has_parent = false;
            for (size_t j = 0; j < all.count; j++)
                has_parent |=
                    j != i && all.mounts[j].id == all.mounts[i].parent;
            if (!has_parent)
                show_mounts_draw(picture, &all, &all.mounts[i], "", "",
                                 picture->drawn ? "" : "  ");
        }
    }
    show_mounts_free(&all);
}
