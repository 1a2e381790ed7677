/* A schema of ours as JSON Schema (draft 7, as AsyncAPI 3 takes it). */
#ifndef HLIDKA_JSON_SCHEMA_H
#define HLIDKA_JSON_SCHEMA_H

#include "schema.h"

/* The lines of an object's schema; objects in it are references to components/schemas. */
void json_schema_print(unsigned level, const struct schema *s);

#endif
