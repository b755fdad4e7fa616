/*
 * seccomp: which system calls a program may make, as a filter that the kernel
 * runs before each of them.
 *
 *     static struct seccomp_rules rules;
 *     seccomp_tables_default(&rules, SECCOMP_NATIVE, capabilities);
 *     seccomp_compile(&rules, &filter);      rules, as people think of them, to BPF
 *     seccomp_load(&filter);                 for ever: for us and all our children
 *
 * taught in: step 06, lessons/06-userns.md
 */
#ifndef NSCTL_KERNEL_SECCOMP_H
#define NSCTL_KERNEL_SECCOMP_H

#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

enum seccomp_architecture {
    SECCOMP_X86_64,
    SECCOMP_AARCH64,
    SECCOMP_ARCHITECTURES,
#if defined __aarch64__
    SECCOMP_NATIVE = SECCOMP_AARCH64
#else
    SECCOMP_NATIVE = SECCOMP_X86_64
#endif
};

enum seccomp_comparison {
    SECCOMP_NOT_EQUAL,
    SECCOMP_LESS,
    SECCOMP_LESS_OR_EQUAL,
    SECCOMP_EQUAL,
    SECCOMP_GREATER_OR_EQUAL,
    SECCOMP_GREATER,
    SECCOMP_MASKED_EQUAL, /* (argument & mask) == value */
    SECCOMP_COMPARISONS
};

/* All 64 bits of an argument are compared, also where the kernel will look at
 * 32 of them only: what it would cut off must be 0, or the rule does not match. */
struct seccomp_condition {
    unsigned argument; /* 0 to 5 */
    enum seccomp_comparison comparison;
    uint64_t value, mask;
};

enum {
    SECCOMP_ARGUMENTS = 6,
    SECCOMP_MOST_RULES = 4096,
    SECCOMP_MOST_NUMBERS = 1024
};

/* The first rule of those for a call all of whose conditions hold decides. */
struct seccomp_rule {
    uint32_t number; /* of the system call */
    uint32_t action; /* SECCOMP_RET_…, with an errno where it takes one */
    size_t first_condition;
    size_t condition_count; /* 0: it always matches */
    size_t previous;        /* one for the same call: its index + 1, or 0 */
};

struct seccomp_rules {
    enum seccomp_architecture architecture;
    uint32_t newest; /* the highest known number, < SECCOMP_MOST_NUMBERS */
    uint32_t default_action; /* where no rule decides */
    uint32_t unknown_action; /* for numbers above the newest */
    struct seccomp_rule rules[SECCOMP_MOST_RULES];
    struct seccomp_condition conditions[SECCOMP_MOST_RULES];
    size_t rule_count, condition_count;
    size_t last[SECCOMP_MOST_NUMBERS]; /* for each call: index + 1, or 0 */
};

/* The kernel takes no longer ones. */
enum { SECCOMP_MOST_INSTRUCTIONS = BPF_MAXINSNS };

struct seccomp_filter {
    unsigned short length;
    struct sock_filter instructions[SECCOMP_MOST_INSTRUCTIONS];
};

/* Begins anew, without rules. */
void seccomp_begin(struct seccomp_rules *rules,
                   enum seccomp_architecture architecture, uint32_t newest,
                   uint32_t default_action, uint32_t unknown_action);

/* Appends a rule with `count` conditions, to be tried after those that are there
 * for the same call; after one that always matches it is left out. Returns 0, or
 * -1, not reported, with ENOSPC where there is no room, EINVAL for a number
 * above the newest. */
int seccomp_add(struct seccomp_rules *rules, uint32_t number, uint32_t action,
                const struct seccomp_condition *conditions, size_t count);

/*
 * Compiles rules to a filter that takes few instructions a call: a balanced tree
 * over the ranges of numbers that are treated alike. System calls of another
 * architecture get ENOSYS, x32's among them. Returns 0, or -1 with E2BIG,
 * reported, where more than SECCOMP_MOST_INSTRUCTIONS are needed.
 */
int seccomp_compile(const struct seccomp_rules *rules,
                    struct seccomp_filter *filter);

/* Has the kernel ask the filter from now on; no way back. It takes no_new_privs
 * or CAP_SYS_ADMIN in our user namespace. Returns 0, or -1, reported. seccomp(2). */
int seccomp_load(const struct seccomp_filter *filter);

#endif
