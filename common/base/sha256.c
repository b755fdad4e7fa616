#include "common/base/sha256.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN) && \
    (!defined(__clang__) || __clang_major__ >= 16 ||        \
     defined(__ARM_FEATURE_SHA2))
/* Before 16, clang has these intrinsics only where the whole file is compiled
 * for processors that are known to have the instructions. */
#define SHA256_ARMV8
#include <arm_neon.h>
#include <sys/auxv.h>
#endif

/* The first 32 bits of the fractional parts of the cube roots of the first 64
 * primes. FIPS 180-4, 4.2.2. */
static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* ---- Portable: the standard, word for word (6.2.2) ---- */

static uint32_t sha256_rotate(uint32_t x, int bits)
{
    return x >> bits | x << (32 - bits);
}

static void sha256_schedule(const unsigned char *block, uint32_t w[64])
{
    for (size_t t = 0; t < 16; t++)
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
               (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
    for (int t = 16; t < 64; t++) {
        uint32_t near = w[t - 2], far = w[t - 15];
        w[t] =
            w[t - 16] + w[t - 7] +
            (sha256_rotate(near, 17) ^ sha256_rotate(near, 19) ^ near >> 10) +
            (sha256_rotate(far, 7) ^ sha256_rotate(far, 18) ^ far >> 3);
    }
}

static void sha256_blocks_portable(uint32_t state[8], const unsigned char *data,
                                   size_t blocks)
{
    uint32_t w[64];
    for (; blocks > 0; blocks--, data += 64) {
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        sha256_schedule(data, w);
        for (int t = 0; t < 64; t++) {
            uint32_t one = h + round_constants[t] + w[t] + (g ^ (e & (f ^ g))) +
                           (sha256_rotate(e, 6) ^ sha256_rotate(e, 11) ^
                            sha256_rotate(e, 25));
            uint32_t two = ((a & b) | (c & (a | b))) + (sha256_rotate(a, 2) ^
                                                        sha256_rotate(a, 13) ^
                                                        sha256_rotate(a, 22));
            h = g;
            g = f;
            f = e;
            e = d + one;
            d = c;
            c = b;
            b = a;
            a = one + two;
        }
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }
}

/* ---- x86-64 ---- */

#if defined(__x86_64__)
static const char special_name[] = "SHA-NI";

static bool sha256_has_special(void)
{
    enum { SSSE3 = 1 << 9, SSE4_1 = 1 << 19, SHA = 1 << 29 };
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (~c & (SSSE3 | SSE4_1)) != 0)
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & SHA) != 0;
}

/* The instruction for two rounds wants the eight words as {f,e,b,a} and
 * {h,g,d,c}, lowest first, and returns the first of these two; what was the first
 * is then the second. Four rounds take four words of the message, and those
 * are in turn computed from the sixteen before them. */
__attribute__((target("sha,sse4.1,ssse3"))) static void
sha256_blocks_special(uint32_t state[8], const unsigned char *data,
                      size_t blocks)
{
    const __m128i big_endian =
        _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i badc = _mm_shuffle_epi32(
        _mm_loadu_si128((const __m128i *)(const void *)&state[0]), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(
        _mm_loadu_si128((const __m128i *)(const void *)&state[4]), 0x1b);
    __m128i feba = _mm_alignr_epi8(badc, hgfe, 8);
    __m128i hgdc = _mm_blend_epi16(hgfe, badc, 0xf0);
    for (; blocks > 0; blocks--, data += 64) {
        __m128i old_feba = feba, old_hgdc = hgdc, w[4];
#pragma GCC unroll 16
        for (size_t group = 0; group < 16; group++) {
            __m128i *now = &w[group % 4];
            if (group < 4) {
                const void *words = data + 16 * group;
                *now = _mm_shuffle_epi8(_mm_loadu_si128(words), big_endian);
            } else {
                __m128i before = w[(group + 3) % 4];
                __m128i seventh =
                    _mm_alignr_epi8(before, w[(group + 2) % 4], 4);
                *now = _mm_sha256msg1_epu32(*now, w[(group + 1) % 4]);
                *now =
                    _mm_sha256msg2_epu32(_mm_add_epi32(*now, seventh), before);
            }
            const void *constants = &round_constants[4 * group];
            __m128i sum = _mm_add_epi32(*now, _mm_load_si128(constants));
            hgdc = _mm_sha256rnds2_epu32(hgdc, feba, sum);
            sum = _mm_shuffle_epi32(sum, 0x0e);
            feba = _mm_sha256rnds2_epu32(feba, hgdc, sum);
        }
        feba = _mm_add_epi32(feba, old_feba);
        hgdc = _mm_add_epi32(hgdc, old_hgdc);
    }
    __m128i abef = _mm_shuffle_epi32(feba, 0x1b);
    __m128i ghcd = _mm_shuffle_epi32(hgdc, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)&state[0],
                     _mm_blend_epi16(abef, ghcd, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)&state[4],
                     _mm_alignr_epi8(ghcd, abef, 8));
}

/* ---- ARMv8 ---- */

#elif defined(SHA256_ARMV8)
static const char special_name[] = "ARMv8";

static bool sha256_has_special(void)
{
    enum { SHA2 = 1 << 6 }; /* HWCAP_SHA2; musl has no name for it */
    return (getauxval(AT_HWCAP) & SHA2) != 0;
}

__attribute__((target("+crypto"))) static void
sha256_blocks_special(uint32_t state[8], const unsigned char *data,
                      size_t blocks)
{
    uint32x4_t abcd = vld1q_u32(&state[0]), efgh = vld1q_u32(&state[4]);
    for (; blocks > 0; blocks--, data += 64) {
        uint32x4_t old_abcd = abcd, old_efgh = efgh, w[4];
#pragma GCC unroll 16
        for (size_t group = 0; group < 16; group++) {
            uint32x4_t *now = &w[group % 4];
            if (group < 4)
                *now = vreinterpretq_u32_u8(
                    vrev32q_u8(vld1q_u8(data + 16 * group)));
            else
                *now =
                    vsha256su1q_u32(vsha256su0q_u32(*now, w[(group + 1) % 4]),
                                    w[(group + 2) % 4], w[(group + 3) % 4]);
            uint32x4_t sum =
                vaddq_u32(*now, vld1q_u32(&round_constants[4 * group]));
            uint32x4_t before = abcd;
            abcd = vsha256hq_u32(abcd, efgh, sum);
            efgh = vsha256h2q_u32(efgh, before, sum);
        }
        abcd = vaddq_u32(abcd, old_abcd);
        efgh = vaddq_u32(efgh, old_efgh);
    }
    vst1q_u32(&state[0], abcd);
    vst1q_u32(&state[4], efgh);
}

/* ---- Any other processor ---- */

#else
static const char special_name[] = "portable";

static bool sha256_has_special(void)
{
    return false;
}

#define sha256_blocks_special sha256_blocks_portable
#endif

/* ---- Whichever there is ---- */

typedef void sha256_blocks_function(uint32_t state[8],
                                    const unsigned char *data, size_t blocks);

static sha256_blocks_function sha256_blocks_first;
static sha256_blocks_function *sha256_blocks = sha256_blocks_first;

static void sha256_choose(void)
{
    sha256_blocks =
        sha256_has_special() ? sha256_blocks_special : sha256_blocks_portable;
}

static void sha256_blocks_first(uint32_t state[8], const unsigned char *data,
                                size_t blocks)
{
    sha256_choose();
    sha256_blocks(state, data, blocks);
}

const char *sha256_implementation(void)
{
    if (sha256_blocks == sha256_blocks_first)
        sha256_choose();
    return sha256_blocks == sha256_blocks_portable ? "portable" : special_name;
}

void sha256_use_portable(void)
{
    sha256_blocks = sha256_blocks_portable;
}

/* ---- The message, cut into blocks ---- */

void sha256_start(struct sha256 *hash)
{
    /* The square roots of the first eight primes, likewise. 5.3.3. */
    *hash = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                      0xa54ff53a, 0x510e527f, 0x9b05688c,
                                      0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    size_t used = hash->length % 64;
    if (size == 0)
        return;
    hash->length += size;
    if (used > 0) {
        size_t fill = size < 64 - used ? size : 64 - used;
        memcpy(hash->block + used, bytes, fill);
        if (used + fill < 64)
            return;
        sha256_blocks(hash->state, hash->block, 1);
        bytes += fill;
        size -= fill;
    }
    if (size >= 64)
        sha256_blocks(hash->state, bytes, size / 64);
    memcpy(hash->block, bytes + size / 64 * 64, size % 64);
}

void sha256_finish(struct sha256 *hash, unsigned char digest[SHA256_BYTES])
{
    /* A one bit, zeros, and the length in bits as a big-endian number. 5.1.1. */
    unsigned char end[64 + 8] = {0x80};
    uint64_t bits = hash->length * 8;
    size_t zeros = (64 + 56 - hash->length % 64 - 1) % 64 + 1;
    for (int i = 0; i < 8; i++)
        end[zeros + (size_t)i] = (unsigned char)(bits >> (56 - 8 * i));
    sha256_add(hash, end, zeros + 8);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        digest[i] = (unsigned char)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_text(const unsigned char digest[SHA256_BYTES],
                 char text[SHA256_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[SHA256_TEXT - 1] = '\0';
}

void sha256_of(const void *data, size_t size, char text[SHA256_TEXT])
{
    unsigned char digest[SHA256_BYTES];
    struct sha256 hash;
    sha256_start(&hash);
    sha256_add(&hash, data, size);
    sha256_finish(&hash, digest);
    sha256_text(digest, text);
}

bool sha256_is_text(const char *text)
{
    return strspn(text, "0123456789abcdef") == SHA256_TEXT - 1 &&
           text[SHA256_TEXT - 1] == '\0';
}

const char *sha256_parse(const char *text)
{
    static const char algorithm[] = "sha256:";
    const char *digits = text + sizeof algorithm - 1;
    return strncmp(text, algorithm, sizeof algorithm - 1) == 0 &&
                   sha256_is_text(digits)
               ? digits
               : NULL;
}
