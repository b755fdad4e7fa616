/* Finding images: see image_store.h. Nothing here is written, and nobody is waited for. */
#include "common/base/array.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/similar.h"
#include "common/image/image_store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void image_store_free_list(struct image *images, size_t count)
{
    for (size_t i = 0; i < count; i++)
        image_free(&images[i]);
    free(images);
}

/* ---- All ---- */

static int image_compare(const void *a, const void *b)
{
    const struct image *first = a, *second = b;
    int order = strcmp(first->reference.name, second->reference.name);
    return order != 0 ? order
                      : strcmp(first->reference.tag, second->reference.tag);
}

/* One more, where it is an image. Returns 0, or -1, reported. */
static int image_store_add(const struct store *store,
                           const struct reference *reference,
                           struct image **images, size_t *count)
{
    struct image *larger = array_grow(*images, *count, sizeof *larger);
    if (larger == NULL)
        return -1;
    *images = larger;
    if (image_read(store, reference, &larger[*count]) == 0)
        (*count)++;
    else if (errno != ENOENT) /* removed meanwhile, or not yet made */
        return -1;
    return 0;
}

/* The directory of a name: "%" stands for "/". */
static int image_store_list_name(const struct store *store, const char *images,
                                 const char *file, struct image **list,
                                 size_t *count)
{
    struct reference reference;
    struct dirent *entry;
    char path[PATH_MAX], text[REFERENCE_TEXT_BYTES + NAME_MAX];
    int result = 0;
    if (files_path(path, "%s/%s", images, file) == -1)
        return -1;
    DIR *directory = opendir(path);
    if (directory == NULL && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (directory == NULL)
        return (int)log_call(-1, "which images there are", "openat(\"%s\")",
                             path);
    while (result == 0 && files_next(directory, path, &entry, &result)) {
        snprintf(text, sizeof text, "%s:%s", file, entry->d_name);
        for (char *slash = text; (slash = strchr(slash, '%')) != NULL;)
            *slash = '/';
        /* What is no image's name was not made by us. */
        if (reference_parse(text, &reference) == NULL &&
            strcmp(reference.tag, entry->d_name) == 0)
            result = image_store_add(store, &reference, list, count);
    }
    closedir(directory);
    return result;
}

int image_store_list(const struct store *store, struct image **images,
                     size_t *count)
{
    struct dirent *entry;
    char path[PATH_MAX];
    int result = 0;
    *images = NULL;
    *count = 0;
    if (files_path(path, "%s/images", store->root) == -1)
        return -1;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return errno == ENOENT ? 0
                               : (int)log_call(-1, "which images there are",
                                               "openat(\"%s\")", path);
    while (result == 0 && files_next(directory, path, &entry, &result))
        if (entry->d_name[0] != '.')
            result = image_store_list_name(store, path, entry->d_name, images,
                                           count);
    closedir(directory);
    if (result == -1) {
        image_store_free_list(*images, *count);
        *images = NULL;
        *count = 0;
    } else if (*count > 0) {
        qsort(*images, *count, sizeof **images, image_compare);
    }
    return result;
}

/* ---- The one that is meant ---- */

/* What other programs put before a name; and what we do, nothing. */
static const char *const name_beginnings[] = {
    "", "localhost/", "docker.io/library/", "docker.io/"};
enum { BEGINNINGS = sizeof name_beginnings / sizeof name_beginnings[0] };

/* As it is named, then as other programs would have named it. */
static int image_find_name(const struct store *store,
                           const struct reference *asked, struct image *image)
{
    errno = ENOENT;
    for (size_t i = 0; i < BEGINNINGS; i++) {
        struct reference reference = *asked;
        if (snprintf(reference.name, sizeof reference.name, "%s%s",
                     name_beginnings[i],
                     asked->name) >= (int)sizeof reference.name)
            continue;
        if (image_read(store, &reference, image) == 0)
            return 0;
        if (errno != ENOENT)
            return -1;
    }
    return -1;
}

/* Keeps one of a list, and frees the others. */
static void image_take(struct image *image, struct image *images, size_t count,
                       const struct image *kept)
{
    *image = (struct image){0};
    if (kept != NULL)
        *image = *kept;
    for (size_t i = 0; i < count; i++)
        if (&images[i] != kept)
            image_free(&images[i]);
    free(images);
}

static bool image_has_name(const struct image *image, const char *name)
{
    const char *own = image->reference.name;
    for (size_t i = 0; i < BEGINNINGS; i++) {
        size_t length = strlen(name_beginnings[i]);
        if (strncmp(own, name_beginnings[i], length) == 0 &&
            strcmp(own + length, name) == 0)
            return true;
    }
    return false;
}

/* By its id, or the beginning of that; with `name` only if it has that name. */
static int image_find_id(const struct store *store, const char *id,
                         const char *name, struct image *image)
{
    struct image *images, *found = NULL;
    size_t count, length = strlen(id);
    bool several = false;
    if (image_store_list(store, &images, &count) == -1)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(images[i].reference.digest, id, length) != 0 ||
            (name != NULL && !image_has_name(&images[i], name)))
            continue;
        if (found == NULL)
            found = &images[i];
        several = several || strcmp(found->reference.digest,
                                    images[i].reference.digest) != 0;
    }
    image_take(image, images, count, several ? NULL : found);
    if (several) {
        log_error("%s: several images have ids that begin with that", id);
        log_advice("type more of it, or a name");
        errno = EINVAL;
        return -1;
    }
    errno = ENOENT;
    return found == NULL ? -1 : 0;
}

static bool image_is_id(const char *word)
{
    size_t length = strlen(word);
    return length > 0 && length < SHA256_TEXT &&
           strspn(word, "0123456789abcdef") == length;
}

int image_store_find(const struct store *store, const char *word,
                     struct image *image)
{
    struct reference reference;
    *image = (struct image){0};
    const char *id = strncmp(word, "sha256:", 7) == 0 ? word + 7 : word;
    const char *expected = reference_parse(word, &reference);
    if (expected == NULL && id == word) {
        if (reference.digest[0] != '\0')
            return image_find_id(store, reference.digest, reference.name,
                                 image);
        if (image_find_name(store, &reference, image) == 0)
            return 0;
        if (errno != ENOENT)
            return -1;
        image_free(image);
    }
    if (image_is_id(id))
        return image_find_id(store, id, NULL, image);
    if (expected != NULL) {
        log_error("\"%s\": %s", word, expected);
        errno = EINVAL;
        return -1;
    }
    errno = ENOENT;
    return -1;
}

/* The name that was meant, into `similar` (REFERENCE_TEXT_BYTES), or "". Where it is right,
 * another tag was meant. */
static void image_find_similar(const struct store *store, const char *word,
                               char *similar)
{
    struct image *images;
    size_t count;
    struct similar nearest = similar_to(word, strlen(word));
    similar[0] = '\0';
    if (image_store_list(store, &images, &count) == -1)
        return;
    /* Of two that are as like it the one that needs no tag: those come first. */
    for (size_t i = 0; i < 2 * count; i++) {
        const struct reference *reference = &images[i % count].reference;
        bool is_latest = strcmp(reference->tag, "latest") == 0;
        char text[REFERENCE_TEXT_BYTES];
        if (is_latest != (i < count))
            continue;
        reference_text(reference, text);
        if (similar_try(&nearest, reference->name, strlen(reference->name)) ||
            similar_try(&nearest, text, strlen(text)))
            snprintf(similar, REFERENCE_TEXT_BYTES, "%s",
                     is_latest ? reference->name : text);
    }
    image_store_free_list(images, count);
}

int image_store_look_up(const struct store *store, const char *word,
                        struct image *image)
{
    char similar[REFERENCE_TEXT_BYTES];
    if (image_store_find(store, word, image) == 0)
        return 0;
    if (errno != ENOENT)
        return -1;
    image_find_similar(store, word, similar);
    if (similar[0] != '\0') {
        log_error("no such image: %s; did you mean %s?", word, similar);
    } else {
        log_error("no such image: %s", word);
        log_advice("`image ls` lists those that there are; build -t NAME, load "
                   "and import make one");
    }
    errno = ENOENT;
    return -1;
}
