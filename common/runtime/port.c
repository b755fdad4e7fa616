/* port: where on the host a container's ports are. */
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/runtime/subcommands.h"

#include <stdio.h>
#include <string.h>

/* "80" is "80/tcp". Whether it is a port at all. */
static bool port_read(const char *text, char port[16])
{
    uint64_t number;
    const char *rest = number_scan(text, UINT16_MAX, &number);
    if (rest == NULL || number == 0 ||
        (strcmp(rest, "") != 0 && strcmp(rest, "/tcp") != 0 &&
         strcmp(rest, "/udp") != 0))
        return false;
    snprintf(port, 16, "%u%s", (unsigned)number, *rest == '\0' ? "/tcp" : rest);
    return true;
}

/* All, or only `asked`. Returns how many there were. The record has "HOST->PORT". */
static size_t port_print(const struct record *record, const char *asked)
{
    size_t count = 0;
    const char *const *port = record->ports;
    for (; port != NULL && *port != NULL; port++) {
        const char *arrow = strstr(*port, "->");
        int length = arrow == NULL ? 0 : (int)(arrow - *port);
        if (arrow == NULL || (asked != NULL && strcmp(arrow + 2, asked) != 0))
            continue;
        count++;
        if (asked == NULL)
            printf("%s -> %.*s\n", arrow + 2, length, *port);
        else
            printf("%.*s\n", length, *port);
    }
    return count;
}

int subcommand_port(const struct store *store, char **argv)
{
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "Prints which ports of the host lead to those of a "
                   "container.",
        .usage = "NAME [PORT[/tcp|/udp]]",
        .example = "port web 80",
        .options = options,
    };
    char asked[16];
    char **words = subcommands_read(&program, argv, 1, 2);
    if (words[1] != NULL && !port_read(words[1], asked))
        program_refuse(&program,
                       "\"%s\": expected a port, such as 80 or 53/udp",
                       words[1]);
    struct record record;
    int status = EXIT_NOT_DONE;
    if (store_look_up(store, words[0], &record) == 0 &&
        subcommands_check_running(&record)) {
        status = 0;
        if (port_print(&record, words[1] == NULL ? NULL : asked) == 0 &&
            words[1] != NULL) {
            log_error("%s: no port of the host leads to %s", record.name,
                      asked);
            status = EXIT_NOT_DONE;
        }
    }
    record_free(&record);
    return subcommands_end_output(status);
}
