/*
 * fuzz: Containerfiles, and the variables in their words.
 */
#include "tests/fuzz/fuzz.h"

#include "common/image/containerfile.h"
#include "common/image/expand.h"

#include <stdbool.h>

/* Some are set, to something of other lengths than their names; some are not. */
static const char *look_up(void *context, const char *name)
{
    static const char *const values[] = {NULL, "", "x", "$A", "a long value"};
    unsigned sum = 0;
    (void)context;
    fuzz_require(name[0] != '\0');
    while (*name != '\0')
        sum += (unsigned char)*name++;
    return values[sum % 5];
}

static void fuzz_word(const struct containerfile *file, const char *word)
{
    char *result = NULL;
    const char *complaint =
        expand_word(word, file->escape, look_up, NULL, &result);
    fuzz_require((complaint == NULL) == (result != NULL));
    if (result != NULL)
        fuzz_require(strlen(result) <= 1 << 20);
    free(result);
}

static void fuzz_instruction(const struct containerfile *file,
                             const struct containerfile_instruction *one)
{
    fuzz_require(containerfile_kind_name(one->kind) != NULL);
    fuzz_require(one->line > 0 && one->stage < file->stages);
    fuzz_require(strchr(one->text, '\n') == NULL);
    for (size_t i = 0; i < one->flag_count; i++) {
        fuzz_require(one->flags[i].name[0] != '\0');
        fuzz_require(one->flags[i].value[0] != '\0');
        fuzz_require(containerfile_flag(one, one->flags[i].name) ==
                     one->flags[i].value);
    }
    for (size_t i = 0; i < one->word_count; i++)
        fuzz_word(file, one->words[i]);
    for (size_t i = 0; i < one->pair_count; i++) {
        fuzz_require(one->pairs[i].name[0] != '\0');
        fuzz_require(one->kind == CONTAINERFILE_ARG ||
                     one->pairs[i].value != NULL);
        fuzz_word(file, one->pairs[i].name);
        if (one->pairs[i].value != NULL)
            fuzz_word(file, one->pairs[i].value);
    }
    for (size_t i = 0; i < one->heredoc_count; i++) {
        const char *content = one->heredocs[i].content;
        size_t length = strlen(content);
        fuzz_require(length == 0 || content[length - 1] == '\n');
        fuzz_require(one->heredocs[i].name[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct containerfile file;
    char *text = malloc(size); /* no NUL behind it: nothing may count on one */
    if (text == NULL && size > 0)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    if (containerfile_read(&file, "fuzz", text == NULL ? "" : text, size) ==
        0) {
        fuzz_require(file.stages > 0 && file.count > 0);
        unsigned line = 0;
        for (size_t i = 0; i < file.count; i++) {
            fuzz_require(file.instructions[i].line > line);
            line = file.instructions[i].line;
            fuzz_instruction(&file, &file.instructions[i]);
        }
    }
    containerfile_free(&file);
    free(text);
    return 0;
}
