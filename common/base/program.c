#include "common/base/program.h"

#include "common/base/log.h"
#include "common/base/similar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct program_option common_options[] = {
    {"-q --quiet", NULL, NULL, NULL, "no [ns] lines but errors"},
    {"-h --help", NULL, NULL, NULL, "this text"},
    {0},
};

/* What the program is a part of, and a blank. */
static char whole_name[64];

/* How its name is typed: one that is found by PATH stands alone. */
static const char *program_directory(void)
{
    return strchr(program_invocation_name, '/') == NULL ? "" : "./";
}

void program_set_whole(const char *name)
{
    snprintf(whole_name, sizeof whole_name, "%s ", name);
}

void program_refuse(const struct program *program, const char *format, ...)
{
    char *text; /* as long as the user's words are: what was expected ends it */
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) == -1)
        exit(EXIT_OURS);
    va_end(arguments);
    log_mask_controls(text, strlen(text));
    fprintf(stderr, "%s%s: %s\nTry '%s%s%s --help'.\n", whole_name,
            program->name, text, program_directory(), whole_name,
            program->name);
    free(text);
    exit(EXIT_OURS);
}

/* Columns of a screen: a byte that only goes on with a character is none. */
static int program_columns(const char *text, size_t length)
{
    int columns = 0;
    for (size_t i = 0; i < length; i++)
        columns += (text[i] & 0xc0) != 0x80;
    return columns;
}

/* What does not fit into a line of a terminal goes on below, from `begin` on. */
static void program_print_filled(const char *text, int column, int begin)
{
    enum { END = 80 };
    for (bool is_first = true; *text != '\0'; is_first = false) {
        size_t length = strcspn(text, " \n");
        int columns = program_columns(text, length);
        if (!is_first && column + 1 + columns > END) {
            printf("\n%*s", begin, "");
            column = begin;
        } else if (!is_first) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)length, text);
        column += columns;
        text += length;
        text += strspn(text, " \n");
    }
    putchar('\n');
}

static void program_print_options(const struct program_option *option)
{
    for (; option->names != NULL; option++) {
        char left[80];
        snprintf(left, sizeof left, "%s%s%s", option->names,
                 option->value == NULL ? "" : " ",
                 option->value == NULL ? "" : option->value);
        int columns = program_columns(left, strlen(left));
        int blanks = columns < 27 ? 27 - columns : 0;
        printf("  %s%*s  ", left, blanks, "");
        program_print_filled(option->help, 2 + columns + blanks + 2, 31);
    }
}

/* The length of the spelling of `option` that `word` begins with, or 0. A
 * value may follow it: after '=', or at once for a letter. */
static size_t program_match(const struct program_option *option,
                            const char *word)
{
    for (const char *name = option->names; *name != '\0';
         name += strspn(name, " ")) {
        size_t length = strcspn(name, " ");
        bool letter = length == 2 && option->value != NULL;
        if (strncmp(name, word, length) == 0 &&
            (word[length] == '\0' || word[length] == '=' || letter))
            return length;
        name += length;
    }
    return 0;
}

/* The whole spelling first, so that -cpu is not taken for -c with "pu". */
static const struct program_option *
program_find(const struct program_option *options, const char *word,
             size_t *name_length)
{
    const struct program_option *found = NULL;
    for (const struct program_option *o = options; o->names != NULL; o++) {
        size_t length = program_match(o, word);
        if (length > *name_length) {
            *name_length = length;
            found = o;
        }
    }
    return found;
}

static void program_print_help(const struct program *program)
{
    printf("Usage: %s%s %s\n", whole_name, program->name,
           program->usage == NULL ? "[OPTION...] [COMMAND [ARG...]]"
                                  : program->usage);
    program_print_filled(program->summary, 0, 0);
    putchar('\n');
    if (program->usage == NULL)
        printf("COMMAND is /bin/sh where none is given.\n\n");
    printf("Options:\n");
    program_print_options(program->options);
    for (size_t i = 0; common_options[i].names != NULL; i++) {
        char letter[] = {'-', common_options[i].names[1], '\0'};
        size_t length = 0;
        if (program_find(program->options, letter, &length) != NULL)
            continue; /* it means something else here */
        const struct program_option row[] = {common_options[i], {0}};
        program_print_options(row);
    }
    if (program->print_more != NULL)
        program->print_more();
    /* Of `nsctl image ls` only the first word: an example has the others. */
    size_t length = strcspn(whole_name, " ");
    printf("\nTry:\n  %s%.*s%s%s\n", length == 0 ? "" : program_directory(),
           (int)length, whole_name, length == 0 ? "" : " ", program->example);
    if (program->usage != NULL)
        return;
    printf("\n"
           "Exit status: the command's own; 128+n when signal n ended it; 127 "
           "when there is\nno such command, 126 when it can not be run; 125 "
           "when we failed ourselves.\n");
}

bool program_is_named(const char *names, const char *word, size_t length)
{
    for (; *names != '\0'; names += strspn(names, " ")) {
        size_t name_length = strcspn(names, " ");
        if (name_length == length && strncmp(names, word, length) == 0)
            return true;
        names += name_length;
    }
    return false;
}

/* Where there is another way, that is what helps. A letter may have its value behind it. */
static void program_refuse_absent(const struct program *program,
                                  const char *word)
{
    size_t length = word[1] == '-' ? strcspn(word, "=") : 2;
    const struct program_absent *absent = program->absent;
    for (; absent != NULL && absent->names != NULL; absent++)
        if (program_is_named(absent->names, word, length))
            program_refuse(program, "there is no option %.*s: %s", (int)length,
                           word, absent->instead);
}

static void __attribute__((noreturn))
program_refuse_unknown(const struct program *program, const char *word)
{
    program_refuse_absent(program, word);
    const struct program_option *lists[] = {program->options, common_options};
    struct similar similar = similar_to(word, strcspn(word, "="));
    for (size_t i = 0; i < 2; i++)
        for (const struct program_option *o = lists[i]; o->names != NULL; o++)
            /* "-v --volume": one letter is like any other. */
            similar_try_each(&similar, o->names + (o->names[2] == ' ' ? 3 : 0));
    if (similar.name == NULL)
        program_refuse(program, "unknown option %s", word);
    program_refuse(program, "unknown option %s; did you mean %.*s?", word,
                   (int)similar.name_length, similar.name);
}

static const struct program_option *
program_find_any(const struct program *program, const char *word,
                 size_t *name_length)
{
    const struct program_option *option =
        program_find(program->options, word, name_length);
    return option != NULL ? option
                          : program_find(common_options, word, name_length);
}

static void program_switch(const struct program *program,
                           const struct program_option *option, bool on)
{
    if (option == &common_options[0]) {
        log_set_quiet(on);
    } else if (option != &common_options[1]) {
        *(bool *)option->target = on;
    } else if (on) {
        program_print_help(program);
        exit(fflush(stdout) == 0 ? 0 : EXIT_OURS);
    }
}

/* The option of one letter, or NULL. */
static const struct program_option *
program_find_letter(const struct program *program, char letter)
{
    char name[] = {'-', letter, '\0'};
    size_t length = 0;
    const struct program_option *option =
        program_find_any(program, name, &length);
    return length == 2 ? option : NULL;
}

/* `-it` is `-i -t`, and `-itm100m` `-i -t -m100m`: turns all on but the last, which
 * `last` is set to. Returns which that is, or NULL where any letter is not known: then
 * nothing was turned on. The words themselves stay as they are: they may be read again. */
static const struct program_option *
program_take_letters(const struct program *program, const char *word,
                     const char **last)
{
    const struct program_option *option = NULL;
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        option = program_find_letter(program, *letter);
        if (option == NULL)
            return NULL;
        *last = letter;
        if (option->value != NULL)
            break;
    }
    for (const char *letter = word + 1; letter < *last; letter++)
        program_switch(program, program_find_letter(program, *letter), true);
    return option;
}

/* Takes one option at argv[0], and its value; returns where the next is. */
static char **program_take_option(const struct program *program, char **argv)
{
    size_t length = 0;
    const char *word = argv[0], *last = word;
    char name_of_last[] = "-?";
    const struct program_option *option =
        program_find_any(program, word, &length);
    const char *value = word + length;
    if (option == NULL && word[1] != '-') {
        option = program_take_letters(program, word, &last);
        name_of_last[1] = *last;
        word = name_of_last;
        length = 2;
        value = last + 1;
    }
    if (option == NULL)
        program_refuse_unknown(program, argv[0]);
    if (*value == '\0')
        value = NULL;
    if (value != NULL && *value == '=')
        value++;
    if (option->value == NULL) {
        bool off = value != NULL && strcmp(value, "false") == 0;
        if (value != NULL && !off && strcmp(value, "true") != 0)
            program_refuse(program, "%.*s takes no value, so \"%s\" is wrong",
                           (int)length, word, value);
        program_switch(program, option, !off);
        return argv + 1;
    }
    if (value == NULL) {
        value = argv[1];
        if (value == NULL)
            program_refuse(program, "%.*s: expected %s after it", (int)length,
                           word, option->value);
        argv++;
    }
    const char *expected = option->parse(value, option->target);
    if (expected != NULL)
        program_refuse(program, "%.*s: \"%s\": %s", (int)length, word, value,
                       expected);
    return argv + 1;
}

/* A descriptor of 0, 1 and 2 that we were started without would be the next
 * file's: a pipe of ours could be taken for standard error, and get the log. */
static void program_open_standard_files(void)
{
    for (;;) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd == -1) {
            if (fcntl(STDERR_FILENO, F_GETFD) != -1)
                return;
            exit(EXIT_OURS); /* there is nobody to tell, nor a way to */
        }
        if (fd > STDERR_FILENO) {
            close(fd);
            return;
        }
        fcntl(fd, F_SETFD, 0); /* this one is for the command, too */
    }
}

/* Where the kernel has put them, one behind the other. execve(2). */
static struct {
    char *begin;
    size_t size;
} given_words;

static void program_note_words(char **argv)
{
    char **last = argv;
    if (*argv == NULL)
        return;
    while (last[1] != NULL)
        last++;
    given_words.begin = argv[0];
    given_words.size = (size_t)(*last + strlen(*last) + 1 - argv[0]);
}

int program_hide_words(char ***command)
{
    static char name[NAME_MAX + 1]; /* which is one of them */
    size_t count = 0, bytes = 0;
    for (; (*command)[count] != NULL; count++)
        bytes += strlen((*command)[count]) + 1;
    /* The words stand behind what points to them. */
    char **copy = malloc((count + 1) * sizeof *copy + bytes);
    if (copy == NULL)
        return log_error("the command's words: no memory (ENOMEM)");
    char *text = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        copy[i] = text;
        text = stpcpy(text, (*command)[i]) + 1;
    }
    copy[count] = NULL;
    *command = copy;
    snprintf(name, sizeof name, "%s", program_invocation_short_name);
    program_invocation_name = program_invocation_short_name = name;
    if (given_words.size == 0)
        return 0;
    memset(given_words.begin, 0, given_words.size);
    snprintf(given_words.begin, given_words.size, "%s", name);
    return 0;
}

char **program_read_words(const struct program *program, char **argv,
                          bool anywhere)
{
    static bool begun; /* words may be read twice */
    if (!begun) {
        program_open_standard_files();
        program_note_words(argv);
    }
    begun = true;
    char **word = argv[0] == NULL ? argv : argv + 1, **kept = word;
    while (*word != NULL) {
        bool is_option = (*word)[0] == '-' && (*word)[1] != '\0';
        if (is_option && strcmp(*word, "--") == 0) {
            word++;
            break;
        }
        if (is_option)
            word = program_take_option(program, word);
        else if (anywhere)
            *kept++ = *word++;
        else
            break;
    }
    if (!anywhere)
        return word;
    while (*word != NULL)
        *kept++ = *word++;
    *kept = NULL;
    return argv[0] == NULL ? argv : argv + 1;
}

char **program_read_options(const struct program *program, char **argv)
{
    static char *default_command[] = {"/bin/sh", NULL};
    char **word = program_read_words(program, argv, false);
    if (*word == NULL)
        return default_command;
    if (**word == '\0')
        program_refuse(program, "the command is an empty word");
    return word;
}

const char *program_parse_text(const char *text, void *target)
{
    if (*text == '\0')
        return "expected something, not an empty word";
    *(const char **)target = text;
    return NULL;
}

void program_require_root(const struct program *program)
{
    if (geteuid() == 0)
        return;
    fprintf(stderr,
            "%s: this step needs root: type `sudo ./%s`, or `make vm` for a "
            "machine to throw away (step 06 does away with the need)\n",
            program->name, program->name);
    exit(EXIT_OURS);
}
