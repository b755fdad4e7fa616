/*
 * fuzz: what people write behind --rootfs, --upper-size, --volume and --tmpfs.
 * The first byte chooses the parser.
 */
#include "tests/fuzz/fuzz.h"

#include "common/kernel/overlay_options.h"
#include "common/kernel/volume_options.h"
#include "common/runtime/mount_option.h"

#include <limits.h>

static void fuzz_layers(char *text)
{
    static struct overlay_options options;
    memset(&options, 0, sizeof options);
    bool taken = overlay_options_parse_layers(text, &options) == NULL;
    fuzz_require(options.layer_count <= LAYERS_MOST);
    fuzz_require(taken == (options.layer_count > 0));
    for (size_t i = 0; i < LAYERS_MOST && options.layers[i] != NULL; i++) {
        fuzz_require(options.layers[i][0] == '/' &&
                     options.layers[i][1] != '\0');
        free((char *)options.layers[i]);
    }
}

static void fuzz_upper_size(char *text)
{
    uint64_t bytes = 1;
    if (overlay_options_parse_upper_size(text, &bytes) == NULL)
        fuzz_require(bytes >= 64 << 10 && bytes <= INT64_MAX);
    else
        fuzz_require(bytes == 1);
}

/* A target never is the root, and has no component that leads up. */
static void fuzz_check_target(const char *target)
{
    bool below = false;
    fuzz_require(target[0] == '/' && strlen(target) < PATH_MAX);
    char *copy = strdup(target), *rest = NULL;
    for (char *part = strtok_r(copy, "/", &rest); part != NULL;
         part = strtok_r(NULL, "/", &rest)) {
        fuzz_require(strcmp(part, "..") != 0);
        below |= strcmp(part, ".") != 0;
    }
    fuzz_require(below);
    free(copy);
}

static void fuzz_volumes(char *text,
                         const char *(*parse)(const char *text, void *volumes))
{
    static struct volumes volumes;
    volumes.count = 0;
    bool taken = parse(text, &volumes) == NULL;
    fuzz_require(volumes.count == (taken ? 1 : 0));
    if (!taken)
        return;
    struct volume *volume = &volumes.list[0];
    fuzz_check_target(volume->target);
    fuzz_require(volume->tree_fd == -1);
    if (volume->source != NULL)
        fuzz_require(volume->source[0] == '/');
    else
        fuzz_require(volume->bytes >= 4096 && volume->mode != NULL &&
                     strlen(volume->mode) <= 4);
    free((char *)volume->source);
    free((char *)volume->target);
    free((char *)volume->mode);
}

static void fuzz_bind(char *text)
{
    fuzz_volumes(text, volume_options_parse);
}

static void fuzz_tmpfs(char *text)
{
    fuzz_volumes(text, volume_options_parse_tmpfs);
}

static void fuzz_mount(char *text)
{
    fuzz_volumes(text, mount_option_parse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const parsers[])(char *text) = {
        fuzz_layers, fuzz_upper_size, fuzz_bind, fuzz_tmpfs, fuzz_mount};
    if (size == 0)
        return 0;
    char *text = fuzz_text(data + 1, size - 1);
    parsers[data[0] % (sizeof parsers / sizeof parsers[0])](text);
    free(text);
    return 0;
}
