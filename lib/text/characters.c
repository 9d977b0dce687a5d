/* See characters.h. */
#include "text/characters.h"

#ifdef PT__UTF8PROC
#include <utf8proc.h>
#endif

enum { O = PT__CHAR_OTHER, L = PT__CHAR_LETTER, N = PT__CHAR_NUMBER, S = PT__CHAR_SPACE };

const uint8_t pt__ascii_class[128] = {
    O, O, O, O, O, O, O, O, O, S, S, S, S, S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* controls */
    S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, N, N, N, N, N, N, N, N, N, N, O, O, O, O, O, O, /* digits */
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O, /* capitals */
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O, /* small letters */
};

int32_t pt__characters_known(void)
{
#ifdef PT__UTF8PROC
    return 1;
#else
    return 0;
#endif
}

/* White_Space of PropList.txt, beyond ASCII: general categories do not tell it. */
static int32_t is_space(uint32_t code)
{
    return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

int32_t pt__character_is_space(uint32_t code)
{
    return code < 0x80 ? pt__ascii_class[code] == S : is_space(code);
}

int32_t pt__character_is_punctuation(uint32_t code)
{
    if (code < 0x80)
        return code > 32 && code < 127 && pt__ascii_class[code] == O;
#ifdef PT__UTF8PROC
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
#else
    return 0;
#endif
}

int32_t pt__character_is_nonspacing(uint32_t code)
{
#ifdef PT__UTF8PROC
    return code >= 0x80 && utf8proc_category((utf8proc_int32_t)code) == UTF8PROC_CATEGORY_MN;
#else
    (void)code;
    return 0;
#endif
}

int32_t pt__character_is_mark(uint32_t code)
{
#ifdef PT__UTF8PROC
    utf8proc_category_t category = code < 0x80 ? UTF8PROC_CATEGORY_CC : utf8proc_category((utf8proc_int32_t)code);
    return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
#else
    (void)code;
    return 0;
#endif
}

int32_t pt__character_is_word(uint32_t code)
{
    if (code < 0x80)
        return pt__ascii_class[code] == L || pt__ascii_class[code] == N || code == '_';
#ifdef PT__UTF8PROC
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    if ((category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL) || category == UTF8PROC_CATEGORY_PC)
        return 1;
#endif
    return code == 0x200C || code == 0x200D || (code >= 0x24B6 && code <= 0x24E9) ||
           (code >= 0x1F130 && code <= 0x1F149) || (code >= 0x1F150 && code <= 0x1F169) ||
           (code >= 0x1F170 && code <= 0x1F189);
}

int32_t pt__character_is_control(uint32_t code)
{
    if (code < 0x80)
        return code < 32 || code == 127;
#ifdef PT__UTF8PROC
    return utf8proc_category((utf8proc_int32_t)code) >= UTF8PROC_CATEGORY_CC;
#else
    return 0;
#endif
}

int32_t pt__character_lower(uint32_t code, uint32_t lower[2])
{
    lower[0] = code;
    if (code < 0x80) {
        lower[0] = code >= 'A' && code <= 'Z' ? code + 32 : code;
        return 1;
    }
    if (code == 0x130) {
        lower[0] = 'i';
        lower[1] = 0x307;
        return 2;
    }
#ifdef PT__UTF8PROC
    lower[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
#endif
    return 1;
}

int32_t pt__character_decompose(uint32_t code, int32_t compatible, uint32_t decomposed[PT__DECOMPOSED_MOST])
{
    decomposed[0] = code;
#ifdef PT__UTF8PROC
    utf8proc_int32_t codes[PT__DECOMPOSED_MOST];
    int boundary = 0;
    const utf8proc_option_t options = compatible ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT : UTF8PROC_DECOMPOSE;
    utf8proc_ssize_t count = code < 0x80 ? 0
                                         : utf8proc_decompose_char((utf8proc_int32_t)code, codes, PT__DECOMPOSED_MOST,
                                                                   options, &boundary);
    if (count < 1 || count > PT__DECOMPOSED_MOST)
        return 1;
    for (int32_t i = 0; i < count; i++)
        decomposed[i] = (uint32_t)codes[i];
    return (int32_t)count;
#else
    (void)compatible;
    return 1;
#endif
}

int32_t pt__character_folds(uint32_t code)
{
#ifdef PT__UTF8PROC
    utf8proc_int32_t codes[PT__DECOMPOSED_MOST];
    int boundary = 0;
    return code < 0x80 ? 1
                       : (int32_t)utf8proc_decompose_char((utf8proc_int32_t)code, codes, PT__DECOMPOSED_MOST,
                                                          UTF8PROC_CASEFOLD, &boundary);
#else
    (void)code;
    return 1;
#endif
}

uint8_t pt__character_combining_class(uint32_t code)
{
#ifdef PT__UTF8PROC
    return code < 0x300 ? 0 : (uint8_t)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
#else
    (void)code;
    return 0;
#endif
}

uint32_t pt__character_compose(uint32_t first, uint32_t second)
{
#ifdef PT__UTF8PROC
    if (second == 0x11A7) /* the place before the first final consonant, which utf8proc takes for one */
        return 0;
    utf8proc_int32_t codes[3] = {(utf8proc_int32_t)first, (utf8proc_int32_t)second}; /* and room for what it adds */
    return utf8proc_normalize_utf32(codes, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE) == 1 ? (uint32_t)codes[0] : 0;
#else
    (void)first;
    (void)second;
    return 0;
#endif
}

uint8_t pt__character_class(uint32_t code)
{
    if (is_space(code))
        return S;
#ifdef PT__UTF8PROC
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO)
        return L;
    if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO)
        return N;
#endif
    return O;
}

int32_t pt__characters_part(uint32_t first, uint32_t second, int32_t *state)
{
#ifdef PT__UTF8PROC
    return utf8proc_grapheme_break_stateful((utf8proc_int32_t)first, (utf8proc_int32_t)second, state) != 0;
#else
    (void)first;
    (void)second;
    (void)state;
    return 1;
#endif
}

int32_t pt__character_write(uint32_t code, uint8_t bytes[4])
{
    if (code < 0x80) {
        bytes[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        bytes[0] = (uint8_t)(0xC0 | code >> 6);
        bytes[1] = (uint8_t)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        bytes[0] = (uint8_t)(0xE0 | code >> 12);
        bytes[1] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
        bytes[2] = (uint8_t)(0x80 | (code & 0x3F));
        return 3;
    }
    bytes[0] = (uint8_t)(0xF0 | code >> 18);
    bytes[1] = (uint8_t)(0x80 | (code >> 12 & 0x3F));
    bytes[2] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    bytes[3] = (uint8_t)(0x80 | (code & 0x3F));
    return 4;
}
