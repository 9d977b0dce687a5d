/* What the quickstart found, as report.json for programs and report.html for people: one page with its styles and
 * drawings in it, that loads nothing from elsewhere. */
#include "quickstart.h"

#include <errno.h>
#include <math.h>
#include <string.h>

void accuracy_of(const quickstart_t *q, int pretrained, double *mean, double *standard_error)
{
    double sum = 0, squares = 0, count = 0;
    for (int64_t i = 0; i < q->n_runs; i++) {
        if (q->runs[i].pretrained == pretrained) {
            sum += q->runs[i].accuracy;
            count++;
        }
    }
    *mean = count > 0 ? sum / count : 0;
    for (int64_t i = 0; i < q->n_runs; i++) {
        if (q->runs[i].pretrained == pretrained)
            squares += (q->runs[i].accuracy - *mean) * (q->runs[i].accuracy - *mean);
    }
    *standard_error = count > 1 ? sqrt(squares / (count - 1) / count) : 0;
}

/* ---- report.json ------------------------------------------------------------------------------------------------- */

static void json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', file);
        if ((unsigned char)*text < ' ')
            fprintf(file, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, file);
    }
    fputc('"', file);
}

static void json_number(FILE *file, const char *name, double value, const char *end)
{
    if (isfinite(value))
        fprintf(file, "\"%s\": %.9g%s", name, value, end);
    else
        fprintf(file, "\"%s\": null%s", name, end);
}

static void json_curve(FILE *file, const curve_t *curve)
{
    fprintf(file, "\"curve\": [");
    for (int64_t i = 0; i < curve->count; i++)
        fprintf(file, "%s[%.0f, %.6g]", i ? ", " : "", curve->steps[i], curve->losses[i]);
    fprintf(file, "]");
}

static void write_json(FILE *file, const quickstart_t *q)
{
    double mean[2], error[2];
    for (int i = 0; i < 2; i++)
        accuracy_of(q, i, &mean[i], &error[i]);
    fprintf(file, "{\n  \"accuracy\": {");
    json_number(file, "pretrained", mean[1], ", ");
    json_number(file, "pretrained_standard_error", error[1], ", ");
    json_number(file, "from_scratch", mean[0], ", ");
    json_number(file, "from_scratch_standard_error", error[0], ", ");
    json_number(file, "chance", 1 / (double)q->classes, "},\n  ");
    json_number(file, "tokens_per_second", q->tokens_per_second, ",\n  ");
    fprintf(file, "\"peak_bytes\": %lld,\n  ", (long long)q->peak_bytes);
    json_number(file, "seconds", q->seconds, ",\n  \"settings\": {\"text\": ");
    json_string(file, q->text ? q->text : "fortunes");
    fprintf(file, ", \"labels\": ");
    json_string(file, q->labels ? q->labels : "fortunes");
    fprintf(file, ", \"machine\": ");
    json_string(file, q->machine);
    fprintf(file,
            ",\n    \"vocabulary\": 256, \"length\": %lld, \"layers\": %lld, \"heads\": %lld, \"width\": %lld, "
            "\"parameters\": %lld, "
            "\"batch\": %lld,\n    \"steps\": %lld, \"finetune_steps\": %lld, \"per_class\": %lld, \"seeds\": %lld, "
            "\"first_seed\": %lld,\n    ",
            (long long)q->length, (long long)q->layers, (long long)q->heads, (long long)q->width,
            (long long)q->parameters, (long long)q->batch, (long long)q->steps, (long long)q->finetune_steps,
            (long long)q->per_class, (long long)q->seeds, (long long)q->seed);
    json_number(file, "learning_rate", q->learning_rate, ", ");
    json_number(file, "finetune_learning_rate", q->finetune_rate, ", ");
    json_number(file, "from_scratch_learning_rate", q->scratch_rate, "},\n");
    fprintf(
        file,
        "  \"data\": {\"pretraining_bytes\": %lld, \"labelled_texts\": %lld, \"held_out_texts\": %lld, \"classes\": [",
        (long long)q->text_bytes, (long long)(q->per_class * q->classes), (long long)q->held_out);
    for (int64_t i = 0; i < q->classes; i++) {
        fputs(i ? ", " : "", file);
        json_string(file, q->class_names[i]);
    }
    fprintf(file, "]},\n  \"pretraining\": {");
    json_number(file, "loss", q->pretrain_loss, ", ");
    json_number(file, "held_out_loss", q->pretrain_held_out_loss, ", ");
    json_number(file, "seconds", q->pretrain_seconds, ",\n    ");
    json_curve(file, &q->pretrain_curve);
    fprintf(file, "},\n  \"finetuning\": [");
    for (int64_t i = 0; i < q->n_runs; i++) {
        const run_t *run = &q->runs[i];
        fprintf(file, "%s\n    {\"start\": \"%s\", \"seed\": %lld, ", i ? "," : "",
                run->pretrained ? "pretrained" : "from_scratch", (long long)run->seed);
        json_number(file, "accuracy", run->accuracy, ", ");
        json_number(file, "loss", run->loss, ", ");
        json_number(file, "held_out_loss", run->held_out_loss, ", ");
        json_number(file, "seconds", run->seconds, ", ");
        json_curve(file, &run->curve);
        fprintf(file, "}");
    }
    fprintf(file, "],\n  \"sample\": ");
    json_string(file, q->sample);
    fprintf(file, "\n}\n");
}

/* ---- report.html ------------------------------------------------------------------------------------------------- */

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
    "content=\"width=device-width, initial-scale=1\">\n"
    "<title>libpretrain: is pretraining worth it?</title>\n<style>\n"
    ":root{--ink:#1c2330;--soft:#667085;--line:#e4e7ec;--page:#f7f8fa;--card:#fff;--with:#2563eb;--without:#e07b39}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#2b3342;--page:#11151c;--card:#181e28;"
    "--with:#6b9bff;--without:#f0a063}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 "
    "system-ui,sans-serif}\n"
    "main{max-width:60rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}h1{font-size:1.9rem;line-height:1.2;margin:0 0 "
    ".4rem}\n"
    "h2{font-size:1.05rem;margin:0 0 .6rem}p{margin:.3rem 0 1rem}.soft{color:var(--soft)}\n"
    ".grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr))}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.25rem}\n"
    ".numbers{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));margin:1.4rem 0 1rem}\n"
    ".numbers b{display:block;font-size:1.75rem;line-height:1.2;font-variant-numeric:tabular-nums}\n"
    "svg{display:block;width:100%;height:auto;font:11px system-ui,sans-serif}svg text{fill:var(--soft)}svg "
    ".value{fill:var(--ink);font-weight:600;font-size:13px}\n"
    "pre{white-space:pre-wrap;margin:0;font:13.5px/1.5 "
    "ui-monospace,monospace}table{border-collapse:collapse;width:100%;font-size:.92rem}\n"
    "td{padding:.25rem 0;border-bottom:1px solid "
    "var(--line);vertical-align:top}td+td{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".with{color:var(--with)}.without{color:var(--without)}\n</style></head><body><main>\n";

static void html_text(FILE *file, const char *text)
{
    for (; *text; text++) {
        if (*text == '<' || *text == '>' || *text == '&')
            fprintf(file, "&#%d;", *text);
        else
            fputc(*text, file);
    }
}

enum { LEFT = 40, TOP = 10, WIDTH = 480, HEIGHT = 240, RIGHT = WIDTH - 18, BOTTOM = HEIGHT - 32 };

typedef struct axes {
    double most_step, least, most;
} axes_t;

static double x_of(const axes_t *axes, double step)
{
    return LEFT + (RIGHT - LEFT) * (axes->most_step > 0 ? step / axes->most_step : 0);
}

static double y_of(const axes_t *axes, double value)
{
    double range = axes->most - axes->least;
    return BOTTOM - (BOTTOM - TOP) * (range > 0 ? (value - axes->least) / range : 0);
}

static void widen(axes_t *axes, const curve_t *curve)
{
    for (int64_t i = 0; i < curve->count; i++) {
        axes->most_step = fmax(axes->most_step, curve->steps[i]);
        axes->most = fmax(axes->most, curve->losses[i]);
    }
}

/* 1, 2 or 5 times a power of ten, so that `range` has about five of them. */
static double tick_of(double range)
{
    double power = pow(10, floor(log10(range > 0 ? range / 4 : 1))), fraction = range / 4 / power;
    return power * (fraction >= 5 ? 5 : fraction >= 2 ? 2 : 1);
}

static void draw_axes(FILE *file, const axes_t *axes, const char *label)
{
    fprintf(file, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", WIDTH, HEIGHT, label);
    double tick = tick_of(axes->most - axes->least);
    for (double value = ceil(axes->least / tick) * tick; value <= axes->most + tick / 1000; value += tick) {
        double y = y_of(axes, value);
        fprintf(file,
                "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"var(--line)\"/><text x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%g</text>\n",
                LEFT, RIGHT, y, y, LEFT - 6, y + 4, value);
    }
    tick = tick_of(axes->most_step);
    for (double step = 0; step <= axes->most_step * 1.0001; step += tick)
        fprintf(file, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n", x_of(axes, step), BOTTOM + 16,
                step);
    fprintf(file, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">steps</text>\n", RIGHT, HEIGHT - 3);
}

static void draw_curve(FILE *file, const axes_t *axes, const curve_t *curve, const char *color, double opacity)
{
    fprintf(file,
            "<polyline fill=\"none\" stroke=\"var(--%s)\" stroke-width=\"1.8\" stroke-linejoin=\"round\" "
            "opacity=\"%g\" points=\"",
            color, opacity);
    for (int64_t i = 0; i < curve->count; i++)
        fprintf(file, "%.1f,%.1f ", x_of(axes, curve->steps[i]), y_of(axes, curve->losses[i]));
    fprintf(file, "\"/>\n");
}

/* Two bars with a dot for each seed, a whisker of one standard error, and the line of chance. */
static void draw_comparison(FILE *file, const quickstart_t *q)
{
    axes_t axes = {.most_step = 1, .least = 0, .most = 100};
    double highest = 0;
    for (int64_t i = 0; i < q->n_runs; i++)
        highest = fmax(highest, q->runs[i].accuracy);
    axes.most = fmin(100, ceil(highest * 10 + 1) * 10);
    fprintf(file, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"accuracy on held-out texts\">\n", WIDTH,
            HEIGHT);
    for (double value = 0; value <= axes.most; value += 20)
        fprintf(file,
                "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"var(--line)\"/><text x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%.0f</text>\n",
                LEFT, RIGHT, y_of(&axes, value), y_of(&axes, value), LEFT - 6, y_of(&axes, value) + 4, value);
    for (int pretrained = 0; pretrained < 2; pretrained++) {
        const char *color = pretrained ? "with" : "without";
        double mean, error, middle = LEFT + (RIGHT - LEFT) * (pretrained ? 0.7 : 0.3),
                            dot = middle - 9 * (double)(q->seeds - 1) / 2;
        accuracy_of(q, pretrained, &mean, &error);
        double top = y_of(&axes, 100 * mean), high = y_of(&axes, 100 * (mean + error)),
               low = y_of(&axes, 100 * (mean - error));
        fprintf(
            file,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"110\" height=\"%.1f\" rx=\"5\" fill=\"var(--%s)\" opacity=\".85\"/>\n",
            middle - 55, top, BOTTOM - top, color);
        fprintf(file, "<path d=\"M%.1f %.1fV%.1fm-6 0h12m-12 %.1fh12\" stroke=\"var(--ink)\" fill=\"none\"/>\n",
                middle + 40, low, high, low - high);
        for (int64_t i = 0; i < q->n_runs; i++) {
            if (q->runs[i].pretrained == pretrained) {
                fprintf(file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"var(--card)\" stroke=\"var(--ink)\"/>\n",
                        dot, y_of(&axes, 100 * q->runs[i].accuracy));
                dot += 9;
            }
        }
        fprintf(file, "<text class=\"value\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.1f %%</text>", middle,
                fmax(high - 8, 12), 100 * mean);
        fprintf(file, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", middle, BOTTOM + 18,
                pretrained ? "pretrained" : "from scratch");
    }
    double chance = y_of(&axes, 100 / (double)q->classes);
    fprintf(file,
            "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"var(--ink)\" stroke-dasharray=\"4 4\"/><text "
            "x=\"%d\" y=\"%.1f\" text-anchor=\"end\">chance</text>\n</svg>\n",
            LEFT, RIGHT, chance, chance, RIGHT, chance - 5);
}

static void row(FILE *file, const char *name, const char *format, double value)
{
    fprintf(file, "<tr><td class=\"soft\">%s</td><td>", name);
    fprintf(file, format, value);
    fputs("</td></tr>\n", file);
}

static void write_html(FILE *file, const quickstart_t *q)
{
    double mean[2], error[2];
    for (int i = 0; i < 2; i++)
        accuracy_of(q, i, &mean[i], &error[i]);
    fputs(head, file);
    fprintf(file,
            "<h1>Is pretraining worth it?</h1><p class=\"soft\">A network of %.2f million parameters read %.2f MB of "
            "text without labels. Then a classifier of %lld classes learned from %lld "
            "labelled texts each: on top of that network, and from scratch. Both were tested on the same %lld texts "
            "that neither had seen.</p>\n"
            "<div class=\"numbers\"><div class=\"card\"><b class=\"with\">%.1f %%</b>right when pretrained</div><div "
            "class=\"card\"><b class=\"without\">%.1f %%</b>right from scratch</div>"
            "<div class=\"card\"><b>%+.1f</b>points by pretraining</div><div class=\"card\"><b>%.0f s</b>for all of "
            "it</div></div>\n<div class=\"grid\">\n",
            (double)q->parameters / 1e6, (double)q->text_bytes / 1e6, (long long)q->classes, (long long)q->per_class,
            (long long)q->held_out, 100 * mean[1], 100 * mean[0], 100 * (mean[1] - mean[0]), q->seconds);

    fprintf(file, "<section class=\"card\"><h2>Accuracy on held-out texts</h2>\n");
    draw_comparison(file, q);
    fprintf(file,
            "<p class=\"soft\">Dots: the %lld seeds, each with its own labelled texts and new weights. Whiskers: one "
            "standard error.</p></section>\n",
            (long long)q->seeds);

    axes_t axes = {0, 0, 0};
    for (int64_t i = 0; i < q->n_runs; i++)
        widen(&axes, &q->runs[i].curve);
    fprintf(file, "<section class=\"card\"><h2>Fine-tuning: loss on the labelled texts</h2>\n");
    draw_axes(file, &axes, "loss of fine-tuning");
    for (int64_t i = 0; i < q->n_runs; i++)
        draw_curve(file, &axes, &q->runs[i].curve, q->runs[i].pretrained ? "with" : "without", 0.75);
    fprintf(file, "</svg><p class=\"soft\"><span class=\"with\">&#9632;</span> pretrained <span "
                  "class=\"without\">&#9632;</span> from scratch</p></section>\n");

    axes = (axes_t){0, 0, 0};
    widen(&axes, &q->pretrain_curve);
    fprintf(file, "<section class=\"card\"><h2>Pretraining: loss a byte</h2>\n");
    draw_axes(file, &axes, "loss of pretraining");
    draw_curve(file, &axes, &q->pretrain_curve, "with", 1);
    fprintf(file, "</svg><p class=\"soft\">%.3f on text that it has not seen, %.2f bits a byte.</p></section>\n",
            q->pretrain_held_out_loss, q->pretrain_held_out_loss / 0.69314718);

    fprintf(file, "<section class=\"card\"><h2>What the pretrained network writes</h2><pre>");
    html_text(file, q->sample);
    fprintf(file, "</pre></section>\n<section class=\"card\"><h2>Settings</h2><table>\n");
    row(file, "layers", "%.0f", (double)q->layers);
    row(file, "width", "%.0f", (double)q->width);
    row(file, "heads", "%.0f", (double)q->heads);
    row(file, "bytes a text, at most", "%.0f", (double)q->length);
    row(file, "steps of pretraining", "%.0f", (double)q->steps);
    row(file, "steps of fine-tuning", "%.0f", (double)q->finetune_steps);
    row(file, "learning rate of pretraining", "%g", q->learning_rate);
    row(file, "of fine-tuning, pretrained", "%g", q->finetune_rate);
    row(file, "of fine-tuning, from scratch", "%g", q->scratch_rate);
    row(file, "tokens a second", "%.0f", q->tokens_per_second);
    row(file, "memory at most, MB", "%.1f", (double)q->peak_bytes / 1e6);
    fprintf(file, "</table></section>\n<section class=\"card\"><h2>Classes</h2><p>");
    for (int64_t i = 0; i < q->classes; i++) {
        fputs(i ? ", " : "", file);
        html_text(file, q->class_names[i]);
    }
    fprintf(file, "</p><h2>Machine</h2><p>");
    html_text(file, q->machine);
    fprintf(file, "</p></section>\n</div></main></body></html>\n");
}

static int write_file(const quickstart_t *q, const char *name, void (*write)(FILE *, const quickstart_t *))
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", q->out, name);
    FILE *file = fopen(path, "w");
    if (file)
        write(file, q);
    int failed = !file || ferror(file);
    if ((file && fclose(file) != 0) || failed) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    return 0;
}

int write_report(const quickstart_t *q)
{
    return write_file(q, "report.json", write_json) != 0 || write_file(q, "report.html", write_html) != 0 ? -1 : 0;
}
