// to[i] = condition ? x : y, three tensors that are broadcast to one shape.
//
// WORD: an unsigned integer as wide as an element. C_STEP, X_STEP, Y_STEP: as in combine.cl.
#if !defined(WORD) || !defined(C_STEP) || !defined(X_STEP) || !defined(Y_STEP)
#error "WORD, C_STEP, X_STEP, Y_STEP"
#endif

__kernel LB_GROUP void choose(__global const uchar *restrict condition,
                              __global const WORD *restrict from,
                              __global const WORD *restrict with, __global WORD *restrict to,
                              __constant Runs *runs, const uint count) {
  FOR_EACH_RUN(runs, start, length) {
    __global const uchar *restrict cs = condition + lb_offset(runs, 0, start);
    __global const WORD *restrict xs = from + lb_offset(runs, 1, start);
    __global const WORD *restrict ys = with + lb_offset(runs, 2, start);
    __global WORD *restrict zs = to + start;
    for (uint i = 0; i < length; i++) {
      // Both are read, so that vectors of them can be.
      const WORD x = xs[i * X_STEP], y = ys[i * Y_STEP];
      zs[i] = cs[i * C_STEP] != 0 ? x : y;
    }
  }
}
