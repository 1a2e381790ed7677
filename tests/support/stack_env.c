#include "stack_env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *stack_env(const char *run, const char *name)
{
    char path[1024], line[2048];
    size_t len = strlen(name);
    char *value = NULL;

    snprintf(path, sizeof(path), "%s/env", run);
    FILE *f = fopen(path, "r");
    while (f && !value && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, name, len) == 0 && line[len] == '=')
            value = strdup(line + len + 1);
    }
    if (f)
        fclose(f);
    return value;
}
