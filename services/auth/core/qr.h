/*
 * A text as a QR code (ISO/IEC 18004, model 2), drawn as SVG: byte mode, error correction level M, the smallest version that
 * holds it, the mask with the least penalty, a quiet zone of four modules, black on white.
 */
#ifndef HLIDKA_AUTH_QR_H
#define HLIDKA_AUTH_QR_H

#include "buffer.h"

#define QR_SIZE_MAX 137                 /* modules across, of version 30 */
#define QR_TEXT_MAX 1370

/* Row by row, 1 for dark; wiped by who holds it, when the text is a secret. */
struct qr {
    unsigned size;
    uint8_t dark[QR_SIZE_MAX][QR_SIZE_MAX];
};

/* RESULT_TOO_LARGE over QR_TEXT_MAX. */
MUST_USE enum result qr_encode(struct bytes text, struct qr *out);

/* How hard it would be to read (section 7.8.3); the less, the better. */
unsigned qr_penalty(const struct qr *q);

/* Appends `<svg …>…</svg>`. Errors as buffer_append. */
MUST_USE enum result qr_svg(const struct qr *q, struct buffer *out);

#endif
