#include "common/runtime/store_names.h"

#include "common/runtime/store.h"

#include <stdio.h>
#include <string.h>

bool store_names_allowed(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t length = strlen(name);
    return length > 0 && length < RECORD_NAME_BYTES &&
           strspn(name, letters) == length && strchr("_.-", name[0]) == NULL;
}

const char *store_parse_name(const char *text, void *name)
{
    if (!store_names_allowed(text))
        return "expected a letter or digit, then at most 62 of them, _ . or -";
    *(const char **)name = text;
    return NULL;
}

void store_names_make_up(uint64_t number, bool numbered, char *name,
                         size_t size)
{
    static const char *const qualities[] = {
        "able",   "agile",  "amber",  "ample",  "awake",  "bold",    "brave",
        "bright", "brisk",  "calm",   "clear",  "clever", "cosy",    "crisp",
        "daring", "deft",   "eager",  "early",  "fair",   "fleet",   "fond",
        "frank",  "fresh",  "gentle", "glad",   "golden", "grand",   "green",
        "happy",  "hardy",  "honest", "humble", "jolly",  "just",    "keen",
        "kind",   "light",  "lively", "loyal",  "lucky",  "mellow",  "merry",
        "mild",   "modest", "neat",   "nimble", "noble",  "patient", "plain",
        "polite", "proud",  "quick",  "quiet",  "ready",  "serene",  "sharp",
        "silent", "smooth", "steady", "sunny",  "swift",  "tidy",    "warm",
        "wise",
    };
    static const char *const birds[] = {
        "avocet", "bittern",  "brambling", "bunting",  "buzzard",
        "chough", "coot",     "crane",     "creeper",  "crossbill",
        "cuckoo", "curlew",   "dipper",    "dotterel", "dove",
        "dunlin", "eagle",    "eider",     "falcon",   "finch",
        "fulmar", "gannet",   "godwit",    "goose",    "grebe",
        "gull",   "harrier",  "heron",     "hobby",    "hoopoe",
        "ibis",   "jackdaw",  "jay",       "kestrel",  "kite",
        "knot",   "lapwing",  "lark",      "linnet",   "magpie",
        "martin", "merlin",   "osprey",    "ouzel",    "owl",
        "petrel", "pipit",    "plover",    "puffin",   "quail",
        "raven",  "redstart", "robin",     "rook",     "sanderling",
        "shrike", "siskin",   "snipe",     "starling", "swallow",
        "teal",   "tern",     "thrush",    "wren",
    };
    size_t quality_count = sizeof qualities / sizeof qualities[0];
    size_t bird_count = sizeof birds / sizeof birds[0];
    int length =
        snprintf(name, size, "%s_%s", qualities[number % quality_count],
                 birds[number / quality_count % bird_count]);
    if (numbered)
        snprintf(name + length, size - (size_t)length, "_%u",
                 (unsigned)(number / quality_count / bird_count % 10000));
}
