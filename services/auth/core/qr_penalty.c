#include "qr.h"

/* Section 7.8.3.1, table 11. */
enum { RUN = 3, BLOCK = 3, FINDER = 40, BALANCE = 10 };

static bool at(const struct qr *q, unsigned line, unsigned i, bool down)
{
    return down ? q->dark[i][line] : q->dark[line][i];
}

static unsigned run_penalty(unsigned length)
{
    return length >= 5 ? RUN + length - 5 : 0;
}

/* 1011101 with four light ones on a side; what is beyond the edge is light. */
static bool like_finder(const struct qr *q, unsigned line, unsigned from, bool down)
{
    static const uint8_t PATTERN[] = { 1, 0, 1, 1, 1, 0, 1 };
    bool before = true, after = true;

    for (unsigned i = 0; i < 7; i++)
        if (at(q, line, from + i, down) != PATTERN[i])
            return false;
    for (unsigned i = 1; i <= 4; i++) {
        before &= from < i || !at(q, line, from - i, down);
        after &= from + 6 + i >= q->size || !at(q, line, from + 6 + i, down);
    }
    return before || after;
}

static unsigned line_penalty(const struct qr *q, unsigned line, bool down)
{
    unsigned sum = 0, length = 1;

    for (unsigned i = 1; i < q->size; i++)
        if (at(q, line, i, down) == at(q, line, i - 1, down)) {
            length++;
        } else {
            sum += run_penalty(length);
            length = 1;
        }
    sum += run_penalty(length);
    for (unsigned i = 0; i + 7 <= q->size; i++)
        sum += like_finder(q, line, i, down) ? FINDER : 0;
    return sum;
}

unsigned qr_penalty(const struct qr *q)
{
    unsigned sum = 0, dark = 0, all = q->size * q->size;

    for (unsigned i = 0; i < q->size; i++)
        sum += line_penalty(q, i, false) + line_penalty(q, i, true);
    for (unsigned y = 0; y + 1 < q->size; y++)
        for (unsigned x = 0; x + 1 < q->size; x++) {
            int four = q->dark[y][x] + q->dark[y][x + 1] + q->dark[y + 1][x] + q->dark[y + 1][x + 1];

            sum += four % 4 == 0 ? BLOCK : 0;
        }
    for (unsigned y = 0; y < q->size; y++)
        for (unsigned x = 0; x < q->size; x++)
            dark += q->dark[y][x];
    unsigned off = dark * 2 > all ? dark * 2 - all : all - dark * 2;
    return sum + off * 10 / all * BALANCE;      /* for each 5 % off one half */
}
