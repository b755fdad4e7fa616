#include "common/kernel/seccomp.h"

#include "common/base/log.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a filter may look at (struct seccomp_data) is 64 bytes; its one register
 * has 32 bits. Both architectures are little-endian: low half first. */
enum {
    OFFSET_NUMBER = offsetof(struct seccomp_data, nr),
    OFFSET_ARCHITECTURE = offsetof(struct seccomp_data, arch),
    OFFSET_ARGUMENTS = offsetof(struct seccomp_data, args),
};

/* Added to the number by programs of the x32 ABI, 64-bit registers with 32-bit
 * pointers, which the kernel says are x86_64 like all others. */
#define X32_BIT      0x40000000U

#define NO_SUCH_CALL (SECCOMP_RET_ERRNO | ENOSYS)

void seccomp_begin(struct seccomp_rules *rules,
                   enum seccomp_architecture architecture, uint32_t newest,
                   uint32_t default_action, uint32_t unknown_action)
{
    rules->architecture = architecture;
    rules->newest = newest;
    rules->default_action = default_action;
    rules->unknown_action = unknown_action;
    rules->rule_count = rules->condition_count = 0;
    memset(rules->last, 0, sizeof rules->last);
}

int seccomp_add(struct seccomp_rules *rules, uint32_t number, uint32_t action,
                const struct seccomp_condition *conditions, size_t count)
{
    if (number > rules->newest) {
        errno = EINVAL;
        return -1;
    }
    size_t *last = &rules->last[number];
    if (*last != 0 && rules->rules[*last - 1].condition_count == 0)
        return 0;
    if (rules->rule_count == SECCOMP_MOST_RULES ||
        count > SECCOMP_MOST_RULES - rules->condition_count) {
        errno = ENOSPC;
        return -1;
    }
    rules->rules[rules->rule_count] = (struct seccomp_rule){
        .number = number,
        .action = action,
        .first_condition = rules->condition_count,
        .condition_count = count,
        .previous = *last,
    };
    *last = ++rules->rule_count;
    for (size_t i = 0; i < count; i++)
        rules->conditions[rules->condition_count++] = conditions[i];
    return 0;
}

/* ---- Instructions, from the last to the first ---- */

/*
 * A filter can only jump forwards, so it is written backwards: where a jump leads
 * is there before the jump is. A place is the number of instructions that had
 * been written before the one that stands there.
 */
struct seccomp_writer {
    struct sock_filter *instructions; /* the other way round */
    size_t count;
    bool too_long;
};

/* Where to go on: at a place, or, when all is decided, nowhere. */
struct seccomp_target {
    bool decided;
    uint32_t action; /* of those that are decided */
    size_t place;    /* of those that are not */
};

static struct seccomp_target seccomp_decided(uint32_t action)
{
    return (struct seccomp_target){.decided = true, .action = action};
}

static struct seccomp_target seccomp_write(struct seccomp_writer *writer,
                                           uint16_t code, uint32_t value)
{
    if (writer->count == SECCOMP_MOST_INSTRUCTIONS) {
        writer->too_long = true;
        return (struct seccomp_target){.place = writer->count - 1};
    }
    writer->instructions[writer->count] =
        (struct sock_filter){.code = code, .k = value};
    return (struct seccomp_target){.place = writer->count++};
}

/* How many instructions a jump that is written now would skip. */
static size_t seccomp_distance(const struct seccomp_writer *writer,
                               size_t place)
{
    return writer->count - place - 1;
}

/*
 * A conditional jump skips 255 instructions at most. This gives a place that one
 * can reach, even if another instruction is put in between: a return is written
 * again where the last like it is too far, to a place leads a jump without
 * condition, which may skip any number.
 */
static size_t seccomp_within_reach(struct seccomp_writer *writer,
                                   struct seccomp_target target)
{
    enum { REACH = 254 };
    if (!target.decided) {
        size_t distance = seccomp_distance(writer, target.place);
        return distance <= REACH
                   ? target.place
                   : seccomp_write(writer, BPF_JMP | BPF_JA, (uint32_t)distance)
                         .place;
    }
    for (size_t i = writer->count; i-- > 0;) {
        const struct sock_filter *written = &writer->instructions[i];
        if (seccomp_distance(writer, i) > REACH)
            break;
        if (written->code == (BPF_RET | BPF_K) && written->k == target.action)
            return i;
    }
    return seccomp_write(writer, BPF_RET | BPF_K, target.action).place;
}

/* `jump` is BPF_JEQ, BPF_JGT or BPF_JGE: the register is compared with `value`. */
static struct seccomp_target seccomp_jump(struct seccomp_writer *writer,
                                          uint16_t jump, uint32_t value,
                                          struct seccomp_target if_true,
                                          struct seccomp_target if_false)
{
    size_t true_place = seccomp_within_reach(writer, if_true);
    size_t false_place = seccomp_within_reach(writer, if_false);
    size_t true_skips = seccomp_distance(writer, true_place);
    size_t false_skips = seccomp_distance(writer, false_place);
    struct seccomp_target here =
        seccomp_write(writer, BPF_JMP | BPF_K | jump, value);
    if (!writer->too_long) {
        writer->instructions[here.place].jt = (uint8_t)true_skips;
        writer->instructions[here.place].jf = (uint8_t)false_skips;
    }
    return here;
}

static struct seccomp_target seccomp_load_word(struct seccomp_writer *writer,
                                               uint32_t offset)
{
    return seccomp_write(writer, BPF_LD | BPF_W | BPF_ABS, offset);
}

/* ---- One call ---- */

/* Half of (argument & mask) == value, high or low. */
static struct seccomp_target seccomp_test_half(struct seccomp_writer *writer,
                                               uint32_t offset, uint32_t value,
                                               uint32_t mask,
                                               struct seccomp_target if_true,
                                               struct seccomp_target if_false)
{
    if (mask == 0)
        return value == 0 ? if_true : if_false;
    seccomp_jump(writer, BPF_JEQ, value, if_true, if_false);
    if (mask != UINT32_MAX)
        seccomp_write(writer, BPF_ALU | BPF_AND | BPF_K, mask);
    return seccomp_load_word(writer, offset);
}

static struct seccomp_target
seccomp_test(struct seccomp_writer *writer,
             const struct seccomp_condition *condition,
             struct seccomp_target if_true, struct seccomp_target if_false)
{
    enum seccomp_comparison comparison = condition->comparison;
    uint32_t low_offset = OFFSET_ARGUMENTS + 8 * condition->argument;
    uint32_t high_offset = low_offset + 4;
    uint32_t low = (uint32_t)condition->value;
    uint32_t high = (uint32_t)(condition->value >> 32);

    if (comparison == SECCOMP_EQUAL || comparison == SECCOMP_NOT_EQUAL ||
        comparison == SECCOMP_MASKED_EQUAL) {
        uint64_t mask =
            comparison == SECCOMP_MASKED_EQUAL ? condition->mask : UINT64_MAX;
        struct seccomp_target yes = if_true, no = if_false;
        if (comparison == SECCOMP_NOT_EQUAL) {
            yes = if_false;
            no = if_true;
        }
        yes =
            seccomp_test_half(writer, low_offset, low, (uint32_t)mask, yes, no);
        yes = seccomp_test_half(writer, high_offset, high,
                                (uint32_t)(mask >> 32), yes, no);
        return yes;
    }

    /* x < v is not x >= v, and x <= v not x > v. */
    uint16_t jump = BPF_JGE;
    if (comparison == SECCOMP_GREATER || comparison == SECCOMP_LESS_OR_EQUAL)
        jump = BPF_JGT;
    if (comparison == SECCOMP_LESS || comparison == SECCOMP_LESS_OR_EQUAL) {
        struct seccomp_target swapped = if_true;
        if_true = if_false;
        if_false = swapped;
    }
    /* The high half decides, unless it is equal. */
    seccomp_jump(writer, jump, low, if_true, if_false);
    struct seccomp_target low_half = seccomp_load_word(writer, low_offset);
    struct seccomp_target equal =
        seccomp_jump(writer, BPF_JEQ, high, low_half, if_false);
    seccomp_jump(writer, BPF_JGT, high, if_true, equal);
    return seccomp_load_word(writer, high_offset);
}

/* What is to become of the call `number`: its rules, the last one first. */
static struct seccomp_target
seccomp_write_rules(struct seccomp_writer *writer,
                    const struct seccomp_rules *rules, uint32_t number)
{
    struct seccomp_target otherwise = seccomp_decided(rules->default_action);
    const struct seccomp_rule *rule;
    for (size_t i = rules->last[number]; i != 0; i = rule->previous) {
        rule = &rules->rules[i - 1];
        struct seccomp_target matched = seccomp_decided(rule->action);
        for (size_t j = rule->condition_count; j-- > 0;)
            matched = seccomp_test(
                writer, &rules->conditions[rule->first_condition + j], matched,
                otherwise);
        otherwise = matched;
    }
    return otherwise;
}

/* ---- All of them ---- */

/* The numbers from `first` to that of the next range, treated alike. */
struct seccomp_range {
    uint32_t first;
    struct seccomp_target target;
};

/* Two neighbours become one, with a comparison that tells them apart, until
 * there is one only: a tree, from the leaves to the root, as high as the
 * logarithm of the number of ranges. */
static struct seccomp_target seccomp_write_tree(struct seccomp_writer *writer,
                                                struct seccomp_range *ranges,
                                                size_t count)
{
    while (count > 1) {
        size_t pairs = 0;
        for (size_t i = 0; i < count; i += 2, pairs++) {
            ranges[pairs] = ranges[i];
            if (i + 1 < count)
                ranges[pairs].target =
                    seccomp_jump(writer, BPF_JGE, ranges[i + 1].first,
                                 ranges[i + 1].target, ranges[i].target);
        }
        count = pairs;
    }
    return ranges[0].target;
}

static struct seccomp_target
seccomp_write_numbers(struct seccomp_writer *writer,
                      const struct seccomp_rules *rules)
{
    struct seccomp_range ranges[SECCOMP_MOST_NUMBERS + 1];
    struct seccomp_target last = {.decided = false};
    size_t count = 0;
    for (uint32_t number = 0; number <= rules->newest; number++) {
        struct seccomp_target target =
            seccomp_write_rules(writer, rules, number);
        if (last.decided && target.decided && last.action == target.action)
            continue;
        ranges[count++] = (struct seccomp_range){number, target};
        last = target;
    }
    ranges[count++] = (struct seccomp_range){
        rules->newest + 1, seccomp_decided(rules->unknown_action)};
    return seccomp_write_tree(writer, ranges, count);
}

int seccomp_compile(const struct seccomp_rules *rules,
                    struct seccomp_filter *filter)
{
    struct seccomp_writer writer = {.instructions = filter->instructions};
    bool is_x86 = rules->architecture == SECCOMP_X86_64;

    struct seccomp_target known = seccomp_write_numbers(&writer, rules);
    if (is_x86)
        seccomp_jump(&writer, BPF_JGE, X32_BIT, seccomp_decided(NO_SUCH_CALL),
                     known);
    known = seccomp_load_word(&writer, OFFSET_NUMBER);
    /* The same number means another call to a 32-bit program. */
    seccomp_jump(&writer, BPF_JEQ,
                 is_x86 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64, known,
                 seccomp_decided(NO_SUCH_CALL));
    seccomp_load_word(&writer, OFFSET_ARCHITECTURE);

    if (writer.too_long) {
        errno = E2BIG;
        return log_error("the seccomp filter would be longer than %d "
                         "instructions, the kernel's limit (E2BIG)",
                         SECCOMP_MOST_INSTRUCTIONS);
    }
    filter->length = (unsigned short)writer.count;
    /* It was written from its end on. */
    for (size_t i = 0; i < writer.count / 2; i++) {
        struct sock_filter *early = &filter->instructions[i];
        struct sock_filter *late = &filter->instructions[writer.count - 1 - i];
        struct sock_filter kept = *early;
        *early = *late;
        *late = kept;
    }
    return 0;
}

int seccomp_load(const struct seccomp_filter *filter)
{
    struct sock_fprog program = {
        .len = filter->length,
        .filter = (struct sock_filter *)filter->instructions,
    };
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    return (int)log_call(result, "the kernel asks a filter before each call",
                         "seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=%u})",
                         (unsigned)program.len);
}
