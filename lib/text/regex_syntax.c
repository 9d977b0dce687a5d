/* One file, though it is a long one, as each part of a pattern may stand within each other.
 *
 * From Oniguruma's syntax (Ruby's, as the package `tokenizers` has it) to PCRE2's. What both write alike is read all
 * the same, so that nothing goes over that is not known to mean the same. They differ in, among others: \h (a
 * hexadecimal digit), \v, \s, \w, \d and [[:...:]] (by Unicode's properties), ^ and $ (lines, always), (?m) (the point
 * takes ends of lines), {n,m}+ (repeated, not possessive), {n}? (none or n), (?i) before | (all that follows in the
 * group), brackets within brackets, and names of scripts. Groups capture nothing, as nothing that refers to them is
 * known. */
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "text/characters.h"
#include "text/regex.h"

enum { DEEPEST = 60, LONGEST_NAME = 40 };

/* ASCII's stand there by themselves, as PCRE2 finds them faster so. */
#define WORD                                      \
    "0-9A-Z_a-z\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}" \
    "\\x{24B6}-\\x{24E9}\\x{1F130}-\\x{1F149}\\x{1F150}-\\x{1F169}\\x{1F170}-\\x{1F189}"
/* Alone, and not within brackets, \w has what Oniguruma's table of Latin-1 has. */
#define WORD_ALONE WORD "\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}"
#define SPACES \
    "\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}"
#define HEXADECIMAL "0-9A-Fa-f"

typedef struct reader {
    pt__memory_t *memory;
    const char *pattern;
    int64_t length, at;
    int32_t depth, ignores_case;
    uint32_t before; /* the literal before this one, where case is ignored; else 0 */
    pt__text_t out;
} reader_t;

static pt_status_t refuse(const reader_t *reader, const char *what)
{
    return pt__fail(PT_ERR_UNSUPPORTED, "the pattern \"%.200s\" is not known here: %s before byte %lld",
                    reader->pattern, what, (long long)reader->at);
}

static int32_t peek(const reader_t *reader, int64_t ahead)
{
    return reader->at + ahead < reader->length ? (unsigned char)reader->pattern[reader->at + ahead] : -1;
}

static int32_t takes(reader_t *reader, const char *what)
{
    const int64_t length = (int64_t)strlen(what);
    if (reader->length - reader->at < length || memcmp(reader->pattern + reader->at, what, (size_t)length) != 0)
        return 0;
    reader->at += length;
    return 1;
}

static void put(pt__text_t *out, const char *text)
{
    pt__text_add_bytes(out, text, (int64_t)strlen(text));
}

/* ---- Literals ---- */

/* Without regard to case one character may be as good as several in Oniguruma ("\u00DF" and "ss"), and never is in
 * PCRE2. */
static int32_t may_fold(uint32_t first, uint32_t second)
{
    static const char pairs[][2] = {{'s', 's'}, {'f', 'f'}, {'f', 'i'}, {'f', 'l'}, {'s', 't'}};
    uint32_t lower[2], low_first, low_second;
    pt__character_lower(first, lower);
    low_first = lower[0] == 0x17F ? 's' : lower[0];
    pt__character_lower(second, lower);
    low_second = lower[0] == 0x17F ? 's' : lower[0];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (low_first == (uint32_t)pairs[i][0] && low_second == (uint32_t)pairs[i][1])
            return 1;
    return first == 0x2BC || low_second == 0x2BE || low_second == 0x3B9 ||
           (low_second >= 0x561 && low_second <= 0x587) || pt__character_is_mark(second);
}

static int32_t folds_to_several(uint32_t code)
{
    return pt__character_folds(code) > 1;
}

static pt_status_t add_literal(reader_t *reader, pt__text_t *out, uint32_t code)
{
    if (reader->ignores_case && (folds_to_several(code) || (reader->before != 0 && may_fold(reader->before, code))))
        return refuse(reader, "without regard to case, characters that are as good as one");
    reader->before = reader->ignores_case ? code : 0;
    if (code < 0x80 && (pt__ascii_class[code] == PT__CHAR_LETTER || pt__ascii_class[code] == PT__CHAR_NUMBER))
        pt__text_add(out, "%c", (int)code);
    else
        pt__text_add(out, "\\x{%X}", (unsigned)code);
    return PT_OK;
}

static int32_t hexadecimal(int32_t digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

/* Up to `most` digits of this base; -1: none. */
static int64_t read_digits(reader_t *reader, int32_t base, int32_t most)
{
    int64_t value = -1;
    for (int32_t i = 0; i < most; i++) {
        const int32_t digit = hexadecimal(peek(reader, 0));
        if (digit < 0 || digit >= base)
            break;
        value = (value < 0 ? 0 : value) * base + digit;
        reader->at++;
    }
    return value;
}

/* The character that an escape is, from behind the \; *code is -1 where it is none but a class or something else. */
static pt_status_t read_escaped(reader_t *reader, int64_t *code)
{
    static const char letters[] = "tnrfaev", codes[] = "\t\n\r\f\a\x1B\v";
    const int32_t letter = peek(reader, 0);
    const char *simple = letter > 0 ? strchr(letters, letter) : NULL;
    int32_t length;
    *code = -1;
    if (letter < 0)
        return refuse(reader, "\\ without a character");
    if (letter >= 0x80 || pt__ascii_class[letter] == PT__CHAR_OTHER || letter == ' ') {
        *code = pt__character_at((const uint8_t *)reader->pattern + reader->at, &length);
        reader->at += length;
        return PT_OK;
    }
    if (simple != NULL) {
        *code = codes[simple - letters];
        reader->at++;
        return PT_OK;
    }
    if (takes(reader, "x{")) {
        *code = read_digits(reader, 16, 8);
        if (!takes(reader, "}"))
            *code = -2;
    } else if (takes(reader, "x")) {
        *code = read_digits(reader, 16, 2);
        if (*code >= 0x80) /* a byte of a character */
            *code = -2;
    } else if (takes(reader, "u")) {
        const int64_t from = reader->at;
        *code = read_digits(reader, 16, 4);
        if (reader->at - from != 4)
            *code = -2;
    } else if (letter == '0') {
        *code = read_digits(reader, 8, 3);
        if (*code >= 0x80)
            *code = -2;
    } else
        return PT_OK;
    if (*code < 0 || *code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF))
        return refuse(reader, "the number of a character");
    return PT_OK;
}

/* ---- Properties ---- */

/* General categories by their names, without blanks, - and _, in small letters. */
static const char categories[] =
    " l=L letter=L lu=Lu uppercaseletter=Lu ll=Ll lowercaseletter=Ll lt=Lt titlecaseletter=Lt lc=L&"
    " casedletter=L& lm=Lm modifierletter=Lm lo=Lo otherletter=Lo m=M mark=M combiningmark=M mn=Mn"
    " nonspacingmark=Mn mc=Mc spacingmark=Mc me=Me enclosingmark=Me n=N number=N nd=Nd decimalnumber=Nd digit=Nd"
    " nl=Nl letternumber=Nl no=No othernumber=No p=P punct=P punctuation=P pc=Pc connectorpunctuation=Pc pd=Pd"
    " dashpunctuation=Pd ps=Ps openpunctuation=Ps pe=Pe closepunctuation=Pe pi=Pi initialpunctuation=Pi pf=Pf"
    " finalpunctuation=Pf po=Po otherpunctuation=Po s=S symbol=S sm=Sm mathsymbol=Sm sc=Sc currencysymbol=Sc"
    " sk=Sk modifiersymbol=Sk so=So othersymbol=So z=Z separator=Z zs=Zs spaceseparator=Zs zl=Zl"
    " lineseparator=Zl zp=Zp paragraphseparator=Zp c=C other=C cc=Cc control=Cc cntrl=Cc cf=Cf format=Cf cn=Cn"
    " unassigned=Cn co=Co privateuse=Co ";

/* The other properties, so named, as they stand within brackets. */
static const struct {
    const char *name, *set;
    int32_t has_case;
} properties[] = {
    {"any", "\\x{0}-\\x{10FFFF}", 0},
    {"ascii", "\\x{0}-\\x{7F}", 1},
    {"alpha", "\\p{Alphabetic}", 0},
    {"alphabetic", "\\p{Alphabetic}", 0},
    {"alnum", "\\p{Alphabetic}\\p{Nd}", 0},
    {"lower", "\\p{Lowercase}", 1},
    {"lowercase", "\\p{Lowercase}", 1},
    {"upper", "\\p{Uppercase}", 1},
    {"uppercase", "\\p{Uppercase}", 1},
    {"blank", "\\p{Zs}\\x{9}", 0},
    {"space", SPACES, 0},
    {"whitespace", SPACES, 0},
    {"word", WORD, 0},
    {"xdigit", HEXADECIMAL, 0},
    {"emoji", "\\p{Emoji}", 0},
    {"extendedpictographic", "\\p{Extended_Pictographic}", 0},
};

/* One set of characters, as it stands within brackets, and whether all others are meant. */
typedef struct set {
    char text[200];
    int32_t inverts;
} set_t;

/* Writes the set with this name; a script where no property has it. Whether it tells letters by their case; -1: there
 * is none. */
static int32_t name_set(const char *name, const char *shortened, int32_t is_posix, set_t *set)
{
    static const char classes[] = " alnum alpha ascii blank cntrl digit lower punct space upper word xdigit ";
    char wanted[LONGEST_NAME + 3] = " ";
    const int32_t length = (int32_t)strlen(shortened);
    memcpy(wanted + 1, shortened, (size_t)length);
    wanted[length + 1] = ' ';
    if (is_posix && strstr(classes, wanted) == NULL)
        return -1;
    wanted[length + 1] = '=';
    const char *category = strstr(categories, wanted);
    memcpy(set->text, "\\p{", 4);
    if (is_posix && strcmp(shortened, "punct") == 0) { /* it has symbols there */
        memcpy(set->text, "\\p{P}\\p{S}", sizeof "\\p{P}\\p{S}");
        return 0;
    }
    if (category != NULL) {
        category += length + 2;
        const size_t size = strcspn(category, " ");
        memcpy(set->text + 3, category, size);
        memcpy(set->text + 3 + size, "}", 2);
        return size == 2 && category[0] == 'L' && strchr("ult&", category[1]) != NULL;
    }
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (strcmp(properties[i].name, shortened) == 0) {
            memcpy(set->text, properties[i].set, strlen(properties[i].set) + 1);
            return properties[i].has_case;
        }
    memcpy(set->text + 3, "sc:", 3);
    memcpy(set->text + 6, name, strlen(name));
    memcpy(set->text + 6 + strlen(name), "}", 2);
    return 0;
}

/* The name up to `end`; a script where none of the properties has it. */
static pt_status_t find_property(reader_t *reader, const char *end, int32_t is_posix, set_t *set)
{
    char name[LONGEST_NAME + 1], shortened[LONGEST_NAME + 1];
    int32_t length = 0, kept = 0;
    if (takes(reader, "^"))
        set->inverts = !set->inverts;
    for (; length < LONGEST_NAME && !takes(reader, end); reader->at++) {
        const int32_t character = peek(reader, 0);
        const int32_t is_letter = character >= 0 && character < 0x80 && pt__ascii_class[character] == PT__CHAR_LETTER;
        if (!is_letter && character != ' ' && character != '_' && character != '-')
            return refuse(reader, "the name of a property");
        name[length++] = (char)character;
        if (is_letter)
            shortened[kept++] = (char)(character | 0x20);
    }
    name[length] = shortened[kept] = 0;
    if (kept == 0 || length == LONGEST_NAME)
        return refuse(reader, "the name of a property");
    const int32_t has_case = name_set(name, shortened, is_posix, set);
    if (has_case < 0)
        return refuse(reader, "the name of a class");
    return has_case && reader->ignores_case ? refuse(reader, "a property of letters without regard to case") : PT_OK;
}

/* \w and its like, from behind the \; *found: 0 for none. */
static pt_status_t read_class(reader_t *reader, set_t *set, int32_t *found)
{
    static const char letters[] = "wsdh";
    static const char *const sets[] = {WORD, SPACES, "\\p{Nd}", HEXADECIMAL};
    const int32_t letter = peek(reader, 0);
    const char *class = letter > 0 ? strchr(letters, letter | 0x20) : NULL;
    set->inverts = 0;
    *found = 1;
    if (class != NULL) {
        memcpy(set->text, sets[class - letters], strlen(sets[class - letters]) + 1);
        set->inverts = letter != *class;
        reader->at++;
        return PT_OK;
    }
    if (takes(reader, "p{"))
        return find_property(reader, "}", 0, set);
    if (takes(reader, "P{")) {
        set->inverts = 1;
        return find_property(reader, "}", 0, set);
    }
    *found = 0;
    return PT_OK;
}

/* ---- Brackets ---- */

/* A set is the characters of `items`, and those that are in one of `others` not: "[^...]|[^...]". */
typedef struct brackets {
    pt__text_t items, others;
} brackets_t;

static void add_set(brackets_t *brackets, const set_t *set)
{
    if (set->inverts)
        pt__text_add(&brackets->others, "%s[^%s]", brackets->others.length > 0 ? "|" : "", set->text);
    else
        put(&brackets->items, set->text);
}

/* A character within brackets, or a set; *code: -1 for a set, which is added. */
static pt_status_t read_member(reader_t *reader, brackets_t *brackets, int64_t *code)
{
    set_t set = {.inverts = 0};
    int32_t found, length;
    *code = -1;
    if (takes(reader, "[:")) {
        PT__TRY(find_property(reader, ":]", 1, &set));
        add_set(brackets, &set);
        return PT_OK;
    }
    if (takes(reader, "\\")) {
        PT__TRY(read_class(reader, &set, &found));
        if (found) {
            add_set(brackets, &set);
            return PT_OK;
        }
        if (takes(reader, "b")) {
            *code = '\b';
            return PT_OK;
        }
        PT__TRY(read_escaped(reader, code));
        return *code < 0 ? refuse(reader, "an escape within brackets") : PT_OK;
    }
    if (reader->at == reader->length)
        return refuse(reader, "[ without ]");
    *code = pt__character_at((const uint8_t *)reader->pattern + reader->at, &length);
    reader->at += length;
    return PT_OK;
}

static pt_status_t add_range(reader_t *reader, brackets_t *brackets, int64_t first, int64_t last)
{
    reader->before = 0;
    for (int64_t code = first; code <= last && reader->ignores_case; code++)
        if (folds_to_several((uint32_t)code))
            return refuse(reader, "without regard to case, characters that are as good as several");
    if (last < first)
        return refuse(reader, "a range from a character to one before it");
    pt__text_add(&brackets->items, "\\x{%X}-\\x{%X}", (unsigned)first, (unsigned)last);
    return PT_OK;
}

/* From behind the [, or [^, up to the ]. */
static pt_status_t read_members(reader_t *reader, brackets_t *brackets)
{
    int64_t code, last;
    int32_t is_first = 1;
    for (;; is_first = 0) {
        if (!is_first && takes(reader, "]"))
            return PT_OK;
        if (takes(reader, "&&"))
            return refuse(reader, "&& within brackets");
        if (peek(reader, 0) == '[' && peek(reader, 1) != ':') {
            reader->at++;
            if (peek(reader, 0) == '^' || ++reader->depth > DEEPEST)
                return refuse(reader, "[^ within brackets, or brackets too deep");
            PT__TRY(read_members(reader, brackets));
            reader->depth--;
            continue;
        }
        PT__TRY(read_member(reader, brackets, &code));
        const int32_t is_range = peek(reader, 0) == '-' && peek(reader, 1) != ']';
        if (code < 0 && is_range)
            return refuse(reader, "a range from a set of characters");
        if (code < 0)
            continue;
        if (!is_range) {
            PT__TRY(add_range(reader, brackets, code, code));
            continue;
        }
        reader->at++;
        PT__TRY(read_member(reader, brackets, &last));
        if (last < 0 || last == '[')
            return refuse(reader, "a range to a set of characters");
        PT__TRY(add_range(reader, brackets, code, last));
    }
}

static pt_status_t write_brackets(reader_t *reader, const brackets_t *brackets, int32_t inverts)
{
    const char *items = brackets->items.length > 0 ? brackets->items.data : NULL;
    const char *others = brackets->others.length > 0 ? brackets->others.data : NULL;
    if (brackets->items.status != PT_OK)
        return brackets->items.status;
    if (brackets->others.status != PT_OK)
        return brackets->others.status;
    if (others == NULL && items != NULL)
        pt__text_add(&reader->out, "[%s", inverts ? "^" : "");
    else if (inverts)
        pt__text_add(&reader->out, "(?:(?!%s%s", others, items != NULL ? "|[" : "");
    else
        pt__text_add(&reader->out, "(?>%s%s", others, items != NULL ? "|[" : "");
    if (items != NULL) {
        put(&reader->out, items);
        put(&reader->out, "]");
    }
    if (others != NULL)
        put(&reader->out, inverts ? ")(?s:.))" : ")");
    return PT_OK;
}

static pt_status_t read_brackets(reader_t *reader)
{
    brackets_t brackets = {pt__text_start(reader->memory), pt__text_start(reader->memory)};
    const int32_t inverts = takes(reader, "^");
    pt_status_t status = read_members(reader, &brackets);
    if (status == PT_OK)
        status = write_brackets(reader, &brackets, inverts);
    pt__text_free(&brackets.items);
    pt__text_free(&brackets.others);
    reader->before = 0;
    return status;
}

/* ---- Atoms, repeats, groups ---- */

static pt_status_t read_alternatives(reader_t *reader);

/* (?i-m: and the like, from behind the (?. *is_isolated: it ends with a ), and holds for the rest of the group. */
static pt_status_t read_options(reader_t *reader, int32_t *is_isolated)
{
    int32_t turns_off = 0;
    put(&reader->out, "(?");
    for (;;) {
        if (takes(reader, "-")) {
            put(&reader->out, "-");
            turns_off = 1;
        } else if (takes(reader, "i")) {
            put(&reader->out, "i");
            reader->ignores_case = !turns_off;
        } else if (takes(reader, "m"))
            put(&reader->out, "s"); /* the point takes ends of lines */
        else
            break;
    }
    put(&reader->out, ":");
    *is_isolated = takes(reader, ")");
    return *is_isolated || takes(reader, ":") ? PT_OK : refuse(reader, "a kind of group");
}

/* From behind the (. *can_repeat: 0 of what looks around. */
static pt_status_t read_group(reader_t *reader, int32_t *can_repeat)
{
    static const char *const same[] = {"?:", "?=", "?!", "?<=", "?<!", "?>"};
    const int32_t ignored_case = reader->ignores_case;
    int32_t is_isolated = 0, found = 0;
    reader->before = 0;
    if (++reader->depth > DEEPEST)
        return refuse(reader, "groups within groups, too deep");
    for (int32_t i = 0; i < 6 && !found; i++)
        if (takes(reader, same[i])) {
            found = 1;
            pt__text_add(&reader->out, "(%s", same[i]);
            *can_repeat = i == 0 || i == 5;
        }
    if (!found && takes(reader, "?<")) { /* a name, which nothing refers to */
        while (peek(reader, 0) >= 0 && !takes(reader, ">"))
            reader->at++;
        put(&reader->out, "(?:");
    } else if (!found && takes(reader, "?"))
        PT__TRY(read_options(reader, &is_isolated));
    else if (!found)
        put(&reader->out, "(?:");
    PT__TRY(read_alternatives(reader));
    put(&reader->out, ")");
    if (!is_isolated && !takes(reader, ")"))
        return refuse(reader, "( without )");
    *can_repeat = *can_repeat && !is_isolated;
    reader->ignores_case = ignored_case;
    reader->depth--;
    reader->before = 0;
    return PT_OK;
}

static pt_status_t read_escape(reader_t *reader, int32_t *can_repeat)
{
    set_t set;
    int32_t found;
    int64_t code;
    PT__TRY(read_class(reader, &set, &found));
    if (found) {
        const int32_t is_word = (reader->pattern[reader->at - 1] | 0x20) == 'w'; /* not \p{Word} */
        pt__text_add(&reader->out, "[%s%s]", set.inverts ? "^" : "", is_word ? WORD_ALONE : set.text);
        reader->before = 0;
        return PT_OK;
    }
    PT__TRY(read_escaped(reader, &code));
    if (code >= 0)
        return add_literal(reader, &reader->out, (uint32_t)code);
    reader->before = 0;
    if (takes(reader, "R")) {
        put(&reader->out, "(?>\\x{D}\\x{A}|[\\x{A}-\\x{D}\\x{85}\\x{2028}\\x{2029}])");
        return PT_OK;
    }
    if (takes(reader, "N") || takes(reader, "O")) {
        put(&reader->out, reader->pattern[reader->at - 1] == 'N' ? "[^\\x{A}]" : "(?s:.)");
        return PT_OK;
    }
    *can_repeat = 0;
    if (takes(reader, "b"))
        put(&reader->out, "(?:(?<=[" WORD_ALONE "])(?![" WORD_ALONE "])|(?<![" WORD_ALONE "])(?=[" WORD_ALONE "]))");
    else if (takes(reader, "B"))
        put(&reader->out, "(?:(?<=[" WORD_ALONE "])(?=[" WORD_ALONE "])|(?<![" WORD_ALONE "])(?![" WORD_ALONE "]))");
    else if (takes(reader, "A"))
        put(&reader->out, "\\A");
    else if (takes(reader, "z"))
        put(&reader->out, "\\z");
    else if (takes(reader, "Z"))
        put(&reader->out, "(?=\\x{A}?\\z)");
    else
        return refuse(reader, "an escape");
    return PT_OK;
}

/* {n,m}: *low is -1 where it is none, which is then a literal. */
static void read_interval(reader_t *reader, int64_t *low, int64_t *high)
{
    const int64_t from = reader->at;
    *low = *high = -1;
    if (!takes(reader, "{"))
        return;
    *low = read_digits(reader, 10, 6);
    *high = *low;
    if (takes(reader, ",")) {
        *high = read_digits(reader, 10, 6);
        if (*low < 0 && *high >= 0)
            *low = 0;
    }
    if (*low < 0 || !takes(reader, "}")) {
        *low = -1;
        reader->at = from;
    }
}

/* What stands from `begin` on in the pattern of PCRE2, in a group. */
static void enclose(pt__text_t *out, int64_t begin)
{
    put(out, "(?:)");
    if (out->status != PT_OK)
        return;
    memmove(out->data + begin + 3, out->data + begin, (size_t)(out->length - 4 - begin));
    memcpy(out->data + begin, "(?:", 3);
    out->data[out->length - 1] = ')';
}

static pt_status_t read_repeat(reader_t *reader, int64_t begin, int32_t can_repeat)
{
    int64_t low, high;
    const int32_t sign = peek(reader, 0);
    read_interval(reader, &low, &high);
    if (low < 0 && sign != '*' && sign != '+' && sign != '?')
        return PT_OK;
    reader->before = 0;
    if (!can_repeat)
        return refuse(reader, "a repeat of what takes no character");
    if (low < 0) {
        pt__text_add(&reader->out, "%c", sign);
        reader->at++;
        if (takes(reader, "?"))
            put(&reader->out, "?");
        else if (takes(reader, "+"))
            put(&reader->out, "+");
    } else {
        pt__text_add(&reader->out, "{%lld,", (long long)low);
        if (high >= 0)
            pt__text_add(&reader->out, "%lld", (long long)high);
        put(&reader->out, "}");
        const int32_t is_exact = low == high;
        if (is_exact && takes(reader, "?")) {
            enclose(&reader->out, begin);
            put(&reader->out, "?");
        } else if (takes(reader, "?"))
            put(&reader->out, "?");
        else if (takes(reader, "+")) {
            enclose(&reader->out, begin);
            put(&reader->out, "+");
        }
    }
    const int64_t at = reader->at;
    read_interval(reader, &low, &high);
    reader->at = at;
    const int32_t next = peek(reader, 0);
    return low >= 0 || next == '*' || next == '+' || next == '?' ? refuse(reader, "a repeat of a repeat") : PT_OK;
}

/* Up to a ) or the end. */
static pt_status_t read_alternatives(reader_t *reader)
{
    while (reader->at < reader->length && peek(reader, 0) != ')') {
        const int64_t begin = reader->out.length;
        int32_t can_repeat = 1, length;
        if (takes(reader, "(?#")) {
            while (reader->at < reader->length && !takes(reader, ")"))
                reader->at++;
            continue;
        }
        if (takes(reader, "|")) {
            put(&reader->out, "|");
            reader->before = 0;
            continue;
        }
        if (takes(reader, "("))
            PT__TRY(read_group(reader, &can_repeat));
        else if (takes(reader, "["))
            PT__TRY(read_brackets(reader));
        else if (takes(reader, "\\"))
            PT__TRY(read_escape(reader, &can_repeat));
        else if (takes(reader, ".")) {
            put(&reader->out, ".");
            reader->before = 0;
        } else if (takes(reader, "^")) {
            put(&reader->out, "^");
            can_repeat = 0;
        } else if (takes(reader, "$")) {
            put(&reader->out, "$");
            can_repeat = 0;
        } else if (peek(reader, 0) == '*' || peek(reader, 0) == '+' || peek(reader, 0) == '?')
            return refuse(reader, "a repeat of nothing");
        else {
            const uint32_t code = pt__character_at((const uint8_t *)reader->pattern + reader->at, &length);
            reader->at += length;
            PT__TRY(add_literal(reader, &reader->out, code));
        }
        PT__TRY(read_repeat(reader, begin, can_repeat));
    }
    return PT_OK;
}

pt_status_t pt__regex_translate(pt__memory_t *memory, const char *pattern, int64_t length, char **out,
                                int64_t *out_length)
{
    reader_t reader = {.memory = memory, .pattern = pattern, .length = length, .out = pt__text_start(memory)};
    pt_status_t status = (int64_t)strlen(pattern) == length ? read_alternatives(&reader)
                                                            : refuse(&reader, "a character 0");
    if (status == PT_OK && reader.at < length)
        status = refuse(&reader, ") without (");
    if (status == PT_OK)
        return pt__text_take(&reader.out, out, out_length);
    pt__text_free(&reader.out);
    return status;
}
