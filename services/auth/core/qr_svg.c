#include "qr.h"

#define QUIET 4                         /* section 9.1 */

/* A rectangle for each run of dark modules. */
static enum result append_row(const struct qr *q, unsigned y, struct buffer *out)
{
    enum result r = RESULT_OK;

    for (unsigned x = 0, length; !r && x < q->size; x += length) {
        for (length = 1; x + length < q->size && q->dark[y][x + length] == q->dark[y][x]; length++)
            ;
        if (q->dark[y][x])
            r = buffer_printf(out, "M%u %uh%uv1h-%uz", x + QUIET, y + QUIET, length, length);
    }
    return r;
}

enum result qr_svg(const struct qr *q, struct buffer *out)
{
    unsigned side = q->size + 2 * QUIET;
    enum result r = buffer_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\""
                                  " shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%uv%uH0z\"/><path d=\"",
                                  side, side, side, side);

    for (unsigned y = 0; !r && y < q->size; y++)
        r = append_row(q, y, out);
    return r ? r : buffer_append_text(out, TEXT("\"/></svg>"));
}
