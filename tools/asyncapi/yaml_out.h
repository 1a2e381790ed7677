/*
 * YAML in the plainest form: maps and lists by indentation, two spaces a level, texts in double quotes.
 */
#ifndef HLIDKA_YAML_OUT_H
#define HLIDKA_YAML_OUT_H

#include "bytes.h"

/* One line at a level, formatted. */
void yaml_line(unsigned level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `key: "value"`, escaped. */
void yaml_text(unsigned level, const char *key, const char *value);

/* `key: { $ref: "#/…" }`, the rest formatted. */
void yaml_ref(unsigned level, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* `- $ref: "#/…"` */
void yaml_ref_item(unsigned level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
