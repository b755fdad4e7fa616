#include "common/runtime/environment.h"

#include "common/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char no_memory[] = "no memory for it";

/* ---- Lists ---- */

void environment_free_list(struct environment_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->all[i]);
    free(list->all);
    *list = (struct environment_list){NULL, 0};
}

void environment_free(struct environment *environment)
{
    environment_free_list(&environment->options);
    environment_free_list(&environment->files);
}

/* Puts a copy of "NAME=VALUE" into the list, in the place of what has its name. Returns
 * 0, or -1: no memory, not reported. */
static int environment_set(struct environment_list *list, const char *text,
                           size_t size)
{
    size_t name_size = strcspn(text, "=") + 1, i = 0;
    while (i < list->count && strncmp(list->all[i], text, name_size) != 0)
        i++;
    if (i == list->count) {
        char **more = realloc(list->all, (i + 2) * sizeof *more);
        if (more == NULL)
            return -1;
        list->all = more;
        more[i] = more[i + 1] = NULL;
    }
    char *copy = strndup(text, size);
    if (copy == NULL)
        return -1;
    free(list->all[i]);
    list->all[i] = copy;
    if (i == list->count)
        list->count++;
    return 0;
}

int environment_make(const struct environment *environment,
                     const char *const *base, struct environment_list *list)
{
    const struct environment_list *asked[] = {&environment->files,
                                              &environment->options};
    int result = 0;
    for (; result == 0 && base != NULL && *base != NULL; base++)
        result = environment_set(list, *base, strlen(*base));
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; result == 0 && j < asked[i]->count; j++)
            result = environment_set(list, asked[i]->all[j],
                                     strlen(asked[i]->all[j]));
    return result == -1 ? log_error("no memory for the environment") : 0;
}

const char *environment_value(const char *const *list, const char *name)
{
    size_t length = strlen(name);
    for (; list != NULL && *list != NULL; list++)
        if (strncmp(*list, name, length) == 0 && (*list)[length] == '=')
            return *list + length + 1;
    return NULL;
}

bool environment_has(const struct environment *environment, const char *name)
{
    return environment_value((const char *const *)environment->files.all,
                             name) != NULL ||
           environment_value((const char *const *)environment->options.all,
                             name) != NULL;
}

const char *const *environment_default(const char *hostname, bool terminal)
{
    static char host[80], term[80];
    static const char *list[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/root", host, NULL, NULL};
    const char *ours = getenv("TERM");
    snprintf(host, sizeof host, "HOSTNAME=%s", hostname);
    snprintf(term, sizeof term, "TERM=%s",
             ours == NULL || strlen(ours) > 64 ? "xterm" : ours);
    list[3] = terminal ? term : NULL;
    return list;
}

/* ---- What was asked for ---- */

/* "NAME=VALUE" or "NAME". Returns NULL, or what was expected. */
static const char *environment_take(struct environment_list *list,
                                    const char *text, size_t size)
{
    size_t length = strcspn(text, "=");
    if (length == 0)
        return "expected NAME=VALUE or NAME";
    if (text[length] == '=')
        return environment_set(list, text, size) == -1 ? no_memory : NULL;
    const char *value = getenv(text);
    if (value == NULL)
        return NULL;
    char *whole;
    if (asprintf(&whole, "%s=%s", text, value) == -1)
        return no_memory;
    int result = environment_set(list, whole, strlen(whole));
    free(whole);
    return result == -1 ? no_memory : NULL;
}

const char *environment_parse(const char *text, void *environment)
{
    struct environment *all = environment;
    return environment_take(&all->options, text, strlen(text));
}

/* One line of a file, without its end. Returns NULL, or what is wrong with it. */
static const char *environment_take_line(struct environment_list *list,
                                         char *line, size_t length)
{
    if (strlen(line) != length)
        return "a NUL byte";
    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#')
        return NULL;
    if (line[strcspn(line, " \t=")] != '=' && strpbrk(line, " \t") != NULL)
        return "expected NAME=VALUE, no blanks in NAME";
    return environment_take(list, line, strlen(line));
}

/* All lines of a file, behind which is room for a NUL. `number` gets that of the last. */
static const char *environment_take_lines(struct environment_list *list,
                                          char *text, size_t size,
                                          size_t *number)
{
    const char *wrong = NULL;
    const char *end = text + size;
    /* What Windows puts at the beginning, and at an end of line. */
    char *line =
        text + (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    for (*number = 0; wrong == NULL && line < end;) {
        size_t length = (size_t)(end - line);
        char *newline = memchr(line, '\n', length);
        char *next = line + length;
        if (newline != NULL) {
            length = (size_t)(newline - line);
            next = newline + 1;
        }
        if (length > 0 && line[length - 1] == '\r')
            length--;
        line[length] = '\0';
        ++*number;
        wrong = environment_take_line(list, line, length);
        line = next;
    }
    return wrong;
}

const char *environment_parse_file(const char *path, void *environment)
{
    enum { MOST_BYTES = 1 << 20 };
    struct environment *all = environment;
    const char *wrong = NULL;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return errno == ENOENT ? "expected a file that is there (ENOENT)"
                               : "that file can not be opened";
    char *text = malloc(MOST_BYTES + 1);
    /* One that has no end, such as /dev/zero, is left there. */
    size_t number = 0,
           size = text == NULL ? 0 : fread(text, 1, MOST_BYTES + 1, file);
    if (text == NULL)
        wrong = no_memory;
    else if (ferror(file))
        wrong = "that file can not be read: is it a directory?";
    else if (size > MOST_BYTES)
        wrong = "expected a file of 1 MiB at most";
    else
        wrong = environment_take_lines(&all->files, text, size, &number);
    if (wrong != NULL && number > 0) {
        static char message[160];
        snprintf(message, sizeof message, "line %zu: %s", number, wrong);
        wrong = message;
    }
    free(text);
    fclose(file);
    return wrong;
}
