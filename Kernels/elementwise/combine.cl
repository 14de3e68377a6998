// to[i] = EXPRESSION of x and y, the elements of two tensors that are broadcast to one shape.
//
// FROM, TO: element types. EXPRESSION: in terms of x and y. X_STEP, Y_STEP: 1 where the operand
// moves along the run, 0 where one element serves all of it.
#if !defined(FROM) || !defined(TO) || !defined(EXPRESSION) || !defined(X_STEP) || !defined(Y_STEP)
#error "FROM, TO, EXPRESSION, X_STEP, Y_STEP"
#endif

__kernel LB_GROUP void combine(__global const FROM *restrict from,
                               __global const FROM *restrict with, __global TO *restrict to,
                               __constant Runs *runs, const uint count) {
  FOR_EACH_RUN(runs, start, length) {
    __global const FROM *restrict xs = from + lb_offset(runs, 0, start);
    __global const FROM *restrict ys = with + lb_offset(runs, 1, start);
    __global TO *restrict zs = to + start;
    for (uint i = 0; i < length; i++) {
      const FROM x = xs[i * X_STEP];
      const FROM y = ys[i * Y_STEP];
      zs[i] = EXPRESSION;
    }
  }
}
