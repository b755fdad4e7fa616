/*
 * fuzz: what an image says of itself. What is taken is written out again, which must be taken
 * too, and be written the same way: the image's id is its digest.
 *
 * longest input: 8192
 */
#include "tests/fuzz/fuzz.h"

#include "common/image/image_config.h"

#include <stdbool.h>

static void check_texts(const struct image_texts *texts, bool is_set)
{
    fuzz_require(texts->all != NULL || texts->count == 0);
    fuzz_require(texts->all == NULL || texts->all[texts->count] == NULL);
    for (size_t i = 0; is_set && i + 1 < texts->count; i++)
        fuzz_require(strcmp(texts->all[i], texts->all[i + 1]) < 0);
}

static void check(const struct image_config *config)
{
    fuzz_require(config->architecture != NULL && config->os != NULL);
    fuzz_require(config->user == NULL || *config->user != '\0');
    check_texts(&config->environment, false);
    check_texts(&config->entrypoint, false);
    check_texts(&config->command, false);
    check_texts(&config->shell, false);
    check_texts(&config->ports, true);
    check_texts(&config->volumes, true);
    check_texts(&config->labels, true);
    check_texts(&config->layers, false);
    for (size_t i = 0; i < config->environment.count; i++)
        fuzz_require(strchr(config->environment.all[i] + 1, '=') != NULL);
    for (size_t i = 0; i < config->layers.count; i++) {
        const char *digest = config->layers.all[i];
        fuzz_require(strlen(digest) == 64 &&
                     strspn(digest, "0123456789abcdef") == 64);
    }
}

/* Changes, as instructions of a build make them. */
static void change(struct image_config *config)
{
    size_t count = config->environment.count;
    fuzz_require(image_config_assign(config, &config->labels, "a", "b=c") == 0);
    fuzz_require(image_config_assign(config, &config->labels, "a", "d") == 0);
    fuzz_require(
        image_config_assign(config, &config->environment, "PATH", "/bin") == 0);
    fuzz_require(config->environment.count <= count + 1);
    fuzz_require(image_config_add(config, &config->ports, "1/tcp", true) == 0);
    fuzz_require(image_config_add(config, &config->ports, "1/tcp", true) == 0);
    fuzz_require(image_config_set_texts(config, &config->command, NULL, 0) ==
                 0);
    fuzz_require(config->command.all == NULL);
    check(config);
}

static char *write_again(const struct image_config *config, const char *text,
                         size_t size)
{
    struct image_config again;
    size_t again_size;
    fuzz_require(image_config_read(&again, "again", text, size) == 0);
    fuzz_require(!again.has_more);
    fuzz_require(again.history_count == config->history_count);
    check(&again);
    char *written = image_config_write(&again, &again_size);
    fuzz_require(written != NULL && again_size == size);
    image_config_free(&again);
    return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_config config, copy;
    char *text = fuzz_text(data, size);
    if (image_config_read(&config, "fuzz", text, size) == 0) {
        size_t first_size;
        check(&config);
        char *first = image_config_write(&config, &first_size);
        fuzz_require(first != NULL);
        char *again = write_again(&config, first, first_size);
        fuzz_require(memcmp(first, again, first_size) == 0);
        free(again);

        fuzz_require(image_config_copy(&copy, &config) == 0);
        again = write_again(&copy, first, first_size);
        fuzz_require(memcmp(first, again, first_size) == 0);
        free(again);
        free(first);
        if (config.labels.count < 4000 && config.environment.count < 4000)
            change(&copy);
        image_config_free(&copy);
    }
    image_config_free(&config);
    free(text);
    return 0;
}
