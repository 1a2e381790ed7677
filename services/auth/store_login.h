/* What logins have in common, whether they make a session or not. */
#ifndef HLIDKA_STORE_LOGIN_H
#define HLIDKA_STORE_LOGIN_H

#include "store_people.h"

/* As it stands in sessions.login_method, and in events. */
struct text login_method_text(enum login_method m);

/* Ends decide() with that refusal and its event. claimed: that it was the user is not proven. */
void login_refuse(struct change *change, struct once *c, enum login_method method, const struct auth_device *device,
                  bool claimed, enum fault_code code);

#endif
