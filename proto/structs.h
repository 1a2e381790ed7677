/*
 * The first reading of a .def file, by the header of its service: enums, structs and declarations.
 *
 *     #define PROTO_DEF "ratelimit.def"
 *     #include "structs.h"
 *
 * No include guard: it is read once for each .def. A type of a row, `STR(1, 64)`, means by what is pasted
 * before it: CTYPE_STR the member's C type, FLAG_STR whether an optional one needs a has_<name>.
 */
#include "each.h"

#define CTYPE_BOOL bool
#define CTYPE_UINT(min, max) uint64_t
#define CTYPE_TIME uint64_t
#define CTYPE_STR(min, max) struct text
#define CTYPE_BIN(min, max) struct bytes
#define CTYPE_USER_ID struct text
#define CTYPE_TELEGRAM_ID struct text
#define CTYPE_ENDPOINT struct text
#define CTYPE_EVENT_TYPE struct text
#define CTYPE_EVENT_FILTER struct text
#define CTYPE_FERNET_KEY struct text
#define CTYPE_UUID struct uuid
#define CTYPE_IP struct ip
#define CTYPE_ENUM(name) enum name
#define CTYPE_OBJECT(name) struct name
#define CTYPE_LIST(item, min, max) struct { CTYPE_##item *items; size_t count; }
#define CTYPE_MAP(key, value, min, max) CTYPE_MAP_OF_##value
#define CTYPE_MAP_OF_STR(min, max) struct text_map
#define CTYPE_MAP_OF_UINT(min, max) struct uint_map
#define CTYPE_MAP_OF_DECIMAL struct text_map
#define CTYPE_MAP_OF_SCALAR(max) struct scalar_map
#define CTYPE_CONTEXT struct text_map
#define CTYPE_RAW struct bytes

#define FLAG(name) bool has_##name;
#define NO_FLAG(name)
#define FLAG_BOOL FLAG
#define FLAG_UINT(min, max) FLAG
#define FLAG_TIME FLAG
#define FLAG_STR(min, max) NO_FLAG
#define FLAG_BIN(min, max) NO_FLAG
#define FLAG_USER_ID NO_FLAG
#define FLAG_TELEGRAM_ID NO_FLAG
#define FLAG_ENDPOINT NO_FLAG
#define FLAG_EVENT_TYPE NO_FLAG
#define FLAG_EVENT_FILTER NO_FLAG
#define FLAG_FERNET_KEY NO_FLAG
#define FLAG_UUID FLAG
#define FLAG_IP FLAG
#define FLAG_ENUM(name) FLAG
#define FLAG_OBJECT(name) FLAG
#define FLAG_LIST(item, min, max) FLAG
#define FLAG_MAP(key, value, min, max) FLAG
#define FLAG_CONTEXT FLAG
#define FLAG_RAW NO_FLAG

#define MEMBER(context, row) MEMBER_##row
#define MEMBER_REQUIRED(name, type) CTYPE_##type name;
#define MEMBER_OPTIONAL(name, type) CTYPE_##type name; FLAG_##type (name)
#define MEMBER_DEFAULT(name, type, value) CTYPE_##type name;
#define MEMBER_ANY_OF(first, second)
#define MEMBER_ONE_OF(first, second)
#define MEMBER_BEFORE(first, second)
#define MEMBER_NOT_AFTER(first, second)

#define ENUMERATOR(context, row) ENUMERATOR_##row
#define ENUMERATOR_VALUE(identifier, text) identifier,

#define ENUMERATION(name, ...)                                                                               \
    enum name { EACH(ENUMERATOR, , __VA_ARGS__) };                                                           \
    extern const struct enumeration enum_##name;
#define STRUCT(name, ...)                                                                                    \
    struct name { EACH(MEMBER, , __VA_ARGS__) };                                                             \
    extern const struct schema schema_##name;
#define OP(identifier, name, flags, request, result, summary) extern const struct op op_##identifier;
#define NOTICE(identifier, name, body, summary) extern const struct op op_##identifier;

#include PROTO_DEF

#undef OP
#undef NOTICE
#undef STRUCT
#undef ENUMERATION
#undef ENUMERATOR_VALUE
#undef ENUMERATOR
#undef MEMBER_NOT_AFTER
#undef MEMBER_BEFORE
#undef MEMBER_ONE_OF
#undef MEMBER_ANY_OF
#undef MEMBER_DEFAULT
#undef MEMBER_OPTIONAL
#undef MEMBER_REQUIRED
#undef MEMBER
#undef PROTO_DEF
