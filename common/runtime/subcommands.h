/*
 * subcommands: `nsctl stop web`: which one is meant, and what each needs.
 *
 * Each is a function of its own: argv[0] is its own word, what follows its options
 * and operands. It returns the exit status: 0, 1 where docker has 1 (no such container,
 * not running), EXIT_OURS where what was typed is refused or something failed.
 * stdout is for results; what happens goes to the log.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_SUBCOMMANDS_H
#define NSCTL_RUNTIME_SUBCOMMANDS_H

#include "common/base/program.h"
#include "common/runtime/store.h"

/* What docker's and podman's commands end with where it is about one container. */
enum { EXIT_NOT_DONE = 1 };

struct subcommand {
    const char *names;   /* all its words, between blanks */
    const char *summary; /* for the list in --help; NULL: a heading */
    /* NULL, with a summary: there is none such here; that says what there is instead. */
    int (*run)(const struct store *store, char **argv);
};

/* Tables of them, NULL at the end; each table ends with an empty row. */
typedef const struct subcommand *const subcommand_tables[];

/* Runs the one that argv[0] names, the first of that name. Returns its exit status;
 * EXIT_OURS, reported, where there is none (did you mean …?). */
int subcommands_run(subcommand_tables tables, const struct store *store,
                    char **argv);

/* All of them, for --help. */
void subcommands_print(subcommand_tables tables);

/* Reads options, which may stand anywhere, and refuses (and exits) unless there are
 * between `least` and `most` operands after them. Returns these, NULL at the end. */
char **subcommands_read(const struct program *program, char **argv,
                        size_t least, size_t most);

/* Does `act` with each of the containers that are named, with all of them even where one
 * fails. Returns the first status that was not 0. `act` reports, and may print: stdout
 * gets the word that was typed where it returned 0. */
int subcommands_for_each(const struct store *store, char **words,
                         int (*act)(const struct store *store,
                                    struct record *record, void *context),
                         void *context);

/* Whether its record can be understood; and whether it runs. Reported where not. */
bool subcommands_check_whole(const struct record *record);
bool subcommands_check_running(const struct record *record);

/* Whether all that was printed has arrived: EXIT_OURS, reported, where not. */
int subcommands_end_output(int status);

/* The subcommands. */
int subcommand_attach(const struct store *store, char **argv);
int subcommand_cp(const struct store *store, char **argv);
int subcommand_diff(const struct store *store, char **argv);
int subcommand_doctor(const struct store *store, char **argv);
int subcommand_exec(const struct store *store, char **argv);
int subcommand_inspect(const struct store *store, char **argv);
int subcommand_kill(const struct store *store, char **argv);
int subcommand_logs(const struct store *store, char **argv);
int subcommand_pause(const struct store *store, char **argv);
int subcommand_port(const struct store *store, char **argv);
int subcommand_prune(const struct store *store, char **argv);
int subcommand_run(const struct store *store, char **argv);
int subcommand_simple(const struct store *store, char **argv);
int subcommand_ps(const struct store *store, char **argv);
int subcommand_rename(const struct store *store, char **argv);
int subcommand_rm(const struct store *store, char **argv);
int subcommand_show(const struct store *store, char **argv);
int subcommand_stats(const struct store *store, char **argv);
int subcommand_stop(const struct store *store, char **argv);
int subcommand_trace(const struct store *store, char **argv);
int subcommand_top(const struct store *store, char **argv);
int subcommand_unpause(const struct store *store, char **argv);
int subcommand_wait(const struct store *store, char **argv);

#endif
