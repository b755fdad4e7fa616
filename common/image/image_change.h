/*
 * image_change: the instructions of a Containerfile that change only what an image says
 * of itself: CMD ENTRYPOINT ENV EXPOSE LABEL SHELL STOPSIGNAL USER VOLUME WORKDIR.
 *
 * `import --change 'CMD ["/bin/sh"]'` is given them as words:
 *
 *   struct image_changes changes = {0};
 *   {"-c --change", "INSTRUCTION", image_change_add, &changes, "…"},
 *   if (image_change_read(&changes) == -1 || image_change_apply_all(&changes, &config) == -1)
 *       return -1;
 *   image_change_free(&changes);
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IMAGE_CHANGE_H
#define NSCTL_IMAGE_IMAGE_CHANGE_H

#include "common/image/containerfile.h"
#include "common/image/expand.h"
#include "common/image/image_config.h"

enum { IMAGE_CHANGES_MOST = 64 };

struct image_changes {
    const char *texts[IMAGE_CHANGES_MOST];
    size_t count;
    struct containerfile file; /* when they have been read */
};

/* The option parser for --change, which may be given several times. `changes` points to
 * a struct image_changes. */
const char *image_change_add(const char *text, void *changes);

/* Checks all of them. Returns 0, or -1, reported. image_change_free() in any case. */
int image_change_read(struct image_changes *changes);

/* Makes all of them, in their order. Returns 0, or -1, reported. */
int image_change_apply_all(const struct image_changes *changes,
                           struct image_config *config);

void image_change_free(struct image_changes *changes);

/*
 * Makes one change. `look_up` knows the variables. ENTRYPOINT takes away a command that
 * was there before, for that was another program's; but not one that was set meanwhile, as
 * `command_set` says, which CMD sets. Returns 0, or -1, reported as FILE:LINE.
 */
int image_change_apply(const struct containerfile *file,
                       const struct containerfile_instruction *instruction,
                       expand_look_up *look_up, void *context,
                       struct image_config *config, bool *command_set);

#endif
