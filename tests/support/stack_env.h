/* A running stack's env file, for programs that meet it from outside. */
#ifndef HLIDKA_TEST_STACK_ENV_H
#define HLIDKA_TEST_STACK_ENV_H

/* The value of that name in RUN/env: paths and addresses, which it has no need to quote. To be freed; NULL: not there. */
char *stack_env(const char *run, const char *name);

#endif
