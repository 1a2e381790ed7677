/* What --health does. */
#ifndef HLIDKA_HEALTH_H
#define HLIDKA_HEALTH_H

/* Asks the instance at that admin address whether it is ready, prints what it says; 0, or 1. */
int health_ask(const char *admin);

#endif
