// to[i] = EXPRESSION of x = from[i], with parameters a and b.
//
// FROM, TO: element types. EXPRESSION: in terms of x, a and b.
#if !defined(FROM) || !defined(TO) || !defined(EXPRESSION)
#error "FROM, TO, EXPRESSION"
#endif

__kernel LB_GROUP void map(__global const FROM *restrict from, __global TO *restrict to,
                           const uint count, const float a, const float b) {
  FOR_EACH_ITEM(i, count) {
    const FROM x = from[i];
    to[i] = EXPRESSION;
  }
}
