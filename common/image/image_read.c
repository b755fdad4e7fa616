/* Reading one image: see image_store.h. Nothing here is written, and nobody is waited for. */
#include "common/base/advice.h"
#include "common/base/log.h"
#include "common/image/image_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_TEXT_BYTES = 4 << 20 };

void image_free(struct image *image)
{
    image_config_free(&image->config);
    free(image->text);
    *image = (struct image){0};
}

/* The text, and when it was put there. Returns NULL, or what is wrong with it. */
static const char *image_read_text(struct image *image, int fd)
{
    struct stat status;
    size_t done = 0;
    if (fstat(fd, &status) == -1) {
        image->error = errno;
        return "its metadata.json can not be read";
    }
    if (!S_ISREG(status.st_mode))
        return "its metadata.json is no file";
    image->tagged_ns =
        (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    if (status.st_size > MOST_TEXT_BYTES)
        return "its metadata.json is too large";
    image->text = malloc((size_t)status.st_size + 1);
    while (image->text != NULL && done < (size_t)status.st_size) {
        ssize_t got =
            read(fd, image->text + done, (size_t)status.st_size - done);
        if (got == -1 && errno == EINTR)
            continue;
        if (got <= 0) {
            image->error = got == -1 ? errno : 0;
            return "its metadata.json can not be read";
        }
        done += (size_t)got;
    }
    if (image->text == NULL) {
        image->error = ENOMEM;
        return "its metadata.json can not be read";
    }
    image->text_size = done;
    sha256_of(image->text, done, image->reference.digest);
    return NULL;
}

/* Silently: this is asked of all images where one is looked for. */
static const char *image_read_config(struct image *image)
{
    int log_fd = log_set_descriptor(-1);
    int result = image_config_read(&image->config, "metadata.json", image->text,
                                   image->text_size);
    log_set_descriptor(log_fd);
    if (result == 0)
        return NULL;
    image_config_free(&image->config);
    return "its metadata.json can not be understood";
}

static const char *image_read_layers(const struct store *store,
                                     struct image *image)
{
    const char *damage = NULL;
    int log_fd = log_set_descriptor(-1);
    for (size_t i = 0; i < image->config.layers.count; i++) {
        char path[PATH_MAX];
        struct layer_info info = {0};
        if (layer_store_find(store, image->config.layers.all[i], path, &info) ==
            -1) {
            image->error = errno;
            damage = errno == ENOENT ? "one of its layers is gone"
                                     : "one of its layers is damaged";
        }
        image->bytes += info.bytes;
    }
    log_set_descriptor(log_fd);
    return damage;
}

int image_read(const struct store *store, const struct reference *reference,
               struct image *image)
{
    struct image_place place;
    *image = (struct image){.reference = *reference};
    image->reference.digest[0] = '\0';
    if (image_store_path(store, reference, &place) == -1)
        return -1;
    int fd =
        open(place.metadata, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd == -1 && errno == ENOTDIR)
        errno = ENOENT;
    if (fd == -1 && errno == ELOOP) {
        image->damage = "its metadata.json is a link";
        return 0;
    }
    if (fd == -1) {
        if (errno != ENOENT)
            log_call(-1, "an image", "openat(\"%s\")", place.metadata);
        return -1;
    }
    image->damage = image_read_text(image, fd);
    if (image->damage == NULL)
        image->damage = image_read_config(image);
    if (image->damage == NULL)
        image->damage = image_read_layers(store, image);
    close(fd);
    return 0;
}

bool image_store_check_whole(const struct image *image)
{
    struct image_config config = {0};
    char name[REFERENCE_TEXT_BYTES];
    if (image->damage == NULL)
        return true;
    reference_text(&image->reference, name);
    if (image->text != NULL) /* once more, and not silently */
        image_config_read(&config, name, image->text, image->text_size);
    image_config_free(&config);
    if (image->error == 0)
        log_error("%s is corrupt: %s", name, image->damage);
    else
        log_error("%s is corrupt: %s (%s)", name, image->damage,
                  advice_error_name(image->error));
    log_advice("image rm removes it; then build, load or import it again");
    errno = EINVAL;
    return false;
}
