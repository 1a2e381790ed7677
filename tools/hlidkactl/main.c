/* hlidkactl: the operator's command. A table of commands and nothing else; each lives in cmd_<name>.c. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "entropy.h"

static const struct command COMMANDS[] = {
    { "keygen", "make a principal's keys", cmd_keygen },
    { "topics", "make and correct the bus's topics", cmd_topics },
    { "call", "ask a service, print its answer", cmd_call },
    { "tail", "print what comes on a topic", cmd_tail },
    { "events", "tail: print what audit records", cmd_events },
    { "alerts", "tail: print what the rules raise", cmd_alerts },
    { "bench", "ask again and again, say how fast", cmd_bench },
    { "tour", "act as an app's backend, step by step", cmd_tour },
};

static void print_help(FILE *to)
{
    fputs("usage: hlidkactl COMMAND [ARGUMENTS]\n\n", to);
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
        fprintf(to, "  %-8s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
    fputs("\n`hlidkactl COMMAND --help` says more. Exit codes of every command:\n"
          "  0  done\n"
          "  1  the service refused (status 400 or more), or a check failed\n"
          "  2  wrong arguments, or files and settings that cannot be used\n"
          "  3  no answer within the deadline\n"
          "  4  the brokers cannot be reached, or refuse\n", to);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (entropy_start()) {
        complain("libsodium cannot be used on this machine");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0)
            return COMMANDS[i].run(argc - 1, argv + 1);
    }
    complain("no command `%s` (hlidkactl --help)", argv[1]);
    return EXIT_USAGE;
}
