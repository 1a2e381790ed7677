/* Which filters a query named: bits as they are stored, and their names as `audit.queried` tells them. */
#ifndef HLIDKA_QUERY_FILTERS_H
#define HLIDKA_QUERY_FILTERS_H

#include "bytes.h"

enum query_filter { FILTER_TYPE = 1, FILTER_USER_ID = 2, FILTER_IP = 4, FILTER_OUTCOME = 8 };

#define QUERY_FILTERS_TEXT_MAX 32

/* "type,user_id"; returns the length. Unknown bits say nothing. */
size_t query_filters_text(unsigned filters, char out[QUERY_FILTERS_TEXT_MAX]);

#endif
