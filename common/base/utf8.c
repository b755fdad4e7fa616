#include "common/base/utf8.h"

size_t utf8_length(const char *text, size_t size)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high, length;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *c = (const unsigned char *)text;
    for (size_t i = 0; size > 0 && i < sizeof forms / sizeof forms[0]; i++) {
        size_t length = forms[i].length;
        if (*c < forms[i].first_low || *c > forms[i].first_high)
            continue;
        if (length > size || (length > 1 && (c[1] < forms[i].second_low ||
                                             c[1] > forms[i].second_high)))
            return 0;
        for (size_t j = 2; j < length; j++)
            if ((c[j] & 0xc0) != 0x80)
                return 0;
        return length;
    }
    return 0;
}

unsigned utf8_number(const char *character, size_t length)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned number = (unsigned char)*character & masks[length];
    for (size_t i = 1; i < length; i++)
        number = number << 6 | ((unsigned char)character[i] & 0x3f);
    return number;
}

bool utf8_is_obeyed(const char *character, size_t length)
{
    unsigned number = utf8_number(character, length);
    return number < ' ' || (number >= 0x7f && number < 0xa0) ||
           number == 0x061c || number == 0x200e || number == 0x200f ||
           (number >= 0x2028 && number <= 0x202e) || /* two end a line */
           (number >= 0x2066 && number <= 0x2069);
}
