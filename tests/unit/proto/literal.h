/*
 * msgpack written as text, so that a table of cases can be read:
 *
 *     {'user_id': 'u-1', 'cost': -1, 'data': b'OggS', 'long': 'r'*65, 'ok': true, 'x': null}
 *
 * %hh in a string is a byte. A string, a bin or a list may be repeated by *N. <hh hh> is bytes as they are.
 */
#ifndef HLIDKA_TEST_LITERAL_H
#define HLIDKA_TEST_LITERAL_H

#include "buffer.h"

/* Replaces what is in out. Aborts the test on a literal that cannot be read. */
struct bytes literal(const char *text, struct buffer *out);

#endif
