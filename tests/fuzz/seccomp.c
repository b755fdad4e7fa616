/*
 * fuzz: the compiler of seccomp filters. The input is a set of rules and some
 * calls; the filter, run by the book, must say of each call what the rules say
 * when they are gone through one by one.
 */
#include "tests/fuzz/fuzz.h"

#include "common/kernel/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>

struct input {
    const uint8_t *data;
    size_t size;
};

static uint64_t take(struct input *input, size_t bytes)
{
    uint64_t value = 0;
    for (; bytes > 0 && input->size > 0; bytes--, input->size--)
        value = value << 8 | *input->data++;
    return value;
}

/* Numbers near to each other, or with all their bits: where errors are. */
static uint64_t take_value(struct input *input)
{
    uint64_t high = take(input, 1);
    uint64_t low = take(input, 1);
    switch (high % 4) {
    case 0:
        return low;
    case 1:
        return (high / 4 % 4) << 32 | low;
    case 2:
        return UINT64_MAX - low;
    default:
        return take(input, 8);
    }
}

static uint32_t take_action(struct input *input)
{
    static const uint32_t actions[] = {
        SECCOMP_RET_ALLOW,        SECCOMP_RET_LOG,
        SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
        SECCOMP_RET_TRAP,         SECCOMP_RET_ERRNO | EPERM,
        SECCOMP_RET_ERRNO,        SECCOMP_RET_ERRNO | 4095};
    return actions[take(input, 1) % (sizeof actions / sizeof actions[0])];
}

static void take_rules(struct input *input, struct seccomp_rules *rules)
{
    enum seccomp_architecture architecture =
        take(input, 1) % SECCOMP_ARCHITECTURES;
    uint32_t default_action = take_action(input);
    uint32_t unknown_action = take_action(input);
    seccomp_begin(rules, architecture,
                  (uint32_t)take(input, 2) % SECCOMP_MOST_NUMBERS,
                  default_action, unknown_action);
    /* Many rules from few bytes: long jumps come with long filters. */
    size_t rule_count = take(input, 1), times = 1 + take(input, 1) % 40;
    for (size_t i = 0; i < rule_count && input->size > 0; i++) {
        struct seccomp_condition conditions[SECCOMP_ARGUMENTS];
        uint32_t number = (uint32_t)take(input, 2) % (rules->newest + 1);
        uint32_t action = take_action(input);
        size_t count = take(input, 1) % (SECCOMP_ARGUMENTS + 1);
        for (size_t j = 0; j < count; j++)
            conditions[j] = (struct seccomp_condition){
                .argument = (unsigned)take(input, 1) % SECCOMP_ARGUMENTS,
                .comparison = take(input, 1) % SECCOMP_COMPARISONS,
                .value = take_value(input),
                .mask = take_value(input)};
        for (size_t k = 0; k < times; k++)
            if (seccomp_add(rules, (number + (uint32_t)k) % (rules->newest + 1),
                            action, conditions, count) == -1)
                fuzz_require(errno == ENOSPC);
    }
}

/* ---- One after the other ---- */

static bool holds(const struct seccomp_condition *condition,
                  const struct seccomp_data *call)
{
    uint64_t argument = call->args[condition->argument];
    switch (condition->comparison) {
    case SECCOMP_NOT_EQUAL:
        return argument != condition->value;
    case SECCOMP_LESS:
        return argument < condition->value;
    case SECCOMP_LESS_OR_EQUAL:
        return argument <= condition->value;
    case SECCOMP_EQUAL:
        return argument == condition->value;
    case SECCOMP_GREATER_OR_EQUAL:
        return argument >= condition->value;
    case SECCOMP_GREATER:
        return argument > condition->value;
    case SECCOMP_MASKED_EQUAL:
        return (argument & condition->mask) == condition->value;
    default:
        abort();
    }
}

static uint32_t rules_say(const struct seccomp_rules *rules,
                          const struct seccomp_data *call)
{
    bool is_x86 = rules->architecture == SECCOMP_X86_64;
    uint32_t number = (uint32_t)call->nr;
    if (call->arch != (is_x86 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64) ||
        (is_x86 && number >= 0x40000000))
        return SECCOMP_RET_ERRNO | ENOSYS;
    if (number > rules->newest)
        return rules->unknown_action;
    for (size_t i = 0; i < rules->rule_count; i++) {
        const struct seccomp_rule *rule = &rules->rules[i];
        bool matches = rule->number == number;
        for (size_t j = 0; j < rule->condition_count; j++)
            matches =
                matches &&
                holds(&rules->conditions[rule->first_condition + j], call);
        if (matches)
            return rule->action;
    }
    return rules->default_action;
}

/* ---- By the book: Documentation/networking/filter.rst ---- */

static uint32_t filter_says(const struct seccomp_filter *filter,
                            const struct seccomp_data *call)
{
    uint32_t a = 0;
    for (size_t at = 0;; at++) {
        fuzz_require(at < filter->length); /* the kernel would refuse it */
        const struct sock_filter *now = &filter->instructions[at];
        switch (now->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            fuzz_require(now->k % 4 == 0 && now->k <= sizeof *call - 4);
            memcpy(&a, (const char *)call + now->k, 4);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= now->k;
            break;
        case BPF_JMP | BPF_JA:
            at += now->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            at += a == now->k ? now->jt : now->jf;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            at += a > now->k ? now->jt : now->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            at += a >= now->k ? now->jt : now->jf;
            break;
        case BPF_RET | BPF_K:
            return now->k;
        default:
            fuzz_require(!"an instruction that we never write");
        }
    }
}

static void take_call(struct input *input, const struct seccomp_rules *rules,
                      struct seccomp_data *call)
{
    static const uint32_t architectures[] = {
        AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_I386};
    memset(call, 0, sizeof *call);
    uint64_t how = take(input, 1);
    call->arch = rules->architecture == SECCOMP_X86_64 ? AUDIT_ARCH_X86_64
                                                       : AUDIT_ARCH_AARCH64;
    if (how % 16 == 0)
        call->arch = architectures[how / 16 % 3];
    call->nr = how % 16 == 1 ? (int)take(input, 4)
                             : (int)(take(input, 2) % (rules->newest + 2));
    for (size_t i = 0; i < SECCOMP_ARGUMENTS; i++)
        call->args[i] = take_value(input);
    /* At a value that is compared with, or next to it. */
    if (how >= 128 && rules->rule_count > 0) {
        const struct seccomp_rule *rule =
            &rules->rules[take(input, 2) % rules->rule_count];
        call->nr = (int)rule->number;
        for (size_t i = 0; i < rule->condition_count; i++) {
            const struct seccomp_condition *condition =
                &rules->conditions[rule->first_condition + i];
            call->args[condition->argument] =
                condition->value + take(input, 1) % 3 - 1;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seccomp_rules rules;
    static struct seccomp_filter filter;
    struct input input = {data, size};
    struct seccomp_data call;
    take_rules(&input, &rules);
    if (seccomp_compile(&rules, &filter) == -1)
        return 0;
    fuzz_require(filter.length > 0 &&
                 filter.length <= SECCOMP_MOST_INSTRUCTIONS);
    fuzz_require(filter.instructions[filter.length - 1].code ==
                 (BPF_RET | BPF_K));
    for (int i = 0; i < 64; i++) {
        take_call(&input, &rules, &call);
        fuzz_require(filter_says(&filter, &call) == rules_say(&rules, &call));
    }
    for (uint32_t number = 0x3fffffff; number <= 0x40000000; number++) {
        call.nr = (int)number; /* x32 begins here */
        fuzz_require(filter_says(&filter, &call) == rules_say(&rules, &call));
    }
    /* Every number, where that does not take too long. */
    for (uint32_t number = 0;
         number < rules.newest + 3 && rules.rule_count < 512; number++) {
        call.nr = (int)number;
        fuzz_require(filter_says(&filter, &call) == rules_say(&rules, &call));
    }
    return 0;
}
