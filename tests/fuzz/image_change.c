/*
 * fuzz: instructions in --change, and the config that they make, which must be read back as
 * the same.
 */
#include "tests/fuzz/fuzz.h"

#include "common/image/image_change.h"

/* Lines, each an instruction. */
static void add_all(struct image_changes *changes, char *text)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        image_change_add(line, changes);
}

static void check_config(const struct image_config *config)
{
    struct image_config again;
    size_t size, size_again;
    char *text = image_config_write(config, &size);
    fuzz_require(text != NULL);
    fuzz_require(image_config_read(&again, "fuzz", text, size) == 0);
    char *text_again = image_config_write(&again, &size_again);
    fuzz_require(text_again != NULL && size == size_again &&
                 memcmp(text, text_again, size) == 0);
    free(text_again);
    image_config_free(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_changes changes = {0};
    struct image_config config = {0};
    char *text = fuzz_text(data, size);
    add_all(&changes, text);
    fuzz_require(
        image_config_set_text(&config, &config.architecture, "amd64") == 0 &&
        image_config_set_text(&config, &config.os, "linux") == 0);
    if (image_change_read(&changes) == 0 &&
        image_change_apply_all(&changes, &config) == 0)
        check_config(&config);
    image_change_free(&changes);
    image_config_free(&config);
    free(text);
    return 0;
}
