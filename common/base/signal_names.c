#include "common/base/signal_names.h"

#include "common/base/number.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* As kill(1) lists them; of two names for one number the usual one first. */
static const struct {
    int number;
    const char *name;
} names[] = {
    {SIGHUP, "SIGHUP"},       {SIGINT, "SIGINT"},       {SIGQUIT, "SIGQUIT"},
    {SIGILL, "SIGILL"},       {SIGTRAP, "SIGTRAP"},     {SIGABRT, "SIGABRT"},
    {SIGBUS, "SIGBUS"},       {SIGFPE, "SIGFPE"},       {SIGKILL, "SIGKILL"},
    {SIGUSR1, "SIGUSR1"},     {SIGSEGV, "SIGSEGV"},     {SIGUSR2, "SIGUSR2"},
    {SIGPIPE, "SIGPIPE"},     {SIGALRM, "SIGALRM"},     {SIGTERM, "SIGTERM"},
    {SIGSTKFLT, "SIGSTKFLT"}, {SIGCHLD, "SIGCHLD"},     {SIGCONT, "SIGCONT"},
    {SIGSTOP, "SIGSTOP"},     {SIGTSTP, "SIGTSTP"},     {SIGTTIN, "SIGTTIN"},
    {SIGTTOU, "SIGTTOU"},     {SIGURG, "SIGURG"},       {SIGXCPU, "SIGXCPU"},
    {SIGXFSZ, "SIGXFSZ"},     {SIGVTALRM, "SIGVTALRM"}, {SIGPROF, "SIGPROF"},
    {SIGWINCH, "SIGWINCH"},   {SIGIO, "SIGIO"},         {SIGPWR, "SIGPWR"},
    {SIGSYS, "SIGSYS"},       {SIGABRT, "SIGIOT"},      {SIGIO, "SIGPOLL"},
    {SIGCHLD, "SIGCLD"},
};

/* The kernel's numbers, not those of the C library, which keeps the first few real-time
 * signals to itself: what is sent goes to programs of another one. signal(7). */
enum { FIRST_REAL_TIME = 34, LAST_REAL_TIME = 64 };

/* "RTMIN+3", "RTMAX-1"; 0 where it is none. */
static int signal_names_real_time(const char *name)
{
    bool from_first = strncasecmp(name, "RTMIN", 5) == 0;
    uint64_t distance = 0;
    const char *rest = name + 5;
    if (!from_first && strncasecmp(name, "RTMAX", 5) != 0)
        return 0;
    if (*rest != '\0') {
        if (*rest != (from_first ? '+' : '-'))
            return 0;
        rest =
            number_scan(rest + 1, LAST_REAL_TIME - FIRST_REAL_TIME, &distance);
    }
    if (rest == NULL || *rest != '\0')
        return 0;
    return from_first ? FIRST_REAL_TIME + (int)distance
                      : LAST_REAL_TIME - (int)distance;
}

const char *signal_names_parse(const char *text, void *number)
{
    uint64_t value = 0;
    const char *rest = number_scan(text, LAST_REAL_TIME, &value);
    if (rest != NULL && *rest == '\0' && value > 0) {
        *(int *)number = (int)value;
        return NULL;
    }
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    int found = signal_names_real_time(name);
    for (size_t i = 0; i < sizeof names / sizeof names[0] && found == 0; i++)
        if (strcasecmp(name, names[i].name + 3) == 0)
            found = names[i].number;
    if (found == 0)
        return "expected a signal's name or number, such as TERM or 15";
    *(int *)number = found;
    return NULL;
}

const char *signal_names_of(int number)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == number)
            return names[i].name;
    return "signal";
}
