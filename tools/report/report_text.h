/* Strings that may come from anywhere, as JSON and HTML have them. */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include <stdint.h>
#include <stdio.h>

/* Bytes of the UTF-8 character at text; 0: there is none. */
int report_character(const unsigned char *text);
/* The same with its number; of a byte that belongs to none, 1 and U+FFFD. The string's end: 0. */
int report_next_character(const char *text, uint32_t *number);
/* With quotation marks. NULL is written as "". */
void report_json_text(FILE *file, const char *text);
/* Text of the page, and between quotation marks. NULL is written as nothing. */
void report_html_text(FILE *file, const char *text);

#endif
