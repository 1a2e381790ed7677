/* UTF-8 (RFC 3629): no over-long forms, no surrogates, nothing above U+10FFFF. */
#ifndef HLIDKA_UTF8_H
#define HLIDKA_UTF8_H

#include "bytes.h"

bool utf8_valid(struct text t);

/* Characters (code points) of valid UTF-8. */
size_t utf8_length(struct text t);

#endif
