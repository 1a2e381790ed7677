#include "authn.h"

const struct route authn_routes[] = {
    { &op_auth_login_telegram_widget, handle_login_widget },
    { &op_auth_login_telegram_webapp, handle_login_webapp },
    { &op_auth_session_introspect, handle_session_introspect },
    { &op_auth_session_list, handle_session_list },
    { &op_auth_session_revoke, handle_session_revoke },
    { &op_auth_session_revoke_all, handle_session_revoke_all },
    { &op_auth_session_logout, handle_session_logout },
    { &op_auth_totp_enroll, handle_totp_enroll },
    { &op_auth_totp_activate, handle_totp_activate },
    { &op_auth_totp_verify, handle_totp_verify },
    { &op_auth_totp_disable, handle_totp_disable },
    { &op_auth_totp_reset, handle_totp_reset },
    { &op_auth_backup_code_verify, handle_backup_code_verify },
    { &op_auth_backup_code_regenerate, handle_backup_code_regenerate },
    { &op_auth_authorize, handle_authorize },
    { &op_auth_user_get, handle_user_get },
    { &op_auth_user_set_tier, handle_user_set_tier },
    { &op_auth_user_update, handle_user_update },
    { &op_auth_user_import, handle_user_import },
};
const size_t authn_route_count = sizeof(authn_routes) / sizeof(authn_routes[0]);
