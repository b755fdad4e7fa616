/*
 * program: what every main() does first: read the options, explain itself.
 *
 *   static const struct program_option options[] = {
 *       {"--hostname", "NAME", uts_parse_hostname, &asked.hostname, "…"},
 *       {"-m --memory", "SIZE", number_parse_bytes, &asked.memory, "…"},
 *       {"--init", NULL, NULL, &asked.init, "…"},
 *       {0},
 *   };
 *   char **command = program_read_options(&program, argv);
 *
 * Options end at the first word that is not one: what follows is the
 * container's command, whatever it looks like. Both `--name value` and
 * `--name=value` do, `-m100m` for an option of one letter, and `-it` for two.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_PROGRAM_H
#define NSCTL_BASE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* The exit status that says "it was us, not your command", as docker has it. */
enum { EXIT_OURS = 125 };

struct program_option {
    const char *names; /* all its spellings, between spaces */
    const char *value; /* what help calls its value; NULL: it has none */
    /* Stores `text` in `target` and returns NULL, or says what was expected.
     * NULL, for an option without a value: `target` is a bool, set to true, or to
     * what =true or =false say. */
    const char *(*parse)(const char *text, void *target);
    void *target;
    const char *help;
};

/* What is typed by those who know other programs of this kind, and is not here. */
struct program_absent {
    const char *names;   /* as above */
    const char *instead; /* what there is in its place */
};

struct program {
    const char *name;    /* "step-01" */
    const char *summary; /* the question that it answers, in one line */
    const char *example; /* a command worth typing */
    const struct program_option *options; /* ends with an empty row */

    /* Of one that does not run a command as the steps do: */
    const char *usage;                   /* what follows its name */
    void (*print_more)(void);            /* help of its own; or NULL */
    const struct program_absent *absent; /* ends with an empty row; or NULL */
};

/*
 * Reads the options in `argv`, --help and -q among them, and returns what is
 * left: the command, or a default of /bin/sh. It does not return where there
 * was something to refuse (exit status EXIT_OURS) or help to give (0): nothing
 * has been created yet, so to exit is safe.
 */
char **program_read_options(const struct program *program, char **argv);

/*
 * The same for one that takes other words than a command, and knows how many: they
 * are returned, ended by NULL, perhaps none. With `anywhere` options may stand after
 * them, too, until a word `--`: `stop web -t 5`; then argv is put into another order.
 */
char **program_read_words(const struct program *program, char **argv,
                          bool anywhere);

/*
 * What we were started with stands in /proc/PID/cmdline for everybody who shares the
 * number with us: secrets, and paths of the host. From now on only the program's name
 * does. `command`, of words that may be among these, becomes a copy. All else that points
 * there is lost. Returns 0, or -1, reported. proc_pid_cmdline(5).
 */
int program_hide_words(char ***command);

/* From now on the programs are parts of that one: "NAME stop". */
void program_set_whole(const char *name);

/* Refuses what was typed, in one line, and exits with EXIT_OURS: for before anything
 * has been created. */
void program_refuse(const struct program *program, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* A parser for program_option: any text that is not empty; `target` points to
 * a const char *, which then points into argv. */
const char *program_parse_text(const char *text, void *target);

/* Whether the first `length` bytes of `word` are one of the names, between which are blanks. */
bool program_is_named(const char *names, const char *word, size_t length);

/* Exits with one clear line unless the effective user is root. */
void program_require_root(const struct program *program);

#endif
