/* image prune: what is kept and nobody needs. */
#include "common/base/log.h"
#include "common/image/image_commands.h"
#include "common/image/image_text.h"
#include "common/image/image_users.h"

#include <stdio.h>
#include <string.h>

struct prune_images {
    bool all, force;
    bool printed; /* the heading */
};

/* Whether what is typed now begins with y. */
static bool prune_ask(const struct prune_images *prune)
{
    fprintf(stderr,
            "%sAll layers are going to be removed that no image and no "
            "container has. Go on? [y/N] ",
            prune->all ? "All images are going to be removed that no container "
                         "is of.\n"
                       : "");
    int first = getchar();
    return first == 'y' || first == 'Y';
}

static void prune_print(struct prune_images *prune, const char *what,
                        const char *name)
{
    if (!prune->printed)
        puts("Deleted Images:");
    prune->printed = true;
    printf("%s: %s\n", what, name);
}

static void prune_print_layer(void *context, const char *digest)
{
    char text[IMAGE_DIGEST_BYTES];
    image_text_digest(digest, text);
    prune_print(context, "deleted", text);
}

static int prune_untag(const struct store *store, struct prune_images *prune)
{
    struct image_users users;
    struct image *images = NULL;
    size_t count = 0;
    int result = image_users_list(store, &users);
    if (result == 0)
        result = image_store_list(store, &images, &count);
    for (size_t i = 0; i < count; i++) {
        char name[REFERENCE_TEXT_BYTES];
        if (image_users_find(&users, images[i].reference.digest) != NULL)
            continue;
        reference_text(&images[i].reference, name);
        if (image_store_untag(store, &images[i].reference) == -1)
            result = -1;
        else
            prune_print(prune, "untagged", name);
    }
    image_store_free_list(images, count);
    image_users_free(&users);
    return result;
}

int subcommand_image_prune(const struct store *store, char **argv)
{
    struct prune_images prune = {0};
    const struct program_option options[] = {
        {"-a --all", NULL, NULL, &prune.all,
         "also images that no container is of"},
        {"-f --force", NULL, NULL, &prune.force, "without asking"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Removes layers that no image and no container has: what "
                   "builds have left\nto be quicker the next time, and images "
                   "whose name another has got.",
        .usage = "[OPTION...]",
        .example = "image prune -a",
        .options = options,
    };
    char size[IMAGE_SIZE_BYTES];
    uint64_t freed = 0;
    subcommands_read(&program, argv, 0, 0);
    if (!prune.force && !prune_ask(&prune))
        return EXIT_NOT_DONE;
    int result = prune.all ? prune_untag(store, &prune) : 0;
    if (image_store_collect_own(store, true, NULL, prune_print_layer, &prune,
                                &freed) == -1)
        result = -1;
    image_text_size(freed, size);
    printf("%sTotal reclaimed space: %s\n", prune.printed ? "\n" : "", size);
    return subcommands_end_output(result == -1 ? EXIT_NOT_DONE : 0);
}
