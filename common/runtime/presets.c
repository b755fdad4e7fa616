#include "common/runtime/presets.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/similar.h"
#include "common/runtime/presets_yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Values ---- */

static bool presets_has_spelling(const struct program_option *option,
                                 const char *key)
{
    size_t key_length = strlen(key);
    for (const char *name = option->names; *name != '\0';
         name += strspn(name, " ")) {
        size_t length = strcspn(name, " ");
        if (length == key_length + 2 && strncmp(name, "--", 2) == 0 &&
            strncmp(name + 2, key, key_length) == 0)
            return true;
        name += length;
    }
    return false;
}

static const struct program_option *
presets_find_option(const struct program_option *options, const char *key)
{
    if (strcmp(key, "pids") == 0)
        key = "pids-limit";
    if (strcmp(key, "preset") == 0)
        return NULL;
    for (; options->names != NULL; options++)
        if (presets_has_spelling(options, key))
            return options;
    return NULL;
}

static int presets_refuse_key(const char *file,
                              const struct presets_entry *entry,
                              const struct program_option *options)
{
    struct similar similar = similar_to(entry->key, strlen(entry->key));
    for (; options->names != NULL; options++) {
        const char *name = strstr(options->names, "--");
        if (name != NULL)
            similar_try(&similar, name + 2, strcspn(name + 2, " "));
    }
    if (similar.name == NULL)
        return log_error("%s:%u: %s: no option of run is called so", file,
                         entry->line, entry->key);
    return log_error("%s:%u: %s: no option of run is called so; did you mean "
                     "%.*s?",
                     file, entry->line, entry->key, (int)similar.name_length,
                     similar.name);
}

/* Those that add to what was given before, instead of taking its place. */
static bool presets_takes_list(const struct program_option *option)
{
    static const char *const keys[] = {
        "env",     "env-file",     "volume", "tmpfs",  "cap-add", "cap-drop",
        "publish", "security-opt", "ulimit", "io-max", "dns"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (presets_has_spelling(option, keys[i]))
            return true;
    return false;
}

static int presets_apply_entry(const char *file,
                               const struct presets_entry *entry,
                               const struct program_option *options)
{
    const struct program_option *option =
        presets_find_option(options, entry->key);
    const char *expected = NULL;
    if (option == NULL)
        return presets_refuse_key(file, entry, options);
    if (entry->in_list && !presets_takes_list(option))
        return log_error("%s:%u: %s: expected one value, not a list or none",
                         file, entry->line, entry->key);
    if (entry->text == NULL)
        return 0; /* an empty list, or the head of one */
    if (option->value != NULL) {
        /* What an option takes it may keep: we never give it back. */
        char *text = strdup(entry->text);
        expected =
            text == NULL ? "no memory" : option->parse(text, option->target);
    } else if (strcmp(entry->text, "true") == 0) {
        *(bool *)option->target = true;
    } else if (strcmp(entry->text, "false") != 0) {
        expected = "expected true or false";
    }
    return expected == NULL
               ? 0
               : log_error("%s:%u: %s: \"%s\": %s", file, entry->line,
                           entry->key, entry->text, expected);
}

/* ---- Files ---- */

/* What others may change says what they like, and root would do it. */
static int presets_check_ours(const char *path, int fd)
{
    struct stat status;
    if (fstat(fd, &status) == -1)
        return (int)log_call(-1, "presets", "fstat(\"%s\")", path);
    if (S_ISREG(status.st_mode) &&
        (status.st_uid == geteuid() || status.st_uid == 0) &&
        (status.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return 0;
    log_error("%s: expected a file that is yours or root's, and that nobody "
              "else may write",
              path);
    log_advice("chmod go-w, or chown, or remove it");
    return -1;
}

/* Returns 1, or 0 where there is no such file, or -1, reported. */
static int presets_read(const char *path, struct presets *presets)
{
    enum { MOST_BYTES = 64 << 10 };
    static char text[MOST_BYTES + 1];
    size_t used = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *presets = (struct presets){NULL, 0};
    if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd == -1)
        return (int)log_call(-1, "presets", "openat(\"%s\", O_RDONLY)", path);
    int result = presets_check_ours(path, fd);
    while (result == 0 && got > 0 && used < sizeof text) {
        got = read(fd, text + used, sizeof text - used);
        if (got == -1)
            result = (int)log_call(-1, "presets", "read(\"%s\")", path);
        else
            used += (size_t)got;
    }
    close(fd);
    if (result == -1)
        return -1;
    if (used > MOST_BYTES)
        return log_error("%s: more than 64 KiB", path);
    text[used] = '\0';
    if (strlen(text) != used)
        return log_error("%s: a NUL byte at %zu: that is no text", path,
                         strlen(text));
    return presets_parse(path, text, presets) == -1 ? -1 : 1;
}

/* Gives what a preset has in one file to the options. Returns 1, or 0 where it is not
 * there, or -1, reported. */
static int presets_apply_from(const char *path, const char *preset,
                              const struct program_option *options,
                              char *similar)
{
    struct presets presets;
    struct similar nearest = similar_to(preset, strlen(preset));
    int result = presets_read(path, &presets);
    bool found = false;
    for (size_t i = 0; result == 1 && i < presets.count; i++) {
        const struct presets_entry *entry = &presets.entries[i];
        if (strcmp(entry->preset, preset) == 0) {
            found = true;
            if (entry->key != NULL &&
                presets_apply_entry(path, entry, options) == -1)
                result = -1;
        } else if (similar_try(&nearest, entry->preset,
                               strlen(entry->preset))) {
            snprintf(similar, NAME_MAX + 1, "%s", entry->preset);
        }
    }
    presets_free(&presets);
    return result == 1 ? found : result;
}

int presets_apply(const char *preset, const struct program_option *options)
{
    static const char machine[] = "/etc/nsctl/presets.yaml";
    char own[PATH_MAX] = "", similar[NAME_MAX + 1] = "";
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int result = 0;
    if (config != NULL && config[0] == '/')
        result = files_path(own, "%s/nsctl/presets.yaml", config);
    else if (home != NULL && home[0] == '/')
        result = files_path(own, "%s/.config/nsctl/presets.yaml", home);
    if (result == 0 && own[0] != '\0')
        result = presets_apply_from(own, preset, options, similar);
    if (result == 0)
        result = presets_apply_from(machine, preset, options, similar);
    if (result != 0)
        return result == 1 ? 0 : -1;
    if (similar[0] != '\0')
        log_error("there is no preset %s; did you mean %s?", preset, similar);
    else
        log_error("there is no preset %s", preset);
    log_advice("presets are in %s and %s", own[0] == '\0' ? "(no HOME)" : own,
               machine);
    return -1;
}
