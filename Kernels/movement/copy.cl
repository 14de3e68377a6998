// Copies elements from one strided place to another: transposition, slices, broadcasting, and the
// pieces of a concatenation or of a border.
//
// WORD: an unsigned integer as wide as an element. FROM_STEP, TO_STEP: the steps along the run, as
// numbers where they are 0 or 1.
#if !defined(WORD) || !defined(FROM_STEP) || !defined(TO_STEP)
#error "WORD, FROM_STEP, TO_STEP"
#endif

__kernel LB_GROUP void copy(__global const WORD *restrict from, __global WORD *restrict to,
                            __constant Runs *runs, const uint count) {
  FOR_EACH_RUN(runs, start, length) {
    __global const WORD *restrict xs = from + lb_offset(runs, 0, start);
    __global WORD *restrict ys = to + lb_offset(runs, 1, start);
    const int from_step = FROM_STEP, to_step = TO_STEP;
    for (int i = 0; i < (int)length; i++) ys[i * to_step] = xs[i * from_step];
  }
}
