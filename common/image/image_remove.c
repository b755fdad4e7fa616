/* image rm: names of images, and with the last one of an image all that only that had. */
#include "common/base/log.h"
#include "common/image/image_commands.h"
#include "common/image/image_text.h"
#include "common/image/image_users.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct remove_image {
    bool force;
    const struct store *store;
    const char *word;     /* as it was typed */
    struct image image;   /* the one that this means */
    bool by_id;           /* by its id, so all of its names are meant */
    struct image *images; /* all that there are */
    size_t count;
};

static bool remove_is_same(const struct remove_image *remove,
                           const struct image *image)
{
    const char *id = remove->image.reference.digest;
    if (*id == '\0') /* one that can not be read has but its name */
        return strcmp(image->reference.name, remove->image.reference.name) ==
                   0 &&
               strcmp(image->reference.tag, remove->image.reference.tag) == 0;
    return strcmp(image->reference.digest, id) == 0;
}

/* How many names it has. */
static size_t remove_count_names(const struct remove_image *remove)
{
    size_t names = 0;
    for (size_t i = 0; i < remove->count; i++)
        names += remove_is_same(remove, &remove->images[i]);
    return names;
}

/* In docker's words. */
static int remove_refuse_used(const struct remove_image *remove,
                              const struct record *user)
{
    const char *id = remove->image.reference.digest;
    const char *how = user->status == RECORD_RUNNING ? "running" : "stopped";
    if (remove->by_id)
        log_error("conflict: unable to delete %.12s (must be forced) - image "
                  "is being used by %s container %.12s",
                  id, how, user->id);
    else
        log_error("conflict: unable to remove repository reference \"%s\" "
                  "(must force) - container %.12s is using its referenced "
                  "image %.12s",
                  remove->word, user->id, id);
    log_advice("rm the container first; or, with -f, only the name goes");
    return EXIT_NOT_DONE;
}

static int remove_check(const struct remove_image *remove)
{
    struct image_users users;
    int status = 0;
    size_t names = remove_count_names(remove);
    if (remove->force)
        return 0;
    if (remove->by_id && names > 1) {
        log_error("conflict: unable to delete %.12s (must be forced) - image "
                  "is referenced in multiple repositories",
                  remove->image.reference.digest);
        log_advice("name one of them, or with -f all go");
        return EXIT_NOT_DONE;
    }
    if (names > 1)
        return 0;
    if (image_users_list(remove->store, &users) == -1)
        return EXIT_NOT_DONE;
    const struct record *user =
        image_users_find(&users, remove->image.reference.digest);
    if (user != NULL)
        status = remove_refuse_used(remove, user);
    image_users_free(&users);
    return status;
}

static int remove_untag(const struct remove_image *remove,
                        const struct reference *reference)
{
    char name[REFERENCE_TEXT_BYTES];
    if (image_store_untag(remove->store, reference) == -1)
        return -1;
    reference_text(reference, name);
    printf("Untagged: %s\n", name);
    return 0;
}

static int remove_names(const struct remove_image *remove)
{
    int result = 0;
    if (!remove->by_id)
        return remove_untag(remove, &remove->image.reference);
    for (size_t i = 0; i < remove->count; i++)
        if (remove_is_same(remove, &remove->images[i]) &&
            remove_untag(remove, &remove->images[i].reference) == -1)
            result = -1;
    return result;
}

static void remove_print_layer(void *context, const char *digest)
{
    (void)context;
    printf("Deleted: sha256:%s\n", digest);
}

/* Whether that was the last name is looked at afterwards: of two who take the last two
 * away at once, one at least finds that there is none. */
static int remove_layers(struct remove_image *remove)
{
    uint64_t freed;
    image_store_free_list(remove->images, remove->count);
    if (image_store_list(remove->store, &remove->images, &remove->count) == -1)
        return -1;
    if (remove_count_names(remove) > 0)
        return 0;
    if (remove->image.reference.digest[0] != '\0')
        printf("Deleted: sha256:%s\n", remove->image.reference.digest);
    return image_store_collect_own(remove->store, false,
                                   &remove->image.config.layers,
                                   remove_print_layer, NULL, &freed);
}

/* It was meant by its id where nothing of that name has been found. */
static bool remove_is_by_id(const struct remove_image *remove)
{
    struct reference reference;
    const char *name = remove->image.reference.name;
    if (reference_parse(remove->word, &reference) != NULL)
        return true;
    size_t length = strlen(name), asked = strlen(reference.name);
    return asked > length ||
           strcmp(name + length - asked, reference.name) != 0 ||
           (reference.digest[0] == '\0' &&
            strcmp(remove->image.reference.tag, reference.tag) != 0);
}

static int remove_image(struct remove_image *remove)
{
    errno = 0;
    if (image_store_look_up(remove->store, remove->word, &remove->image) == -1)
        return errno == ENOENT && remove->force ? 0 : EXIT_NOT_DONE;
    remove->by_id = remove_is_by_id(remove);
    if (image_store_list(remove->store, &remove->images, &remove->count) == -1)
        return EXIT_NOT_DONE;
    int status = remove_check(remove);
    if (status == 0 &&
        (remove_names(remove) == -1 || remove_layers(remove) == -1))
        status = EXIT_NOT_DONE;
    return status;
}

int subcommand_image_rm(const struct store *store, char **argv)
{
    struct remove_image remove = {.store = store};
    const struct program_option options[] = {
        {"-f --force", NULL, NULL, &remove.force,
         "the name, though a container is of it; all names, by an id"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Removes names of images, and with its last name an image.",
        .usage = "[OPTION...] IMAGE...",
        .example = "rmi hello",
        .options = options,
    };
    int first_status = 0;
    for (char **words = subcommands_read(&program, argv, 1, SIZE_MAX);
         *words != NULL; words++) {
        remove.word = *words;
        int status = remove_image(&remove);
        image_free(&remove.image);
        image_store_free_list(remove.images, remove.count);
        remove.images = NULL;
        remove.count = 0;
        fflush(stdout);
        if (first_status == 0)
            first_status = status;
    }
    return subcommands_end_output(first_status);
}
