#include "qr.h"

#include "secret.h"

#define VERSIONS 30
#define CODEWORDS_MAX 2185              /* of version 30 */
#define ECC_MAX 30

/* ISO/IEC 18004, table 9, level M: error correction codewords of a block, and blocks. */
static const uint8_t ECC_LEN[VERSIONS] = {
    10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28, 28,
};
static const uint8_t BLOCKS[VERSIONS] = {
    1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29,
};

/* At work: which modules are of the patterns, and so hold no data. */
struct drawing {
    struct qr *q;
    unsigned version;                   /* from 1 */
    uint8_t pattern[QR_SIZE_MAX][QR_SIZE_MAX];
    uint8_t codewords[CODEWORDS_MAX];
    size_t count, data_count;
};

/* ---- how much a version holds ------------------------------------------------------------------------------------ */

static unsigned alignments(unsigned version)
{
    return version == 1 ? 0 : version / 7 + 2;
}

/* Centres of the alignment patterns along one side (annex E). */
static unsigned alignment_at(unsigned version, unsigned i)
{
    unsigned n = alignments(version), last = version * 4 + 10;
    unsigned step = (version * 4 + n * 2 + 1) / (n * 2 - 2) * 2;

    return i == 0 ? 6 : last - step * (n - 1 - i);
}

static size_t codewords_of(unsigned version)
{
    size_t side = version * 4 + 17, modules = side * side - 3 * 64 - 2 * 15 - 1 - 2 * (side - 16);
    size_t n = alignments(version);

    if (n > 0)                          /* those on the timing patterns share five modules with them */
        modules -= (n * n - 3) * 25 - (n - 2) * 2 * 5;
    if (version >= 7)
        modules -= 2 * 18;
    return modules / 8;
}

static size_t data_codewords_of(unsigned version)
{
    return codewords_of(version) - (size_t)ECC_LEN[version - 1] * BLOCKS[version - 1];
}

/* ---- codewords --------------------------------------------------------------------------------------------------- */

struct bits {
    uint8_t *out;
    size_t count;
};

static void put(struct bits *b, uint32_t value, unsigned width)
{
    while (width-- > 0) {
        b->out[b->count / 8] |= (uint8_t)((value >> width & 1) << (7 - b->count % 8));
        b->count++;
    }
}

static void put_text(struct drawing *d, struct bytes text)
{
    struct bits b = { d->codewords, 0 };

    put(&b, 4, 4);
    put(&b, (uint32_t)text.len, d->version < 10 ? 8 : 16);
    for (size_t i = 0; i < text.len; i++)
        put(&b, text.data[i], 8);
    size_t left = d->data_count * 8 - b.count;
    put(&b, 0, left < 4 ? (unsigned)left : 4);
    b.count = (b.count + 7) / 8 * 8;
    for (bool even = true; b.count < d->data_count * 8; even = !even)
        put(&b, even ? 0xec : 0x11, 8);
}

/* GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned product = 0;

    for (int i = 7; i >= 0; i--) {
        product = product << 1 ^ (product >> 7) * 0x11d;
        product ^= b >> i & 1 ? a : 0u;
    }
    return (uint8_t)product;
}

/* The polynomial with the roots 2^0 … 2^(degree-1), without its leading 1, highest power first. */
static void generator(unsigned degree, uint8_t out[ECC_MAX])
{
    uint8_t root = 1;

    memset(out, 0, ECC_MAX);
    out[degree - 1] = 1;
    for (unsigned i = 0; i < degree; i++, root = multiply(root, 2))
        for (unsigned j = 0; j < degree; j++)
            out[j] = (uint8_t)(multiply(out[j], root) ^ (j + 1 < degree ? out[j + 1] : 0));
}

static void remainder_of(const uint8_t *data, size_t len, const uint8_t *divisor, unsigned degree, uint8_t out[ECC_MAX])
{
    memset(out, 0, ECC_MAX);
    for (size_t i = 0; i < len; i++) {
        uint8_t factor = data[i] ^ out[0];

        memmove(out, out + 1, degree - 1);
        out[degree - 1] = 0;
        for (unsigned j = 0; j < degree; j++)
            out[j] ^= multiply(divisor[j], factor);
    }
}

/* Blocks with their error correction, interleaved (section 7.6); the first ones are a data codeword shorter. */
static void interleave(struct drawing *d)
{
    unsigned blocks = BLOCKS[d->version - 1], ecc_len = ECC_LEN[d->version - 1];
    size_t shorter = d->data_count / blocks, longer = d->data_count % blocks, from = 0;
    uint8_t out[CODEWORDS_MAX] = { 0 }, divisor[ECC_MAX], ecc[ECC_MAX];

    generator(ecc_len, divisor);
    for (size_t b = 0; b < blocks; b++) {
        size_t len = shorter + (b >= blocks - longer);

        for (size_t i = 0; i < len; i++)
            out[i < shorter ? i * blocks + b : shorter * blocks + b - (blocks - longer)] = d->codewords[from + i];
        remainder_of(d->codewords + from, len, divisor, ecc_len, ecc);
        for (size_t i = 0; i < ecc_len; i++)
            out[d->data_count + i * blocks + b] = ecc[i];
        from += len;
    }
    memcpy(d->codewords, out, d->count);
    secret_wipe(out, sizeof(out));
}

/* ---- patterns ---------------------------------------------------------------------------------------------------- */

static void fix(struct drawing *d, unsigned x, unsigned y, bool dark)
{
    d->q->dark[y][x] = dark;
    d->pattern[y][x] = 1;
}

static unsigned apart(unsigned a, unsigned b)
{
    return a > b ? a - b : b - a;
}

/* Rings around a centre; what is beyond the edge is left out. */
static void draw_rings(struct drawing *d, unsigned cx, unsigned cy, unsigned radius, unsigned light, unsigned light_too)
{
    for (unsigned y = cy < radius ? 0 : cy - radius; y <= cy + radius && y < d->q->size; y++)
        for (unsigned x = cx < radius ? 0 : cx - radius; x <= cx + radius && x < d->q->size; x++) {
            unsigned ring = apart(x, cx) > apart(y, cy) ? apart(x, cx) : apart(y, cy);

            fix(d, x, y, ring != light && ring != light_too);
        }
}

static void draw_patterns(struct drawing *d)
{
    unsigned size = d->q->size, n = alignments(d->version);

    for (unsigned i = 0; i < size; i++) {
        fix(d, 6, i, i % 2 == 0);
        fix(d, i, 6, i % 2 == 0);
    }
    draw_rings(d, 3, 3, 4, 2, 4);
    draw_rings(d, size - 4, 3, 4, 2, 4);
    draw_rings(d, 3, size - 4, 4, 2, 4);
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            if (!(i == 0 && j == 0) && !(i == 0 && j == n - 1) && !(i == n - 1 && j == 0))
                draw_rings(d, alignment_at(d->version, i), alignment_at(d->version, j), 2, 1, 1);
}

/* value ‖ its remainder by the BCH code's generator. */
static uint32_t with_check(uint32_t value, unsigned width, uint32_t polynomial)
{
    uint32_t r = value;

    for (unsigned i = 0; i < width; i++)
        r = r << 1 ^ (r >> (width - 1)) * polynomial;
    return value << width | r;
}

/* Section 7.9: level M is 00. */
static void draw_format(struct drawing *d, unsigned mask)
{
    uint32_t bits = with_check(mask, 10, 0x537) ^ 0x5412;
    unsigned size = d->q->size;

    for (unsigned i = 0; i < 15; i++) {
        bool dark = bits >> i & 1;

        if (i < 6)
            fix(d, 8, i, dark);
        else if (i < 8)
            fix(d, 8, i + 1, dark);
        else if (i == 8)
            fix(d, 7, 8, dark);
        else
            fix(d, 14 - i, 8, dark);
        if (i < 8)
            fix(d, size - 1 - i, 8, dark);
        else
            fix(d, 8, size - 15 + i, dark);
    }
    fix(d, 8, size - 8, true);
}

/* Section 7.10. */
static void draw_version(struct drawing *d)
{
    uint32_t bits = with_check(d->version, 12, 0x1f25);

    if (d->version < 7)
        return;
    for (unsigned i = 0; i < 18; i++) {
        unsigned far = d->q->size - 11 + i % 3, near = i / 3;

        fix(d, far, near, bits >> i & 1);
        fix(d, near, far, bits >> i & 1);
    }
}

/* ---- data and masks ---------------------------------------------------------------------------------------------- */

/* Two columns at a time from the right, up and down by turns, past the vertical timing pattern. */
static void draw_codewords(struct drawing *d)
{
    unsigned size = d->q->size;
    size_t bit = 0;

    for (unsigned right = size - 1; right >= 1 && right < size; right -= 2) {
        if (right == 6)
            right = 5;
        bool upward = ((right + 1) & 2) == 0;
        for (unsigned i = 0; i < size; i++)
            for (unsigned side = 0; side < 2; side++) {
                unsigned x = right - side, y = upward ? size - 1 - i : i;

                if (d->pattern[y][x])
                    continue;
                d->q->dark[y][x] = bit < d->count * 8 && (d->codewords[bit / 8] >> (7 - bit % 8) & 1);
                bit++;
            }
    }
}

static bool masked(unsigned mask, unsigned x, unsigned y)
{
    switch (mask) {
    case 0:
        return (x + y) % 2 == 0;
    case 1:
        return y % 2 == 0;
    case 2:
        return x % 3 == 0;
    case 3:
        return (x + y) % 3 == 0;
    case 4:
        return (x / 3 + y / 2) % 2 == 0;
    case 5:
        return x * y % 2 + x * y % 3 == 0;
    case 6:
        return (x * y % 2 + x * y % 3) % 2 == 0;
    default:
        return ((x + y) % 2 + x * y % 3) % 2 == 0;
    }
}

/* Twice is not at all. */
static void apply_mask(struct drawing *d, unsigned mask)
{
    for (unsigned y = 0; y < d->q->size; y++)
        for (unsigned x = 0; x < d->q->size; x++)
            d->q->dark[y][x] ^= !d->pattern[y][x] && masked(mask, x, y);
    draw_format(d, mask);
}

static void choose_mask(struct drawing *d)
{
    unsigned best = 0, least = UINT32_MAX;

    for (unsigned mask = 0; mask < 8; mask++) {
        apply_mask(d, mask);
        unsigned penalty = qr_penalty(d->q);
        if (penalty < least) {
            least = penalty;
            best = mask;
        }
        apply_mask(d, mask);
    }
    apply_mask(d, best);
}

enum result qr_encode(struct bytes text, struct qr *out)
{
    struct drawing d = { .q = out, .version = 1 };
    size_t header = 4 + 8;

    for (; d.version <= VERSIONS; d.version++) {
        header = d.version < 10 ? 4 + 8 : 4 + 16;
        d.data_count = data_codewords_of(d.version);
        if (header + text.len * 8 <= d.data_count * 8)
            break;
    }
    if (d.version > VERSIONS)
        return RESULT_TOO_LARGE;
    d.count = codewords_of(d.version);
    *out = (struct qr){ .size = d.version * 4 + 17 };
    put_text(&d, text);
    interleave(&d);
    draw_patterns(&d);
    draw_format(&d, 0);                 /* its place, before data goes around it */
    draw_version(&d);
    draw_codewords(&d);
    choose_mask(&d);
    secret_wipe(&d, sizeof(d));
    return RESULT_OK;
}
