#include "auditor.h"

#include "audit.h"

const struct route audit_routes[] = {
    { &op_audit_query, handle_query },
    { &op_audit_alert_list, handle_alert_list },
    { &op_audit_alert_acknowledge, handle_alert_acknowledge },
    { &op_audit_rules, handle_rules },
};
const size_t audit_route_count = sizeof(audit_routes) / sizeof(audit_routes[0]);
