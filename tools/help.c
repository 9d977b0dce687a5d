#include "help.h"

#include <stdio.h>
#include <string.h>

#include "output.h"

enum { WIDTH = 100, MARGIN = 26 };

/* Words of a text, from a column on, in lines that begin at a margin. The text's own line ends stay. */
static void wrap(const char *text, int column, int margin)
{
    while (*text) {
        int length = (int)strcspn(text, " \n");
        if (column + length > WIDTH && column > margin) {
            printf("\n%*s", margin, "");
            column = margin;
        }
        printf("%.*s", length, text);
        column += length;
        text += length;
        if (*text == '\n') {
            printf("\n%*s", text[1] == '\n' ? 0 : margin, "");
            column = margin;
            text++;
        } else if (*text == ' ') {
            if (column + 1 + (int)strcspn(text + 1, " \n") <= WIDTH)
                putchar(' ');
            column++;
            text++;
        }
    }
    putchar('\n');
}

void help_program(void)
{
    fputs("usage: pretrain COMMAND ARGUMENTS [OPTIONS]\n\n"
          "Pretrains and fine-tunes neural networks, and tries them on data.\n\n",
          stdout);
    for (int64_t i = 0; i < command_count; i++) {
        printf("  %-*s", 12, command_table[i].name);
        wrap(command_table[i].summary, 14, 14);
    }
    fputs("\npretrain COMMAND --help lists a command's options, pretrain --version tells the version.\n"
          "A model is a directory with model.safetensors, a .safetensors file or a checkpoint.\n",
          stdout);
}

static void print_option(const option_t *option)
{
    char left[80];
    int column = snprintf(left, sizeof left, "  %s%s%s", option->name, option->value_name ? " " : "",
                          option->value_name ? option->value_name : "");
    fputs(left, stdout);
    if (column + 2 > MARGIN) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", MARGIN - column, "");
    wrap(option->help, MARGIN, MARGIN);
}

void help_command(const command_t *command)
{
    printf("usage: pretrain %s %s [OPTIONS]\n\n", command->name, command->arguments);
    wrap(command->about, 0, 0);
    const char *group = NULL;
    for (int64_t i = 0; i < option_count; i++) {
        const option_t *option = &option_table[i];
        if ((option->commands & command->bit) == 0)
            continue;
        if (!group || strcmp(option->group, group) != 0)
            printf("\n%s\n", option->group);
        group = option->group;
        print_option(option);
    }
    printf("\nExample%s\n", strchr(command->example, '\n') ? "s" : "");
    for (const char *line = command->example; *line;) {
        int length = (int)strcspn(line, "\n");
        printf("  %.*s\n", length, line);
        line += length + (line[length] == '\n');
    }
}

static void describe_option(writer_t *writer, const option_t *option)
{
    static const char *const kinds[] = {
        [VALUE_NONE] = "none",           [VALUE_WHOLE] = "whole",   [VALUE_NUMBER] = "number",
        [VALUE_BYTES] = "bytes",         [VALUE_TEXT] = "text",     [VALUE_FILE] = "file",
        [VALUE_DIRECTORY] = "directory", [VALUE_CHOICE] = "choice", [VALUE_LIST] = "list"};
    json_begin(writer, NULL, '{');
    json_text(writer, "name", option->name);
    json_text(writer, "value", option->value_name);
    json_text(writer, "kind", kinds[option->kind]);
    json_text(writer, "group", option->group);
    json_text(writer, "help", option->help);
    json_text(writer, "choices", option->choices);
    json_end(writer, '}');
}

void help_describe(void)
{
    writer_t writer;
    json_open(&writer, stdout);
    json_begin(&writer, NULL, '{');
    json_text(&writer, "version", pt_version());
    json_begin(&writer, "commands", '[');
    for (int64_t i = 0; i < command_count; i++) {
        const command_t *command = &command_table[i];
        json_begin(&writer, NULL, '{');
        json_text(&writer, "name", command->name);
        json_text(&writer, "arguments", command->arguments);
        json_text(&writer, "summary", command->summary);
        json_text(&writer, "about", command->about);
        json_text(&writer, "example", command->example);
        json_begin(&writer, "options", '[');
        for (int64_t j = 0; j < option_count; j++) {
            if ((option_table[j].commands & command->bit) != 0)
                describe_option(&writer, &option_table[j]);
        }
        json_end(&writer, ']');
        json_end(&writer, '}');
    }
    json_end(&writer, ']');
    json_end(&writer, '}');
    json_close(&writer);
}
