#include "common/runtime/trace_call.h"

#include "common/base/advice.h"
#include "common/base/signal_names.h"
#include "common/kernel/seccomp_tables.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FLAG(name)  \
    {               \
        name, #name \
    }

/* glibc of 64 bits has 0 for it; musl has the kernel's, and hands it on at each open. */
#if defined __aarch64__
#define KERNEL_O_LARGEFILE 0400000
#else
#define KERNEL_O_LARGEFILE 0100000
#endif

static const struct trace_text_flag open_flags[] = {
    FLAG(O_WRONLY),   FLAG(O_RDWR),     FLAG(O_CREAT),
    FLAG(O_EXCL),     FLAG(O_NOCTTY),   FLAG(O_TRUNC),
    FLAG(O_APPEND),   FLAG(O_NONBLOCK), FLAG(O_SYNC),
    FLAG(O_DSYNC),    FLAG(O_DIRECT),   {KERNEL_O_LARGEFILE, "O_LARGEFILE"},
    FLAG(O_NOFOLLOW), FLAG(O_NOATIME),  FLAG(O_CLOEXEC),
    FLAG(O_PATH),     FLAG(O_TMPFILE),  FLAG(O_DIRECTORY),
    {0, NULL}};
static const struct trace_text_flag protections[] = {
    FLAG(PROT_READ), FLAG(PROT_WRITE), FLAG(PROT_EXEC), {0, NULL}};
static const struct trace_text_flag map_flags[] = {FLAG(MAP_SHARED),
                                                   FLAG(MAP_PRIVATE),
                                                   FLAG(MAP_FIXED),
                                                   FLAG(MAP_ANONYMOUS),
                                                   FLAG(MAP_GROWSDOWN),
                                                   FLAG(MAP_LOCKED),
                                                   FLAG(MAP_NORESERVE),
                                                   FLAG(MAP_POPULATE),
                                                   FLAG(MAP_STACK),
                                                   FLAG(MAP_DENYWRITE),
                                                   {0, NULL}};
static const struct trace_text_flag clone_flags[] = {FLAG(CLONE_NEWNS),
                                                     FLAG(CLONE_NEWCGROUP),
                                                     FLAG(CLONE_NEWUTS),
                                                     FLAG(CLONE_NEWIPC),
                                                     FLAG(CLONE_NEWUSER),
                                                     FLAG(CLONE_NEWPID),
                                                     FLAG(CLONE_NEWNET),
                                                     FLAG(CLONE_VM),
                                                     FLAG(CLONE_FS),
                                                     FLAG(CLONE_FILES),
                                                     FLAG(CLONE_SIGHAND),
                                                     FLAG(CLONE_PIDFD),
                                                     FLAG(CLONE_PTRACE),
                                                     FLAG(CLONE_VFORK),
                                                     FLAG(CLONE_PARENT),
                                                     FLAG(CLONE_THREAD),
                                                     FLAG(CLONE_SYSVSEM),
                                                     FLAG(CLONE_SETTLS),
                                                     FLAG(CLONE_PARENT_SETTID),
                                                     FLAG(CLONE_CHILD_CLEARTID),
                                                     FLAG(CLONE_CHILD_SETTID),
                                                     {0, NULL}};
static const struct trace_text_flag mount_flags[] = {
    FLAG(MS_RDONLY),  FLAG(MS_NOSUID),   FLAG(MS_NODEV),   FLAG(MS_NOEXEC),
    FLAG(MS_REMOUNT), FLAG(MS_NOATIME),  FLAG(MS_BIND),    FLAG(MS_MOVE),
    FLAG(MS_REC),     FLAG(MS_SILENT),   FLAG(MS_PRIVATE), FLAG(MS_SLAVE),
    FLAG(MS_SHARED),  FLAG(MS_RELATIME), {0, NULL}};
static const struct trace_text_flag umount_flags[] = {FLAG(MNT_FORCE),
                                                      FLAG(MNT_DETACH),
                                                      FLAG(MNT_EXPIRE),
                                                      FLAG(UMOUNT_NOFOLLOW),
                                                      {0, NULL}};

/* ---- Names ---- */

/* The name of a call, for the architecture whose calls we have by name, else
 * NULL. Static. */
static const char *trace_call_name(uint32_t architecture, uint64_t number)
{
    /* Found once: it is asked for at every call. */
    static const char *names[SECCOMP_TABLES_NEWEST + 1];
    static bool known[SECCOMP_TABLES_NEWEST + 1];
    if (architecture != TRACE_NATIVE || number > SECCOMP_TABLES_NEWEST)
        return NULL;
    if (!known[number])
        names[number] = seccomp_tables_name(SECCOMP_NATIVE, number);
    known[number] = true;
    return names[number];
}

const char *trace_call_signal_name(int number)
{
    static char text[24];
    const char *name = signal_names_of(number);
    if (strcmp(name, "signal") != 0)
        return name;
    snprintf(text, sizeof text, "signal %d", number);
    return text;
}

/* ---- Arguments ---- */

static void trace_call_add_family(struct trace_text *text, int family)
{
    static const struct trace_text_flag families[] = {
        FLAG(AF_UNIX),   FLAG(AF_INET),  FLAG(AF_INET6), FLAG(AF_NETLINK),
        FLAG(AF_PACKET), FLAG(AF_VSOCK), FLAG(AF_ALG),   {0, NULL}};
    for (const struct trace_text_flag *f = families; f->name != NULL; f++)
        if (f->value == (uint64_t)family) {
            trace_text_add(text, "%s", f->name);
            return;
        }
    trace_text_add(text, "%d", family);
}

/* The lowest byte is no flag but the signal that tells of its end. */
static void trace_call_add_clone(struct trace_text *text, uint64_t flags,
                                 int signal)
{
    trace_text_add_flags(text, flags, clone_flags);
    if (signal != 0)
        trace_text_add(text, "|%s", trace_call_signal_name(signal));
}

static void trace_call_add_address(struct trace_text *text, pid_t tid,
                                   uint64_t address, uint64_t size)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } name = {.any.sa_family = AF_UNSPEC};
    char host[INET6_ADDRSTRLEN];
    ssize_t got = trace_text_read(tid, address, &name,
                                  size < sizeof name ? size : sizeof name);
    if (got < (ssize_t)sizeof name.any.sa_family) {
        trace_text_add(text, "0x%" PRIx64, address);
        return;
    }
    trace_text_add(text, "{");
    trace_call_add_family(text, name.any.sa_family);
    if (name.any.sa_family == AF_INET && got >= (ssize_t)sizeof name.v4)
        trace_text_add(text, ", %s:%u",
                       inet_ntop(AF_INET, &name.v4.sin_addr, host, sizeof host),
                       ntohs(name.v4.sin_port));
    else if (name.any.sa_family == AF_INET6 && got >= (ssize_t)sizeof name.v6)
        trace_text_add(
            text, ", [%s]:%u",
            inet_ntop(AF_INET6, &name.v6.sin6_addr, host, sizeof host),
            ntohs(name.v6.sin6_port));
    else if (name.any.sa_family == AF_UNIX &&
             got > (ssize_t)sizeof(sa_family_t)) {
        /* A name that begins with NUL is none of the file system's. */
        size_t start = offsetof(struct sockaddr_un, sun_path);
        bool abstract = name.local.sun_path[0] == '\0';
        trace_text_add(text, ", ");
        if (abstract)
            trace_text_add_bytes(text, tid, address + start, size - start);
        else
            trace_text_add_string(text, tid, address + start);
    }
    trace_text_add(text, "}");
}

static void trace_call_add_clone3(struct trace_text *text, pid_t tid,
                                  uint64_t address)
{
    struct clone_args asked = {0};
    if (trace_text_read(tid, address, &asked, CLONE_ARGS_SIZE_VER0) !=
        CLONE_ARGS_SIZE_VER0)
        trace_text_add(text, "0x%" PRIx64, address);
    else
        trace_call_add_clone(text, asked.flags, (int)asked.exit_signal);
}

/* Those whose value is not in the register, but where that leads to. */
static void trace_call_add_pointed(struct trace_call *call, pid_t tid,
                                   char kind, int i, int64_t result)
{
    struct trace_text *text = &call->text;
    uint64_t value = call->arguments[i];
    if (kind == 's')
        trace_text_add_string(text, tid, value);
    else if (kind == 'v')
        trace_text_add_strings(text, tid, value);
    else if (kind == 'w')
        trace_text_add_bytes(text, tid, value, call->arguments[i + 1]);
    else if (kind == 'r' && result >= 0)
        trace_text_add_bytes(text, tid, value, (uint64_t)result);
    else if (kind == 'A')
        trace_call_add_address(text, tid, value, call->arguments[i + 1]);
    else if (kind == 'N')
        trace_call_add_clone3(text, tid, value);
    else
        trace_text_add(text, "0x%" PRIx64, value);
}

static void trace_call_add_argument(struct trace_call *call, pid_t tid,
                                    char kind, int i, int64_t result)
{
    struct trace_text *text = &call->text;
    uint64_t value = call->arguments[i];
    switch (kind) {
    case 'd':
        if ((int)value == AT_FDCWD) {
            trace_text_add(text, "AT_FDCWD");
            break;
        }
        /* fall through */
    case 'i':
        trace_text_add(text, "%d", (int)value);
        break;
    case 'u':
        trace_text_add(text, "%u", (unsigned)value);
        break;
    case 'l':
        trace_text_add(text, "%" PRId64, (int64_t)value);
        break;
    case 'm':
        trace_text_add(text, "0%o", (unsigned)value);
        break;
    case 'g':
        trace_text_add(text, "%s", trace_call_signal_name((int)value));
        break;
    case 'o':
        if ((value & O_ACCMODE) == O_RDONLY)
            trace_text_add(text, "O_RDONLY%s",
                           (unsigned)value == O_RDONLY ? "" : "|");
        if ((unsigned)value != O_RDONLY)
            trace_text_add_flags(text, (unsigned)value, open_flags);
        break;
    case 'p':
        trace_text_add_flags(text, value, protections);
        break;
    case 'a':
        trace_text_add_flags(text, value, map_flags);
        break;
    case 'n':
        trace_call_add_clone(text, value & ~(uint64_t)0xff,
                             (int)(value & 0xff));
        break;
    case 'k':
        trace_text_add_flags(text, value, mount_flags);
        break;
    case 't':
        trace_text_add_flags(text, value, umount_flags);
        break;
    case 'f':
        trace_call_add_family(text, (int)value);
        break;
    case 'x':
        trace_text_add(text, value == 0 ? "0" : "0x%" PRIx64, value);
        break;
    default:
        trace_call_add_pointed(call, tid, kind, i, result);
    }
}

static bool trace_call_has_more(const struct trace_call *call)
{
    return call->kinds != NULL && call->kinds[call->done] != '\0' &&
           call->kinds[call->done] != '=';
}

/* A mode means nothing unless something is created. */
static bool trace_call_is_needless(const struct trace_call *call)
{
    int i = call->done;
    return i > 0 && call->kinds[i] == 'm' && call->kinds[i - 1] == 'o' &&
           (call->arguments[i - 1] & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) ==
               0;
}

static void trace_call_add_next(struct trace_call *call, pid_t tid,
                                int64_t result)
{
    int i = call->done;
    if (!trace_call_is_needless(call)) {
        if (i > 0)
            trace_text_add(&call->text, ", ");
        trace_call_add_argument(call, tid, call->kinds[i], i, result);
    }
    call->done++;
}

/* ---- From its beginning to its end ---- */

void trace_call_begin(struct trace_call *call, pid_t tid)
{
    call->name = trace_call_name(call->architecture, call->number);
    call->kinds = trace_call_kinds(call->name);
    call->done = 0;
    trace_text_clear(&call->text);
    if (call->name != NULL)
        trace_text_add(&call->text, "%s(", call->name);
    else if (call->architecture == TRACE_NATIVE)
        trace_text_add(&call->text, "system call %" PRIu64 "(", call->number);
    else
        trace_text_add(&call->text,
                       "system call %" PRIu64 " of architecture 0x%x(",
                       call->number, call->architecture);
    while (trace_call_has_more(call) && call->kinds[call->done] != 'r')
        trace_call_add_next(call, tid, 0);
    if (call->kinds == NULL)
        trace_text_add(&call->text, "…");
}

/* The kernel's own, for a call that a signal has interrupted; programs never see
 * them: it begins anew, or returns EINTR after a handler has run. */
enum { ERESTARTSYS = 512, ERESTART_RESTARTBLOCK = 516 };

/* The line is what its result tells, so there is always room for that. */
static void trace_call_add_result(struct trace_text *text, const char *result)
{
    size_t length = strlen(result), most = sizeof text->bytes - 1 - length;
    if (text->used > most) {
        static const char ellipsis[] = "…";
        text->used = most - (sizeof ellipsis - 1);
        while (((unsigned char)text->bytes[text->used] & 0xc0) == 0x80)
            text->used--; /* not within one of its characters */
        memcpy(text->bytes + text->used, ellipsis, sizeof ellipsis);
        text->used += sizeof ellipsis - 1;
    }
    memcpy(text->bytes + text->used, result, length + 1);
    text->used += length;
}

void trace_call_end(struct trace_call *call, pid_t tid, int64_t result,
                    bool failed)
{
    char text[64];
    const char *kind = call->kinds == NULL ? NULL : strchr(call->kinds, '=');
    while (trace_call_has_more(call))
        trace_call_add_next(call, tid, failed ? -1 : result);
    if (failed && result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK)
        snprintf(text, sizeof text, ") = ? (interrupted)");
    else if (failed)
        snprintf(text, sizeof text, ") = -1 %s",
                 advice_error_name((int)-result));
    else if (kind != NULL && kind[1] == 'x')
        snprintf(text, sizeof text, ") = 0x%" PRIx64, (uint64_t)result);
    else if (kind != NULL && kind[1] == 'm')
        snprintf(text, sizeof text, ") = 0%o", (unsigned)result);
    else
        snprintf(text, sizeof text, ") = %" PRId64, result);
    trace_call_add_result(&call->text, text);
}

void trace_call_end_without_result(struct trace_call *call, const char *why)
{
    char text[64];
    snprintf(text, sizeof text, "%s) = ?%s",
             trace_call_has_more(call) ? ", …" : "", why);
    trace_call_add_result(&call->text, text);
}
