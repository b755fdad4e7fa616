/*
 * fuzz: presets. Whatever is taken for one has a name, keys that are said once, and
 * values that are texts; written again in the plainest form, it is read as the same.
 */
#include "tests/fuzz/fuzz.h"

#include "common/runtime/presets_yaml.c" /* with its static functions */

#include <stdio.h>

static void write_word(FILE *file, const char *text)
{
    putc('"', file);
    for (; *text != '\0'; text++)
        if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else if (*text == '\n' || *text == '\t')
            fputs(*text == '\n' ? "\\n" : "\\t", file);
        else
            putc(*text, file);
    putc('"', file);
}

/* A line for each entry, lists by their heads. */
static void write_presets(FILE *file, const struct presets *presets)
{
    for (size_t i = 0; i < presets->count; i++) {
        const struct presets_entry *entry = &presets->entries[i];
        const struct presets_entry *before = i > 0 ? entry - 1 : NULL;
        bool new_key =
            before == NULL || before->key == NULL ||
            strcmp(before->preset, entry->preset) != 0 ||
            (entry->key != NULL && strcmp(before->key, entry->key) != 0);
        if (entry->key == NULL) {
            write_word(file, entry->preset);
            fputs(":\n", file);
            continue;
        }
        if (new_key) {
            fputs("  ", file);
            write_word(file, entry->key);
            fputs(entry->in_list ? ":\n" : ": ", file);
        }
        if (entry->text != NULL) {
            fputs(entry->in_list ? "  - " : "", file);
            write_word(file, entry->text);
            putc('\n', file);
        }
    }
}

/* Whether the second has the first's values in its order; heads of lists, which brackets
 * have none of, aside. */
static void require_same(const struct presets *first,
                         const struct presets *second)
{
    size_t j = 0;
    for (size_t i = 0; i < first->count; i++) {
        const struct presets_entry *one = &first->entries[i];
        if (one->text == NULL && one->key != NULL)
            continue;
        while (j < second->count && second->entries[j].text == NULL &&
               second->entries[j].key != NULL)
            j++;
        fuzz_require(j < second->count);
        const struct presets_entry *other = &second->entries[j++];
        fuzz_require(strcmp(one->preset, other->preset) == 0);
        fuzz_require((one->key == NULL) == (other->key == NULL));
        fuzz_require(one->key == NULL || strcmp(one->key, other->key) == 0);
        fuzz_require(one->text == NULL || strcmp(one->text, other->text) == 0);
        fuzz_require(one->in_list == other->in_list);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *again = NULL;
    size_t again_size = 0;
    struct presets presets, second;
    if (presets_parse("presets.yaml", text, &presets) == 0) {
        for (size_t i = 0; i < presets.count; i++) {
            const struct presets_entry *entry = &presets.entries[i];
            fuzz_require(entry->line > 0 && entry->preset[0] != '\0');
            fuzz_require(entry->key == NULL || entry->key[0] != '\0');
        }
        FILE *file = open_memstream(&again, &again_size);
        if (file == NULL)
            abort();
        write_presets(file, &presets);
        fclose(file);
        fuzz_require(presets_parse("again", again, &second) == 0);
        require_same(&presets, &second);
        presets_free(&second);
        free(again);
    }
    presets_free(&presets);
    free(text);
    return 0;
}
