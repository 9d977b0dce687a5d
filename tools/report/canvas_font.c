/* A font of strokes for printable ASCII. A line of a glyph is points side by side, lines are parted by blanks. A point
 * is its x as a hexadecimal digit and its y as a letter, "e" the base line, "o" what small letters reach, "s" what
 * capital ones reach. A point behind a tilde is not on the line: the line turns towards it, as between the points of
 * TrueType's outlines, where two such points have one between them in their middle. */
#include <string.h>

#include "canvas.h"

static const char *const glyphs[] = {
    "",                                                          /*   */
    "0s0i 0f0e",                                                 /* ! */
    "0s0o 3s3o",                                                 /* " */
    "3s1e 8s6e 1n9n 0i8i",                                       /* # */
    "8p~8s4s~0s0o~0m4l~8k8i~8e4e~0e0h 4u4c",                     /* $ */
    "2s~0s0p~0m2m~4m4p~4s2s 8k~6k6h~6e8e~aeah~ak8k ar0f",        /* % */
    "9e2n~1o1p~1s4s~7s7p~7n3l~0j0h~0e4e~7e9j",                   /* & */
    "0s0o",                                                      /* ' */
    "3t~0q0k~0g3b",                                              /* ( */
    "0t~3q3k~3g0b",                                              /* ) */
    "3s3m 0r6n 6r0n",                                            /* * */
    "4n4f 0j8j",                                                 /* + */
    "1f1e0b",                                                    /* , */
    "0j5j",                                                      /* - */
    "0f0e",                                                      /* . */
    "6t0b",                                                      /* / */
    "4s~0s0l~0e4e~8e8l~8s4s",                                    /* 0 */
    "1p4s4e 0e8e",                                               /* 1 */
    "0o~0s4s~8s8o~8m5j0e8e",                                     /* 2 */
    "0q~1s4s~8s8p~8l4l3l 4l~8l8i~8e4e~0e0h",                     /* 3 */
    "6e6s0i8i",                                                  /* 4 */
    "7s1s1m~2n4n~8n8i~8e4e~1e0g",                                /* 5 */
    "7r~6s4s~0s0j~0e4e~8e8i~8m4m~0m0i",                          /* 6 */
    "0s8s3e",                                                    /* 7 */
    "4l~1l1o~1s4s~7s7o~7l4l~0l0i~0e4e~8e8i~8l4l",                /* 8 */
    "1f~2e4e~8e8n~8s4s~0s0o~0k4k~8k8o",                          /* 9 */
    "0n0m 0f0e",                                                 /* : */
    "1n1m 1f1e0b",                                               /* ; */
    "8o0j8e",                                                    /* < */
    "0l8l 0h8h",                                                 /* = */
    "0o8j0e",                                                    /* > */
    "0p~0s3s~7s7p~7n5l~3j3i 3f3e",                               /* ? */
    "be~9d6d~0d0k~0r6r~crck~chah~9h9k9o 9k~9h6h~3h3k~3o6o~9o9k", /* @ */
    "0e5sae 2j8j",                                               /* A */
    "0e0s4s~8s8p~8l4l0l 4l~9l9i~9e4e0e",                         /* B */
    "9p~8s5s~0s0l~0e5e~8e9h",                                    /* C */
    "0e0s4s~9s9l~9e4e0e",                                        /* D */
    "8s0s0e8e 0l7l",                                             /* E */
    "8s0s0e 0l7l",                                               /* F */
    "9p~8s5s~0s0l~0e5e~9e9i9k5k",                                /* G */
    "0s0e 9s9e 0l9l",                                            /* H */
    "0s0e",                                                      /* I */
    "6s6i~6e3e~0e0h",                                            /* J */
    "0s0e 8s0j 3m8e",                                            /* K */
    "0s0e7e",                                                    /* L */
    "0e0s5hasae",                                                /* M */
    "0e0s9e9s",                                                  /* N */
    "5s~0s0l~0e5e~aeal~as5s",                                    /* O */
    "0e0s4s~8s8o~8k4k0k",                                        /* P */
    "5s~0s0l~0e5e~aeal~as5s 6iad",                               /* Q */
    "0e0s4s~8s8o~8k4k0k 4k8e",                                   /* R */
    "8p~8s4s~0s0o~0m4l~8k8i~8e4e~0e0h",                          /* S */
    "0s8s 4s4e",                                                 /* T */
    "0s0j~0e4e5e~9e9j9s",                                        /* U */
    "0s5eas",                                                    /* V */
    "0s3e6s9ecs",                                                /* W */
    "0s8e 8s0e",                                                 /* X */
    "0s4l8s 4l4e",                                               /* Y */
    "0s8s0e8e",                                                  /* Z */
    "3t0t0b3b",                                                  /* [ */
    "0t6b",                                                      /* \ */
    "0t3t3b0b",                                                  /* ] */
    "0n3s6n",                                                    /* ^ */
    "0c8c",                                                      /* _ */
    "0s2p",                                                      /* ` */
    "7o7e 7l~7o4o~0o0j~0e4e~7e7h",                               /* a */
    "0s0e 0l~0o3o~7o7j~7e3e~0e0h",                               /* b */
    "7m~6o4o~0o0j~0e4e~6e7g",                                    /* c */
    "7s7e 7l~7o4o~0o0j~0e4e~7e7h",                               /* d */
    "0j7j~7o4o~0o0j~0e4e~6e7g",                                  /* e */
    "5s~2s2p2e 0o5o",                                            /* f */
    "7o7d~7a4a~1a0c 7l~7o4o~0o0j~0e4e~7e7h",                     /* g */
    "0s0e 0l~1o4o~7o7k7e",                                       /* h */
    "0o0e 0s0r",                                                 /* i */
    "2o2d~2a0a 2s2r",                                            /* j */
    "0s0e 7o0i 3k7e",                                            /* k */
    "0s0h~0e2e",                                                 /* l */
    "0o0e 0l~0o3o~5o5k5e 5l~5o8o~aoakae",                        /* m */
    "0o0e 0l~1o4o~7o7k7e",                                       /* n */
    "4o~0o0j~0e4e~8e8j~8o4o",                                    /* o */
    "0o0a 0l~0o3o~7o7j~7e3e~0e0h",                               /* p */
    "7o7a 7l~7o4o~0o0j~0e4e~7e7h",                               /* q */
    "0o0e 0k~0o4o",                                              /* r */
    "6m~6o3o~0o0m~0k3j~6i6g~6e3e~0e0g",                          /* s */
    "2s2h~2e5e 0o5o",                                            /* t */
    "0o0i~0e3e~6e7h 7o7e",                                       /* u */
    "0o4e8o",                                                    /* v */
    "0o3e5o7eao",                                                /* w */
    "0o7e 7o0e",                                                 /* x */
    "0o4e 8o4e2b~1a0a",                                          /* y */
    "0o7o0e7e",                                                  /* z */
    "4t~2t2q2m~2k0k~2k2i2e~2b4b",                                /* { */
    "0t0a",                                                      /* | */
    "0t~2t2q2m~2k4k~2k2i2e~2b0b",                                /* } */
    "0i~2m4k~6i8m",                                              /* ~ */
};
static const char box[] = "0e0s8s8e0e";
enum { CURVE_STEPS = 6 };

static const char *glyph_of(uint32_t character)
{
    return character >= ' ' && character <= '~' ? glyphs[character - ' '] : box;
}

static double x_of(char digit)
{
    return digit >= 'a' ? digit - 'a' + 10 : digit - '0';
}

/* The number of `count` points becomes one more. */
static void add(double *points, int *count, double x, double y)
{
    points[2 * *count] = x;
    points[2 * *count + 1] = y;
    ++*count;
}

/* A parabola from the last point towards a control point to (x, y). */
static void add_curve(double *points, int *count, const double control[2], double x, double y)
{
    const double from[2] = {points[2 * *count - 2], points[2 * *count - 1]};
    for (int i = 1; i <= CURVE_STEPS; i++) {
        const double t = (double)i / CURVE_STEPS, a = (1 - t) * (1 - t), b = 2 * t * (1 - t), c = t * t;
        add(points, count, a * from[0] + b * control[0] + c * x, a * from[1] + b * control[1] + c * y);
    }
}

int canvas_glyph(uint32_t character, double *points, int *lengths)
{
    int n = 0, begin = 0, count = 0, has_control = 0;
    double control[2] = {0, 0};
    for (const char *at = glyph_of(character); *at;) {
        if (*at == ' ') {
            lengths[n++] = count - begin;
            begin = count;
            at++;
            continue;
        }
        const int is_control = *at == '~';
        at += is_control;
        const double x = x_of(at[0]), y = at[1] - 'e';
        at += 2;
        if (has_control)
            add_curve(points, &count, control, is_control ? (control[0] + x) / 2 : x,
                      is_control ? (control[1] + y) / 2 : y);
        else if (!is_control)
            add(points, &count, x, y);
        has_control = is_control;
        control[0] = x;
        control[1] = y;
    }
    if (count > begin)
        lengths[n++] = count - begin;
    return n;
}

double canvas_glyph_advance(uint32_t character)
{
    double width = 0;
    for (const char *at = glyph_of(character); *at; at++) {
        if (*at == ' ' || *at == '~')
            continue;
        width = x_of(*at) > width ? x_of(*at) : width;
        at++;
    }
    return width + (character == ' ' ? 5.5 : 3.5);
}

double canvas_glyph_unit(double size)
{
    return 0.72 * size / CANVAS_CAPITAL;
}
