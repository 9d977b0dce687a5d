/* The tables of the page, each within a card of its own. */
#ifndef REPORT_TABLES_H
#define REPORT_TABLES_H

#include "report.h"

/* Opens <section class="card KIND"> with its title. kind: "", or " wide" for one over all columns. */
void open_card(FILE *file, const char *title, const char *kind);
void close_card(FILE *file);
/* Nothing where there is no text. */
void write_paragraph(FILE *file, const char *kind, const char *text);
/* Whether a result is of several seeds, so that it has a standard error. */
int has_seeds(const report_t *report);
/* The rows of report->results and references. */
void write_results_table(FILE *file, const report_t *report);
/* Every class, or of many those that it does worst at. */
void write_classes(FILE *file, const report_t *report);
/* Examples without a picture to show, wrong or right. */
void write_examples_table(FILE *file, const report_t *report, int wrong);
void write_facts(FILE *file, const report_t *report);

#endif
