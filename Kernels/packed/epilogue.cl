// From sums to codes, 16 filters at a time.
//
// ROUNDING: 0 float, 1 integer, 2 shift, 3 floorShift, as `Rounding` in Swift numbers them; none
// for sums as they are. RESIDUAL: there is another summand. Parameters: [3][filters of all groups,
// filled up to blocks] of `int`: what is added to a sum, the multiplier (the bits of a float where
// ROUNDING is 0), the shift.

#if defined(ROUNDING)
typedef struct {
  // Of the codes, of the result where there is another summand.
  int zero, lowest, highest, result_zero, result_lowest, result_highest, other_zero;
  int16 addend;
#if ROUNDING == 0
  float16 multiplier;
#else
  int16 multiplier, shift;
#endif
} Parameters;

// Copies what a loop over pixels needs, as its stores keep compilers from doing so.
LB_FUNCTION Parameters load_parameters(__constant Geometry *g, __global const int *table, int count,
                                       int at) {
  Parameters parameters;
  parameters.zero = g->zero;
  parameters.lowest = g->lowest - g->zero;
  parameters.highest = g->highest - g->zero;
  parameters.result_zero = g->result_zero;
  parameters.result_lowest = g->result_lowest - g->result_zero;
  parameters.result_highest = g->result_highest - g->result_zero;
  parameters.other_zero = g->other_zero;
  // Vectors of a type of their own, because drivers read vload16 in parts.
  __global const int16 *vectors = (__global const int16 *)(table + at);
  parameters.addend = *vectors;
#if ROUNDING == 0
  parameters.multiplier = as_float16(vectors[count / 16]);
#else
  parameters.multiplier = vectors[count / 16];
  parameters.shift = vectors[2 * (count / 16)];
#endif
  return parameters;
}

// 64 bits, because a product has as many, and half a unit may be added to any sum.
LB_FUNCTION long16 wide(int16 value) { return convert_long16(value); }

// The nearest whole number to each of `values`, ties to even, between whole numbers below 2^20;
// plus `zero`. At 1.5 * 2^23 the last bit of a float is a unit, and addition rounds to it.
LB_FUNCTION int16 whole_code(float16 values, int lowest, int highest, int zero) {
  const float16 lower = (float)lowest, upper = (float)highest;
  values = values < lower ? lower : values;
  values = values > upper ? upper : values;
  return as_int16(values + 0x1.8p23f) + (zero - 0x4b400000);
}

LB_FUNCTION int16 rounded_code(const Parameters *p, int16 sum) {
  sum += p->addend;
#if ROUNDING == 0
  const float16 value = convert_float16(sum) * p->multiplier;
  // The bounds are whole, so that rounding after clipping is rounding before.
  return whole_code(value, p->lowest, p->highest, p->zero);
#else
#if ROUNDING == 1
  const long16 shift = wide(p->shift);
  const long16 value = (wide(sum) * wide(p->multiplier) + ((long16)1 << (shift - 1))) >> shift;
#elif ROUNDING == 2
  const long16 shift = wide(p->shift);
  const long16 value = (wide(sum) + (((long16)1 << shift) >> 1)) >> shift;
#else
  const long16 value = wide(sum >> p->shift);
#endif
  return convert_int16(clamp(value, (long16)p->lowest, (long16)p->highest)) + p->zero;
#endif
}

#ifdef LB_EXACT_DIVISION
LB_FUNCTION float16 divide(float16 a, float b) { return a / b; }
#else
LB_FUNCTION float16 divide(float16 a, float b) {
  float values[16];
  vstore16(a, 0, values);
  for (int i = 0; i < 16; ++i) values[i] = lb_divide(values[i], b);
  return vload16(0, values);
}
#endif

// The code of what `code` and the other summand stand for together. `scales`: of `code`, of the
// other one, of the result.
LB_FUNCTION int16 joined_code(const Parameters *p, int16 code, int16 other, const float4 scales) {
  const float16 own = convert_float16(code - p->zero) * scales.x;
  const float16 its = convert_float16(other - p->other_zero) * scales.y;
  return whole_code(divide(own + its, scales.z), p->result_lowest, p->result_highest,
                    p->result_zero);
}
#endif
