/* What a load is asked to do, from its command line and from the env file of the stack that it is to meet. */
#ifndef HLIDKA_LOAD_OPTIONS_H
#define HLIDKA_LOAD_OPTIONS_H

#include <stdint.h>

struct load_options {
    const char *run, *report;           /* directory of the stack; file to write */
    const char *principal, *endpoint;
    unsigned users;                     /* that take turns; one that has had its share makes room for a new one */
    unsigned each;                      /* that share; 0: of half of them 2/5 of the limit, of half 4/3 */
    unsigned rate;                      /* a second; 0: as fast as in_flight lets it */
    unsigned count, seconds;            /* ends with either; count 0: without end */
    unsigned in_flight, deadline_ms;
    unsigned cost, limit;               /* of a request; of the one enforcing policy that it meets */
    unsigned repeat_every;              /* of the allowed, to be asked again; 0: none */
    unsigned scatter;                   /* 1: each request to any partition, not its user's */
    unsigned settle_ms;                 /* before the peeks: time for what comes late */
    char *brokers, *prefix, *principals, *key;
};

/* Ends the program with 2 and words on stderr when something is wrong. The four strings are the caller's to free. */
struct load_options load_options_parse(int argc, char **argv);

void load_die(const char *what, const char *why) __attribute__((noreturn));

#endif
