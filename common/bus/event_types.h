/* The types of security events (protocol.md section 8). */
#ifndef HLIDKA_EVENT_TYPES_H
#define HLIDKA_EVENT_TYPES_H

#include "bytes.h"

/* One of the contract's types, or any of [a-z0-9_.] under `app.`, at most 64. */
bool event_type_known(struct text type);

/* Written by audit into its own log, and never taken from anybody. */
bool event_type_audit_alone(struct text type);

#endif
