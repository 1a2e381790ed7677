#include "bytes.h"

#include <stdlib.h>

int text_compare(struct text a, struct text b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.data, b.data, common) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

char *text_dup(struct text t)
{
    char *copy = malloc(t.len + 1);

    if (!copy)
        return NULL;
    if (t.len > 0)
        memcpy(copy, t.data, t.len);
    copy[t.len] = '\0';
    return copy;
}
