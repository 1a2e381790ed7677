/*
 * The second reading of a .def file, by one .c file each, after its header: the schemas and ops themselves.
 *
 *     #include "ratelimit.h"
 *     #define PROTO_DEF "ratelimit.def"
 *     #include "tables.h"
 *
 * What a type of a row admits stands here alone.
 */
#define TYPE_BOOL { .kind = KIND_BOOL }
#define TYPE_UINT(least, most) { .kind = KIND_UINT, .bounds = { least, most } }
#define TYPE_TIME TYPE_UINT(0, INT64_MAX)
#define TYPE_STR(least, most) { .kind = KIND_STR, .bounds = { least, most } }
#define TYPE_BIN(least, most) { .kind = KIND_BIN, .bounds = { least, most } }
#define TYPE_UUID { .kind = KIND_UUID }
#define TYPE_IP { .kind = KIND_IP }
#define TYPE_ENUM(name) { .kind = KIND_ENUM, .values = &enum_##name }
#define TYPE_DECIMAL { .kind = KIND_DECIMAL }
#define TYPE_SCALAR(most) { .kind = KIND_SCALAR, .bounds = { 0, most } }
#define TYPE_OBJECT(name) { .kind = KIND_OBJECT, .object = &schema_##name }
#define TYPE_RAW { .kind = KIND_RAW }
#define TYPE_LIST(element, least, most)                                                                      \
    { .kind = KIND_LIST, .bounds = { least, most }, .item = &(const struct type)TYPE_##element }
#define TYPE_MAP(names, element, least, most)                                                                \
    { .kind = KIND_MAP, .bounds = { least, most }, .key = &(const struct type)TYPE_##names,                  \
      .item = &(const struct type)TYPE_##element }

#define TYPE_ID(least, most, alphabet)                                                                       \
    { .kind = KIND_STR, .bounds = { least, most }, .format = &format_##alphabet }
#define TYPE_USER_ID TYPE_ID(1, 64, user_id)
#define TYPE_TELEGRAM_ID TYPE_ID(1, 19, telegram_id)
#define TYPE_ENDPOINT TYPE_ID(1, 64, endpoint)
#define TYPE_EVENT_TYPE TYPE_ID(1, 64, event_type)
#define TYPE_EVENT_FILTER TYPE_ID(1, 65, event_filter)
#define TYPE_FERNET_KEY TYPE_ID(44, 44, fernet_key)
#define TYPE_CONTEXT                                                                                         \
    { .kind = KIND_MAP, .bounds = { 0, 8 },                                                                  \
      .key = &(const struct type){ .kind = KIND_STR, .bounds = { 1, 64 } },                                  \
      .item = &(const struct type){ .kind = KIND_STR, .bounds = { 0, 256 } } }

#define NAMED(identifier) { #identifier, sizeof(#identifier) - 1 }


/* A row leaves which EMIT_ it wants and its arguments; FIELD_APPLY puts the struct's name before them. */
#define FIELD(self, row) FIELD_EXPAND(self, FIELD_##row)
#define FIELD_EXPAND(...) FIELD_APPLY(__VA_ARGS__)
#define FIELD_APPLY(self, emit, ...) emit(self, __VA_ARGS__)

#define FIELD_REQUIRED(member, type) EMIT_REQUIRED, member, TYPE_##type
#define FIELD_OPTIONAL(member, type) EMIT_OPTIONAL, FLAG_##type, member, TYPE_##type
#define FIELD_DEFAULT(member, type, value) EMIT_DEFAULT, value, member, TYPE_##type
#define FIELD_ANY_OF(first, second) EMIT_NOTHING, first
#define FIELD_ONE_OF(first, second) EMIT_NOTHING, first
#define FIELD_BEFORE(first, second) EMIT_NOTHING, first
#define FIELD_NOT_AFTER(first, second) EMIT_NOTHING, first

#define EMIT_REQUIRED(self, member, ...)                                                                     \
    { .name = NAMED(member), .offset = offsetof(struct self, member), .presence = PRESENCE_REQUIRED,         \
      .type = __VA_ARGS__ },
#define EMIT_OPTIONAL(self, flag, member, ...) EMIT_OPTIONAL_##flag(self, member, __VA_ARGS__)
#define EMIT_OPTIONAL_NO_FLAG(self, member, ...)                                                             \
    { .name = NAMED(member), .offset = offsetof(struct self, member), .presence = PRESENCE_OPTIONAL,         \
      .type = __VA_ARGS__ },
#define EMIT_OPTIONAL_FLAG(self, member, ...)                                                                \
    { .name = NAMED(member), .offset = offsetof(struct self, member), .presence = PRESENCE_OPTIONAL,         \
      .has_flag = true, .flag_offset = offsetof(struct self, has_##member), .type = __VA_ARGS__ },
#define EMIT_DEFAULT(self, value, member, ...)                                                               \
    { .name = NAMED(member), .offset = offsetof(struct self, member), .presence = PRESENCE_DEFAULT,          \
      .preset = value, .type = __VA_ARGS__ },
#define EMIT_NOTHING(self, ...)

#define BETWEEN(self, row) BETWEEN_##row
#define BETWEEN_REQUIRED(member, type)
#define BETWEEN_OPTIONAL(member, type)
#define BETWEEN_DEFAULT(member, type, value)
#define BETWEEN_ANY_OF(first, second) { RULE_ANY_OF, NAMED(first), NAMED(second) },
#define BETWEEN_ONE_OF(first, second) { RULE_ONE_OF, NAMED(first), NAMED(second) },
#define BETWEEN_BEFORE(first, second) { RULE_BEFORE, NAMED(first), NAMED(second) },
#define BETWEEN_NOT_AFTER(first, second) { RULE_NOT_AFTER, NAMED(first), NAMED(second) },

#define TEXT_OF(context, row) TEXT_OF_##row
#define TEXT_OF_VALUE(identifier, text) { text, sizeof(text) - 1 },

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#define ENUMERATION(self, ...)                                                                               \
    static const struct text self##_values[] = { EACH(TEXT_OF, , __VA_ARGS__) };                             \
    const struct enumeration enum_##self = { #self, self##_values, COUNT_OF(self##_values) };

#define STRUCT(self, ...)                                                                                    \
    static const struct field self##_fields[] = { EACH(FIELD, self, __VA_ARGS__) };                          \
    static const struct rule self##_rules[] = { EACH(BETWEEN, self, __VA_ARGS__) };                          \
    const struct schema schema_##self = {                                                                    \
        .name = #self, .size = sizeof(struct self),                                                          \
        .fields = self##_fields, .field_count = COUNT_OF(self##_fields),                                     \
        .rules = self##_rules, .rule_count = COUNT_OF(self##_rules),                                         \
    };                                                                                                       \
    _Static_assert(COUNT_OF(self##_fields) <= 64, "the decoder marks what it has seen in 64 bits");

#define OP(identifier, name_, flags_, request_, result_, summary_)                                           \
    const struct op op_##identifier = {                                                                      \
        .name = { name_, sizeof(name_) - 1 }, .flags = flags_, .request = &schema_##request_,                \
        .result = &schema_##result_, .summary = summary_,                                                    \
    };

#define NOTICE(identifier, name_, body_, summary_)                                                           \
    const struct op op_##identifier = {                                                                      \
        .name = { name_, sizeof(name_) - 1 }, .request = &schema_##body_, .summary = summary_,               \
    };

#include PROTO_DEF
