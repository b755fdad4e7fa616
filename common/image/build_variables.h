/*
 * build_variables: what $NAME is, at each place of a Containerfile.
 *
 *   ARG before the first FROM   known to every FROM, and to an ARG of that name in a stage
 *   ARG in a stage              known from there to the stage's end; --build-arg holds
 *                               against the default; never in the image
 *   ENV                         known from there on, in the image too; holds against ARG
 *   HTTP_PROXY …                with --build-arg known to every RUN, without an ARG
 *   TARGETARCH …                known to every FROM; to a stage that has an ARG of that name
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_VARIABLES_H
#define NSCTL_IMAGE_BUILD_VARIABLES_H

#include "common/image/build_state.h"

/* Takes one ARG; `stage` NULL: before the first FROM. Returns 0, or -1, reported. */
int build_variables_declare(
    struct build *build, struct build_stage *stage,
    const struct containerfile_instruction *instruction);

/* A word with its variables replaced, and without quotes; to be freed. NULL, reported.
 * `stage` NULL: as in FROM. */
char *
build_variables_expand(struct build *build, const struct build_stage *stage,
                       const struct containerfile_instruction *instruction,
                       const char *word);

/* For image_change.h: variables as they are before an instruction, which may change some of
 * them itself. `snapshot.environment` is to be freed. */
struct build_snapshot {
    const struct build_stage *stage;
    const char **environment;
    size_t count;
};
int build_variables_snapshot(const struct build_stage *stage,
                             struct build_snapshot *snapshot);
const char *build_variables_look_up(void *snapshot, const char *name);

/* What RUN sees besides the image's environment: NAME=VALUE, the ARGs that have a value, and
 * unless `for_key` the proxies, which change nothing. `list` is to be freed. */
int build_variables_for_run(struct build *build,
                            const struct build_stage *stage, bool for_key,
                            struct names *list);

/* Warns of each --build-arg that nothing asked for. */
void build_variables_warn(const struct build *build);

#endif
