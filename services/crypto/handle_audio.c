#include "recordings.h"

/* What the body alone tells, in the order 400, 413, 415; the rest is the store's to know. */
void handle_audio_put(void *service, struct request *rq)
{
    const struct crypto_audio_put_request *body = request_body(rq);
    unsigned faults = part_faults(body->size, (struct part){ body->offset, body->data.len });
    struct field_errors errors = { .count = 0 };
    enum media media;

    if (faults & PART_OFFSET_BROKEN)
        field_errors_add(&errors, TEXT("/offset"), FIELD_BAD_FORMAT);
    if (faults & PART_OFFSET_BEYOND)
        field_errors_add(&errors, TEXT("/offset"), FIELD_OUT_OF_RANGE);
    if (faults & PART_LENGTH_BROKEN)
        field_errors_add(&errors, TEXT("/data"), FIELD_BAD_FORMAT);
    if (faults & PART_LENGTH_BEYOND)
        field_errors_add(&errors, TEXT("/data"), FIELD_TOO_LONG);
    if (errors.count > 0)
        request_fail_fields(rq, &errors);
    else if (body->size > RECORDING_MAX)
        request_fail(rq, FAULT_TOO_LARGE, "a recording has at most 10 MiB");
    else if (media_of(body->media_type, &media))
        request_fail(rq, FAULT_UNSUPPORTED_MEDIA_TYPE, NULL);
    else
        recordings_put(service, rq, media);
}

void handle_audio_get(void *service, struct request *rq)
{
    recordings_get(service, rq);
}

void handle_audio_stat(void *service, struct request *rq)
{
    recordings_stat(service, rq);
}

void handle_audio_delete(void *service, struct request *rq)
{
    recordings_delete(service, rq);
}
