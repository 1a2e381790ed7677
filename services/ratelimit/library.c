#include "library.h"

/* The file's bytes between two symbols; the path is the compiler's working directory's, the root of the tree. */
__asm__(".pushsection .rodata,\"a\",@progbits\n"
        ".type library_begin, @object\n"
        "library_begin:\n"
        ".incbin \"services/ratelimit/schema/ratelimit.lua\"\n"
        ".type library_end, @object\n"
        "library_end:\n"
        ".byte 0\n"
        ".popsection\n");

extern const char library_begin[] __attribute__((visibility("hidden")));
extern const char library_end[] __attribute__((visibility("hidden")));

struct text library_text(void)
{
    /* cppcheck-suppress comparePointers ; one section, two labels */
    return (struct text){ library_begin, (size_t)(library_end - library_begin) };
}
