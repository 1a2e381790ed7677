#include "codec.h"

#define STATUS_OK 200

enum result reply_encode_ok(const struct schema *s, const void *result, struct mp_writer *w)
{
    mp_put_map(w, 2);
    mp_put_text(w, TEXT("status"));
    mp_put_uint(w, STATUS_OK);
    mp_put_text(w, TEXT("result"));
    return body_encode(s, result, w);
}

enum result reply_encode_fault(const struct fault *fault, struct mp_writer *w)
{
    const struct fault_info *info = fault_info(fault->code);
    struct reply reply = {
        .status = info->status,
        .has_error = true,
        .error = { .code = info->code, .title = info->title, .detail = fault->detail },
    };

    if (fault->retry_after_ms > 0) {
        reply.error.has_retry_after_ms = true;
        reply.error.retry_after_ms = (uint64_t)fault->retry_after_ms;
    }
    if (fault->errors && fault->errors->count > 0) {
        reply.error.has_errors = true;
        reply.error.errors.items = (struct field_error *)fault->errors->items;
        reply.error.errors.count = fault->errors->count;
    }
    return body_encode(&schema_reply, &reply, w);
}

enum result reply_decode(struct bytes body, struct arena *a, struct reply *out)
{
    struct field_errors errors;
    enum result r = body_decode(&schema_reply, body, a, out, &errors);

    if (r)
        return r;
    return (out->status == STATUS_OK) == (out->result.data != NULL) ? RESULT_OK : RESULT_MALFORMED;
}
