// What becomes of a sum.
//
//   SUMS            int, in place
//   otherwise       a code of YBITS bits
//
//   ROUND_FLOAT     rint((float)sum * multiplier)
//   ROUND_INTEGER   (sum * multiplier + (1 << (shift - 1))) >> shift, in 64 bits
//   ROUND_SHIFT     (sum + (1 << (shift - 1))) >> shift, in 64 bits; sum where shift is 0
//   ROUND_FLOOR     sum >> shift
//   RESIDUAL        the codes' numbers and those of `other` are added and brought to codes again
//   INPUT_SUMS      weights are those of the product plus `offset`, so that it needs the sums of x
//
// `rows` holds for every filter: what the product lacks, the sum of its weights, the offset.
// Multipliers of ROUND_FLOAT are the bits of floats.
#define RESULT_PARAMETERS                                                                          \
  __global uint *restrict y, __global const int4 *restrict rows, const int inputZeroPoint,         \
      __global const int *restrict inputSums, __global const int *restrict bias,                   \
      const int hasBias, __global const int *restrict multiplier, const int multiplierStep,        \
      __global const int *restrict shift, const int shiftStep, const int4 codes,                   \
      __global const uint *restrict other, const int4 otherCodes, const float4 scales

// The sum for a filter: the product less the zero point's share, plus the bias.
LB_FUNCTION int whole_sum(const int product, const int4 row, const int inputZeroPoint,
                          const int inputSum, const int bias) {
  uint sum = (uint)product + (uint)row.x - (uint)inputZeroPoint * (uint)row.y + (uint)bias;
#ifdef INPUT_SUMS
  sum += (uint)row.z * (uint)inputSum;
#endif
  return (int)sum;
}

#ifndef SUMS
#if YBITS != 1 && YBITS != 2 && YBITS != 4 && YBITS != 8
#error "YBITS: bits of a code of the result, 1, 2, 4 or 8"
#endif

// codes: zero point, lowest, highest
LB_FUNCTION uint code_of(const int sum, const int multiplier, const int shift, const int4 codes) {
#ifdef ROUND_FLOAT
  const float steps = rint((float)sum * as_float(multiplier));
  return (uint)(convert_int(clamp(steps, (float)(codes.y - codes.x), (float)(codes.z - codes.x))) +
                codes.x);
#else
#if defined(ROUND_INTEGER)
  const long steps = ((long)sum * (long)multiplier + (1l << (shift - 1))) >> shift;
#elif defined(ROUND_SHIFT)
  const long steps = shift == 0 ? (long)sum : ((long)sum + (1l << (shift - 1))) >> shift;
#elif defined(ROUND_FLOOR)
  const long steps = (long)(sum >> shift);
#else
#error "SUMS or a way of rounding"
#endif
  return (uint)((int)clamp(steps, (long)(codes.y - codes.x), (long)(codes.z - codes.x)) + codes.x);
#endif
}

// Codes of four channels, a byte each, of which `count` exist, plus those of `others`.
// otherCodes: the other summand's zero point, the result's, lowest, highest.
// scales: of the codes, of the others, of the result.
LB_FUNCTION uint add_residual(const uint own, const uint others, const int count, const int4 codes,
                              const int4 otherCodes, const float4 scales) {
  uint result = 0;
#ifdef RESIDUAL
  for (int i = 0; i < count; i++) {
    const float a = (float)((int)(own >> (8 * i) & 255u) - codes.x) * scales.x;
    const float b = (float)((int)(others >> (8 * i) & 255u) - otherCodes.x) * scales.y;
    const float steps = rint(lb_divide(a + b, scales.z));
    const float clipped =
        clamp(steps, (float)(otherCodes.z - otherCodes.y), (float)(otherCodes.w - otherCodes.y));
    result |= (uint)(convert_int(clipped) + otherCodes.y) << (8 * i);
  }
#endif
  return result;
}

// Four codes, a byte each, in YBITS bits each.
LB_FUNCTION uint narrow_codes(const uint four) {
#if YBITS == 8
  return four;
#else
  return (four & 255u) | (four >> 8 & 255u) << YBITS | (four >> 16 & 255u) << (2 * YBITS) |
         (four >> 24) << (3 * YBITS);
#endif
}
#endif
