#include "report_text.h"

#include <string.h>

static const char replacement[] = "\xef\xbf\xbd";

int report_character(const unsigned char *text)
{
    int size = text[0] < 0x80 ? 1 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2 : text[0] >= 0xe0 && text[0] < 0xf0 ? 3 : 4;
    if (size == 4 && (text[0] < 0xf0 || text[0] > 0xf4))
        return 0;
    for (int i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return size;
}

int report_next_character(const char *text, uint32_t *number)
{
    const unsigned char *at = (const unsigned char *)text;
    const int size = report_character(at);
    if (*at == 0)
        return 0;
    if (size == 0) {
        *number = 0xfffd;
        return 1;
    }
    *number = size == 1 ? at[0] : at[0] & (0xffu >> (size + 1));
    for (int i = 1; i < size; i++)
        *number = *number << 6 | (at[i] & 0x3fu);
    return size;
}

void report_json_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (const unsigned char *at = (const unsigned char *)(text ? text : ""); *at;) {
        int size = report_character(at);
        if (*at == '"' || *at == '\\')
            fprintf(file, "\\%c", *at);
        else if (*at < ' ')
            fprintf(file, "\\u%04x", (unsigned)*at);
        else if (size == 0)
            fputs(replacement, file);
        else
            fwrite(at, 1, (size_t)size, file);
        at += size ? size : 1;
    }
    fputc('"', file);
}

void report_html_text(FILE *file, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)(text ? text : ""); *at;) {
        int size = report_character(at);
        if (strchr("<>&\"'", *at))
            fprintf(file, "&#%d;", *at);
        else if (size == 0 || (*at < ' ' && *at != '\n' && *at != '\t') || *at == 0x7f)
            fputs(replacement, file);
        else
            fwrite(at, 1, (size_t)size, file);
        at += size ? size : 1;
    }
}
