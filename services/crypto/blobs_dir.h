/*
 * Blobs as files of a directory: <dir>/<first two hex digits>/<32 hex digits>, mode 0600, and <dir>/store-id. Written as
 * an unnamed file, synced, then linked, and the directory synced: a name stands for a whole file, whenever the power goes.
 */
#ifndef HLIDKA_BLOBS_DIR_H
#define HLIDKA_BLOBS_DIR_H

#include "blobs.h"
#include "buffer.h"

/* Makes the subdirectories. RESULT_NOT_FOUND, RESULT_DENIED, RESULT_IO with `why`; RESULT_NO_MEMORY. */
MUST_USE enum result blobs_dir_open(const char *path, struct blobs **out, struct buffer *why);

#endif
