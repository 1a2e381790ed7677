#include "codes.h"

static const struct fault_info infos[FAULT_COUNT] = {
#define X(name, text, status, title) { { text, sizeof(text) - 1 }, status, { title, sizeof(title) - 1 } },
    FAULT_LIST(X)
#undef X
};

const struct fault_info *fault_info(enum fault_code code)
{
    return &infos[code < FAULT_COUNT ? code : FAULT_INTERNAL];
}

enum fault_code fault_find(struct text code)
{
    unsigned i;

    for (i = 0; i < FAULT_COUNT; i++) {
        if (text_equal(infos[i].code, code))
            break;
    }
    return (enum fault_code)i;
}

void field_errors_add(struct field_errors *errors, struct text pointer, enum field_code code)
{
    if (errors->count == FIELD_ERRORS_MAX)
        return;
    for (size_t i = 0; i < errors->count; i++) {
        if (errors->items[i].code == code && text_equal(errors->items[i].pointer, pointer))
            return;
    }
    errors->items[errors->count++] = (struct field_error){ .pointer = pointer, .code = code };
}
