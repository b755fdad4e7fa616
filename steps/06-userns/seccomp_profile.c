#include "steps/06-userns/seccomp_profile.h"

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "steps/06-userns/privileges.h"
#include "steps/06-userns/seccomp_tables.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/utsname.h>

enum {
    MOST_BYTES = 1 << 20,
    MOST_ERRNO = 4095,
    SECCOMP_PROFILE_MOST_ARGS = 32
};

/* What a profile is read for. */
struct seccomp_profile {
    const struct json *json;
    uint64_t capabilities;
    uint64_t kernel; /* 6.18: 6 << 32 | 18 */
    uint64_t default_errno;
    struct seccomp_rules *rules;
    size_t unknown; /* names, and the first of them */
    const struct json_value *first_unknown;
};

/* ---- Words ---- */

struct seccomp_word {
    const char *word;
    uint32_t meaning;
};

/* The meaning of a string that must be one of these. Returns 0, or -1, reported:
 * what a profile forbids is not to be left out because it is misspelt. */
static int seccomp_profile_word(const struct seccomp_profile *profile,
                                const struct json_value *value,
                                const char *what,
                                const struct seccomp_word *words, size_t count,
                                uint32_t *meaning)
{
    *meaning = 0;
    if (value->type != JSON_STRING)
        return json_error(profile->json, value, "expected %s, a string", what);
    for (size_t i = 0; i < count; i++)
        if (strcmp(value->text, words[i].word) == 0) {
            *meaning = words[i].meaning;
            return 0;
        }
    return json_error(profile->json, value, "unknown %s \"%s\"", what,
                      value->text);
}

static int seccomp_profile_action(const struct seccomp_profile *profile,
                                  const struct json_value *value,
                                  const struct json_value *errno_value,
                                  uint32_t *action)
{
    static const struct seccomp_word words[] = {
        {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
        {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
        {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
        {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
        {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
        {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
        {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
    };
    uint64_t number = profile->default_errno;
    if (seccomp_profile_word(profile, value, "action", words,
                             sizeof words / sizeof words[0], action) == -1)
        return -1;
    if (errno_value != NULL && errno_value->type != JSON_NULL &&
        json_unsigned(errno_value, MOST_ERRNO, &number) == -1)
        return json_error(profile->json, errno_value,
                          "expected an errno from 0 to %d", MOST_ERRNO);
    if (*action == SECCOMP_RET_ERRNO)
        *action |= (uint32_t)number;
    return 0;
}

/* ---- Members ---- */

/* A member that may be null or not there: NULL then. `*value` is of `type`. */
static int seccomp_profile_member(const struct seccomp_profile *profile,
                                  const struct json_value *object,
                                  const char *key, enum json_type type,
                                  const struct json_value **value)
{
    const char *const names[] = {[JSON_NUMBER] = "a number",
                                 [JSON_STRING] = "a string",
                                 [JSON_ARRAY] = "an array",
                                 [JSON_OBJECT] = "an object"};
    *value = json_member(object, key);
    if (*value != NULL && (*value)->type == JSON_NULL)
        *value = NULL;
    if (*value != NULL && (*value)->type != type)
        return json_error(profile->json, *value, "\"%s\": expected %s", key,
                          names[type]);
    return 0;
}

/* An object with no members but these, and comments. What is misspelt would be
 * left out, and the rule hold for more than was meant. */
static int seccomp_profile_check_keys(const struct seccomp_profile *profile,
                                      const struct json_value *object,
                                      const char *const *keys, size_t count)
{
    if (object->type != JSON_OBJECT)
        return json_error(profile->json, object, "expected an object");
    for (const struct json_value *member = object->first; member != NULL;
         member = member->next) {
        size_t i = 0;
        while (i < count && strcmp(member->key, keys[i]) != 0)
            i++;
        if (i == count && strcmp(member->key, "comment") != 0)
            return json_error(profile->json, member, "unknown key \"%s\"",
                              member->key);
    }
    return 0;
}

/* ---- When a rule holds ---- */

static int seccomp_profile_has_caps(const struct seccomp_profile *profile,
                                    const struct json_value *caps, size_t *kept,
                                    size_t *count)
{
    *kept = *count = 0;
    for (const struct json_value *cap = caps == NULL ? NULL : caps->first;
         cap != NULL; cap = cap->next) {
        int number = cap->type == JSON_STRING
                         ? privileges_capability_number(cap->text)
                         : -1;
        if (number == -1)
            return json_error(profile->json, cap,
                              "expected the name of a capability");
        *kept += (profile->capabilities >> number) & 1;
        ++*count;
    }
    return 0;
}

static int seccomp_profile_has_arch(const struct seccomp_profile *profile,
                                    const struct json_value *arches,
                                    bool *native)
{
    const char *own = SECCOMP_NATIVE == SECCOMP_X86_64 ? "amd64" : "arm64";
    *native = false;
    for (const struct json_value *arch = arches == NULL ? NULL : arches->first;
         arch != NULL; arch = arch->next) {
        if (arch->type != JSON_STRING)
            return json_error(profile->json, arch,
                              "expected the name of an architecture");
        *native |= strcmp(arch->text, own) == 0;
    }
    return 0;
}

/* "6.18", and behind it whatever is no digit; NULL: that is none. */
static const char *seccomp_profile_kernel(const char *text, uint64_t *kernel)
{
    uint64_t major, minor;
    text = number_scan(text, INT32_MAX, &major);
    if (text == NULL || *text != '.')
        return NULL;
    text = number_scan(text + 1, INT32_MAX, &minor);
    *kernel = major << 32 | minor;
    return text;
}

/*
 * "includes" or "excludes": whether what we have is all that (includes) or any of
 * that (excludes) which it names. `*holds` is what it says of the rule: that it
 * is for us.
 */
static int seccomp_profile_filter(const struct seccomp_profile *profile,
                                  const struct json_value *rule,
                                  const char *key, bool *holds)
{
    static const char *const keys[] = {"caps", "arches", "minKernel"};
    const struct json_value *filter, *caps, *arches, *kernel;
    bool is_exclusion = strcmp(key, "excludes") == 0, native;
    size_t kept, count;
    uint64_t least = 0;
    *holds = true;
    if (seccomp_profile_member(profile, rule, key, JSON_OBJECT, &filter) == -1)
        return -1;
    if (filter == NULL)
        return 0;
    if (seccomp_profile_check_keys(profile, filter, keys, 3) == -1 ||
        seccomp_profile_member(profile, filter, "caps", JSON_ARRAY, &caps) ==
            -1 ||
        seccomp_profile_member(profile, filter, "arches", JSON_ARRAY,
                               &arches) == -1 ||
        seccomp_profile_member(profile, filter, "minKernel", JSON_STRING,
                               &kernel) == -1 ||
        seccomp_profile_has_caps(profile, caps, &kept, &count) == -1 ||
        seccomp_profile_has_arch(profile, arches, &native) == -1)
        return -1;
    if (kernel != NULL) {
        const char *rest = seccomp_profile_kernel(kernel->text, &least);
        if (rest == NULL || *rest != '\0')
            return json_error(profile->json, kernel,
                              "expected a kernel's version, such as 4.8");
    }
    bool new_enough = profile->kernel >= least;
    if (is_exclusion)
        *holds = kept == 0 && !native && !(kernel != NULL && new_enough);
    else
        *holds = kept == count &&
                 (native || arches == NULL || arches->first == NULL) &&
                 new_enough;
    return 0;
}

/* ---- What a rule says ---- */

static int seccomp_profile_condition(const struct seccomp_profile *profile,
                                     const struct json_value *argument,
                                     struct seccomp_condition *condition)
{
    static const char *const keys[] = {"index", "value", "valueTwo", "op"};
    static const struct seccomp_word words[] = {
        {"SCMP_CMP_NE", SECCOMP_NOT_EQUAL},
        {"SCMP_CMP_LT", SECCOMP_LESS},
        {"SCMP_CMP_LE", SECCOMP_LESS_OR_EQUAL},
        {"SCMP_CMP_EQ", SECCOMP_EQUAL},
        {"SCMP_CMP_GE", SECCOMP_GREATER_OR_EQUAL},
        {"SCMP_CMP_GT", SECCOMP_GREATER},
        {"SCMP_CMP_MASKED_EQ", SECCOMP_MASKED_EQUAL},
    };
    uint64_t index, value, value_two = 0;
    uint32_t comparison;
    *condition = (struct seccomp_condition){0};
    if (seccomp_profile_check_keys(profile, argument, keys, 4) == -1)
        return -1;
    const struct json_value *index_value = json_member(argument, "index");
    const struct json_value *first = json_member(argument, "value");
    const struct json_value *second = json_member(argument, "valueTwo");
    const struct json_value *op = json_member(argument, "op");
    if (index_value == NULL || first == NULL || op == NULL)
        return json_error(profile->json, argument,
                          "expected \"index\", \"value\" and \"op\"");
    if (json_unsigned(index_value, SECCOMP_ARGUMENTS - 1, &index) == -1)
        return json_error(
            profile->json, index_value,
            "\"index\": expected 0 to 5, there are six arguments");
    if (json_unsigned(first, UINT64_MAX, &value) == -1)
        return json_error(profile->json, first,
                          "\"value\": expected a number "
                          "from 0 to 2^64-1");
    if (second != NULL && json_unsigned(second, UINT64_MAX, &value_two) == -1)
        return json_error(profile->json, second,
                          "\"valueTwo\": expected a "
                          "number from 0 to 2^64-1");
    if (seccomp_profile_word(profile, op, "operator", words,
                             sizeof words / sizeof words[0], &comparison) == -1)
        return -1;
    /* Here the first value is the mask, and the second what it leaves. */
    bool masked = comparison == SECCOMP_MASKED_EQUAL;
    *condition = (struct seccomp_condition){
        .argument = (unsigned)index,
        .comparison = comparison,
        .value = masked ? value_two : value,
        .mask = masked ? value : 0,
    };
    return 0;
}

/* "args". `*alternatives`: one of them is enough. That is what the runtimes which
 * this form comes from make of two on one argument: their library can not ask for
 * both. */
static int seccomp_profile_conditions(const struct seccomp_profile *profile,
                                      const struct json_value *rule,
                                      struct seccomp_condition *conditions,
                                      size_t *count, bool *alternatives)
{
    const struct json_value *arguments;
    unsigned seen = 0;
    *count = 0;
    *alternatives = false;
    if (seccomp_profile_member(profile, rule, "args", JSON_ARRAY, &arguments) ==
        -1)
        return -1;
    for (const struct json_value *argument =
             arguments == NULL ? NULL : arguments->first;
         argument != NULL; argument = argument->next) {
        if (*count == SECCOMP_PROFILE_MOST_ARGS)
            return json_error(profile->json, argument,
                              "expected %d conditions at most",
                              SECCOMP_PROFILE_MOST_ARGS);
        struct seccomp_condition *condition = &conditions[(*count)++];
        if (seccomp_profile_condition(profile, argument, condition) == -1)
            return -1;
        if ((seen & 1U << condition->argument) != 0 && !*alternatives) {
            *alternatives = true;
            log_warning("%s:%u: two conditions on argument %u: any of those "
                        "here is enough, as it is elsewhere",
                        profile->json->name, argument->line,
                        condition->argument);
        }
        seen |= 1U << condition->argument;
    }
    return 0;
}

static int seccomp_profile_add(struct seccomp_profile *profile,
                               const struct json_value *name, uint32_t action,
                               const struct seccomp_condition *conditions,
                               size_t count, bool alternatives)
{
    bool known = false;
    if (name->type != JSON_STRING)
        return json_error(profile->json, name,
                          "expected the name of a system call");
    for (int i = 0; i < SECCOMP_ARCHITECTURES; i++)
        known |= seccomp_tables_number(i, name->text) != -1;
    if (!known && profile->unknown++ == 0)
        profile->first_unknown = name;
    int number = seccomp_tables_number(SECCOMP_NATIVE, name->text);
    if (number == -1)
        return 0;
    size_t rules = alternatives ? count : 1;
    for (size_t i = 0; i < rules; i++)
        if (seccomp_add(profile->rules, (uint32_t)number, action,
                        alternatives ? &conditions[i] : conditions,
                        alternatives ? 1 : count) == -1)
            return json_error(profile->json, name,
                              "more than %d rules or conditions",
                              SECCOMP_MOST_RULES);
    return 0;
}

/* One of "syscalls". All of it is checked, also where it does not hold here. */
static int seccomp_profile_rule(struct seccomp_profile *profile,
                                const struct json_value *rule)
{
    static const char *const keys[] = {
        "names", "name", "action", "errnoRet", "args", "includes", "excludes"};
    struct seccomp_condition conditions[SECCOMP_PROFILE_MOST_ARGS];
    const struct json_value *names, *name;
    size_t count;
    bool alternatives, included, excluded_not;
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    if (seccomp_profile_check_keys(profile, rule, keys, 7) == -1 ||
        seccomp_profile_member(profile, rule, "names", JSON_ARRAY, &names) ==
            -1 ||
        seccomp_profile_member(profile, rule, "name", JSON_STRING, &name) == -1)
        return -1;
    if ((names == NULL) == (name == NULL))
        return json_error(profile->json, rule,
                          "expected either \"names\" or \"name\"");
    const struct json_value *wanted = json_member(rule, "action");
    if (wanted == NULL)
        return json_error(profile->json, rule, "expected an \"action\"");
    if (seccomp_profile_action(profile, wanted, json_member(rule, "errnoRet"),
                               &action) == -1 ||
        seccomp_profile_conditions(profile, rule, conditions, &count,
                                   &alternatives) == -1 ||
        seccomp_profile_filter(profile, rule, "includes", &included) == -1 ||
        seccomp_profile_filter(profile, rule, "excludes", &excluded_not) == -1)
        return -1;
    if (!included || !excluded_not)
        return 0;
    if (name != NULL)
        return seccomp_profile_add(profile, name, action, conditions, count,
                                   alternatives);
    for (name = names->first; name != NULL; name = name->next)
        if (seccomp_profile_add(profile, name, action, conditions, count,
                                alternatives) == -1)
            return -1;
    return 0;
}

/* ---- The whole ---- */

/* "architectures" or "archMap" say for which others the rules hold, too. We have
 * no tables for those, and refuse all their calls; so only the form matters. */
static int seccomp_profile_architectures(const struct seccomp_profile *profile,
                                         const struct json_value *array)
{
    static const char prefix[] = "SCMP_ARCH_";
    for (const struct json_value *element = array == NULL ? NULL : array->first;
         element != NULL; element = element->next) {
        const struct json_value *name =
            element->type == JSON_OBJECT ? json_member(element, "architecture")
                                         : element;
        if (name == NULL || name->type != JSON_STRING ||
            strncmp(name->text, prefix, sizeof prefix - 1) != 0)
            return json_error(profile->json, element,
                              "expected an architecture, %s…", prefix);
    }
    return 0;
}

static int seccomp_profile_begin(struct seccomp_profile *profile,
                                 const struct json_value *root)
{
    static const char *const keys[] = {"defaultAction", "defaultErrnoRet",
                                       "architectures", "archMap", "syscalls"};
    const struct json_value *architectures, *map;
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    if (seccomp_profile_check_keys(profile, root, keys, 5) == -1 ||
        seccomp_profile_member(profile, root, "architectures", JSON_ARRAY,
                               &architectures) == -1 ||
        seccomp_profile_member(profile, root, "archMap", JSON_ARRAY, &map) ==
            -1 ||
        seccomp_profile_architectures(profile, architectures) == -1 ||
        seccomp_profile_architectures(profile, map) == -1)
        return -1;
    const struct json_value *wanted = json_member(root, "defaultAction");
    const struct json_value *number = json_member(root, "defaultErrnoRet");
    if (wanted == NULL)
        return json_error(profile->json, root, "expected a \"defaultAction\"");
    if (number != NULL && number->type != JSON_NULL &&
        json_unsigned(number, MOST_ERRNO, &profile->default_errno) == -1)
        return json_error(profile->json, number,
                          "expected an errno from 0 to %d", MOST_ERRNO);
    if (seccomp_profile_action(profile, wanted, NULL, &action) == -1)
        return -1;
    seccomp_tables_begin(profile->rules, SECCOMP_NATIVE, action);
    /* What is newer than we are was not meant by whoever wrote EPERM. */
    if ((action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
        profile->rules->unknown_action = action;
    return 0;
}

static int seccomp_profile_read_json(struct seccomp_profile *profile)
{
    const struct json_value *root = profile->json->root, *syscalls;
    struct utsname uts;
    if (uname(&uts) == -1)
        return (int)log_call(-1, "the kernel's version", "uname()");
    if (seccomp_profile_kernel(uts.release, &profile->kernel) == NULL)
        return log_error("uname(2) says that the kernel is \"%s\"",
                         uts.release);
    if (seccomp_profile_begin(profile, root) == -1 ||
        seccomp_profile_member(profile, root, "syscalls", JSON_ARRAY,
                               &syscalls) == -1)
        return -1;
    for (const struct json_value *rule = syscalls == NULL ? NULL
                                                          : syscalls->first;
         rule != NULL; rule = rule->next)
        if (seccomp_profile_rule(profile, rule) == -1)
            return -1;
    if (profile->unknown != 0)
        log_warning("%s:%u: no system call \"%s\" that we know of (%zu of the "
                    "names are not known)",
                    profile->json->name, profile->first_unknown->line,
                    profile->first_unknown->text, profile->unknown);
    return 0;
}

int seccomp_profile_read(const char *path, uint64_t capabilities,
                         struct seccomp_rules *rules)
{
    struct json *json = json_read(path, MOST_BYTES);
    if (json == NULL)
        return -1;
    struct seccomp_profile profile = {.json = json,
                                      .capabilities = capabilities,
                                      .default_errno = EPERM,
                                      .rules = rules};
    int result = seccomp_profile_read_json(&profile);
    json_free(json);
    return result;
}
