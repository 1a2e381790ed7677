#include "result.h"

const char *result_text(enum result r)
{
    switch (r) {
#define X(name, text)     \
    case RESULT_##name:   \
        return text;
        RESULT_LIST(X)
#undef X
    }
    return "unknown result";
}
