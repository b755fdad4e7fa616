/*
 * probe: one system call, from inside a container, without a C library: what is
 * tried is in the arguments, and what the kernel answered on standard output, as
 * it answered: -1 for EPERM, -38 for ENOSYS.
 *
 *     cc -static -nostdlib -ffreestanding -fno-stack-protector -o probe probe.c
 *     probe socket 0x100000028 1 0
 *
 * An argument is a number, or text whose address is meant where it begins with ':'.
 * int80 makes the call as a 32-bit program would, x32 as one of that ABI; session
 * PROGRAM… executes a program in a new session keyring with a key in it, of the type
 * user and the name nsctl-test.
 */
#include <asm/unistd.h>

enum { MOST_ARGUMENTS = 6 };

static long call(long number, const long *a)
{
#if defined __x86_64__
    long result;
    register long r10 __asm__("r10") = a[3];
    register long r8 __asm__("r8") = a[4];
    register long r9 __asm__("r9") = a[5];
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10),
                       "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a[0];
    register long x1 __asm__("x1") = a[1];
    register long x2 __asm__("x2") = a[2];
    register long x3 __asm__("x3") = a[3];
    register long x4 __asm__("x4") = a[4];
    register long x5 __asm__("x5") = a[5];
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#endif
}

/* getpid(2) has number 20 for 32-bit programs of x86. */
static long call_int80(void)
{
#if defined __x86_64__
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    return result;
#else
    return -38;
#endif
}

static int is_same(const char *a, const char *b)
{
    for (; *a == *b; a++, b++)
        if (*a == '\0')
            return 1;
    return 0;
}

/* Decimal, or 0x and hexadecimal. */
static long number_of(const char *text)
{
    unsigned long number = 0;
    int base = 10, negative = *text == '-';
    text += negative;
    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    }
    for (; *text != '\0'; text++)
        number = number * (unsigned long)base +
                 (unsigned long)(*text >= 'a' ? *text - 'a' + 10 : *text - '0');
    return negative ? -(long)number : (long)number;
}

static long number_of_call(const char *name)
{
    static const struct {
        const char *name;
        long number;
    } calls[] = {
        {"getpid", __NR_getpid},
        {"socket", __NR_socket},
        {"clone", __NR_clone},
        {"clone3", __NR_clone3},
        {"unshare", __NR_unshare},
        {"mount", __NR_mount},
        {"fsopen", __NR_fsopen},
        {"open_tree", __NR_open_tree},
        {"ioctl", __NR_ioctl},
        {"personality", __NR_personality},
        {"keyctl", __NR_keyctl},
        {"add_key", __NR_add_key},
        {"bpf", __NR_bpf},
        {"io_uring_setup", __NR_io_uring_setup},
        {"ptrace", __NR_ptrace},
        {"chroot", __NR_chroot},
        {"setuid", __NR_setuid},
        {"kcmp", __NR_kcmp},
        {"sethostname", __NR_sethostname},
        {"syslog", __NR_syslog},
    };
    for (unsigned long i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (is_same(calls[i].name, name))
            return calls[i].number;
    return number_of(name); /* one that is newer than the headers */
}

static void print(long number)
{
    char text[24], *at = text + sizeof text;
    unsigned long rest =
        number < 0 ? -(unsigned long)number : (unsigned long)number;
    *--at = '\n';
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (number < 0)
        *--at = '-';
    const long a[MOST_ARGUMENTS] = {1, (long)at, text + sizeof text - at};
    call(__NR_write, a);
}

static long run_in_session(char *const *program, char *const *environment)
{
    const long join[MOST_ARGUMENTS] = {1 /* KEYCTL_JOIN_SESSION_KEYRING */},
               key[MOST_ARGUMENTS] = {(long)"user", (long)"nsctl-test",
                                      (long)"secret", 6,
                                      -3 /* KEY_SPEC_SESSION_KEYRING */},
               run[MOST_ARGUMENTS] = {(long)program[0], (long)program,
                                      (long)environment};
    long result = call(__NR_keyctl, join);
    if (result >= 0)
        result = call(__NR_add_key, key);
    return result >= 0 ? call(__NR_execve, run) : result;
}

/* Called with the stack as the kernel left it: argc, then argv. */
__attribute__((noreturn, used)) void probe(const long *stack)
{
    char *const *argv = (char *const *)(stack + 1);
    long a[MOST_ARGUMENTS] = {0}, none[MOST_ARGUMENTS] = {0}, result;
    for (int i = 2; i < stack[0] && i < 2 + MOST_ARGUMENTS; i++)
        a[i - 2] = argv[i][0] == ':' ? (long)(argv[i] + 1) : number_of(argv[i]);
    if (stack[0] < 2)
        result = -22;
    else if (is_same(argv[1], "session") && stack[0] > 2)
        result = run_in_session(argv + 2, argv + stack[0] + 1);
    else if (is_same(argv[1], "int80"))
        result = call_int80();
    else if (is_same(argv[1], "x32"))
        result = call(0x40000000 | __NR_getpid, none);
    else
        result = call(number_of_call(argv[1]), a);
    /* In a child that clone(2) made there is nothing to say. */
    if (stack[0] < 2 || !is_same(argv[1], "clone") || result != 0)
        print(result);
    call(__NR_exit_group, none);
    __builtin_unreachable();
}

#if defined __x86_64__
__asm__(
    ".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call probe\n");
#else
__asm__(".globl _start\n_start: mov x0, sp\n b probe\n");
#endif
