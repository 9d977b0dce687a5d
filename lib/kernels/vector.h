/* Serial inner loops of one processor level. lib/kernels/level/ holds their sources, portable C written so that compilers vectorise them
 * (fixed lanes of 16, no reassociation left to the compiler); meson compiles each once a level with that level's flags, and
 * PT__LEVEL_SUFFIX tells the tables apart. Only the kernels' drivers use this table. */
#ifndef PT__VECTOR_H
#define PT__VECTOR_H
#endif
