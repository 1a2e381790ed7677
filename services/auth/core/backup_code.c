#include "backup_code.h"

#define LETTERS 16
#define GROUP 4

static const char ALPHABET[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void backup_code_format(const uint8_t bits[BACKUP_CODE_LEN], char text[BACKUP_CODE_TEXT_LEN + 1])
{
    uint32_t held = 0;
    unsigned have = 0;

    for (size_t i = 0, next = 0; i < LETTERS; i++) {
        if (have < 5) {
            held = (held << 8 | bits[next++]) & 0xffff;
            have += 8;
        }
        have -= 5;
        if (i > 0 && i % GROUP == 0)
            *text++ = '-';
        *text++ = ALPHABET[held >> have & 31];
    }
    *text = '\0';
}

/* -1: none of the alphabet. */
static int value_of(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'I' || c == 'L')
        c = '1';
    if (c == 'O')
        c = '0';
    const char *at = c ? strchr(ALPHABET, c) : NULL;
    return at ? (int)(at - ALPHABET) : -1;
}

enum result backup_code_parse(struct text text, uint8_t bits[BACKUP_CODE_LEN])
{
    uint32_t held = 0;
    unsigned have = 0;
    size_t letters = 0, next = 0;

    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.data[i]);

        if (text.data[i] == '-')
            continue;
        if (value < 0 || ++letters > LETTERS)
            return RESULT_MALFORMED;
        held = (held << 5 | (uint32_t)value) & 0xffff;
        have += 5;
        if (have >= 8) {
            have -= 8;
            bits[next++] = (uint8_t)(held >> have);
        }
    }
    return letters == LETTERS ? RESULT_OK : RESULT_MALFORMED;
}
