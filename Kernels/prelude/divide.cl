// Correctly rounded division and square root, in the subset that C and OpenCL C share.
//
// OpenCL allows x / y an error of 2.5 ulp and sqrt(x) 3 ulp. Here an approximation is corrected by
// Newton steps and then settled by its exact remainder (fma gives a - b*q without rounding for q
// within an ulp of a / b), after Markstein, "IA-64 and Elementary Functions", chapter 8.
//
// What holds: lb_divide and lb_sqrt equal IEEE 754 in every case (zeros, infinities, NaN but for
// its payload, overflow and subnormal results included), and need no subnormal number on the way:
// where operands or quotient are so large or so small that a remainder could be subnormal, the
// quotient is found in integers. A device that flushes subnormals may still flush operands before
// or results after.
//
// Define LB_EXACT_DIVISION where `/` and sqrt are correctly rounded already: C, and programs built
// with -cl-fp32-correctly-rounded-divide-sqrt.

#ifndef LB_FUNCTION
#define LB_FUNCTION static inline __attribute__((unused))
#endif

// The float nearest to a / b for normal a, b and a / b with exponents in the middle of the range,
// from an approximation of 1 / b whose relative error is below 2^-12.
LB_FUNCTION float lb_divide_from(float a, float b, float reciprocal) {
  float y = fma(fma(-b, reciprocal, 1.0f), reciprocal, reciprocal);
  y = fma(fma(-b, y, 1.0f), y, y);
  float q = a * y;
  q = fma(fma(-b, q, a), y, q);
  // q is one of the two floats around a / b, or nearer; the remainder says which is nearest. The
  // neighbour away from zero wins when it leaves the smaller remainder. No quotient of two floats
  // lies half way between two normal floats.
  float remainder = fma(-b, q, a);
  bool outwards = (remainder < 0.0f) == ((as_int(b) ^ as_int(q)) < 0);
  float other = as_float(outwards ? as_int(q) + 1 : as_int(q) - 1);
  float otherRemainder = fma(-b, other, a);
  return fabs(otherRemainder) < fabs(remainder) ? other : q;
}

// Mantissa of a nonzero finite number as an integer in [2^23, 2^24), its exponent in *exponent.
LB_FUNCTION uint lb_mantissa(float x, int *exponent) {
  uint bits = (uint)as_int(x) & 0x7fffffffu;
  if (bits >= 0x00800000u) {
    *exponent = (int)(bits >> 23) - 150;
    return (bits & 0x007fffffu) | 0x00800000u;
  }
  int e = -149;
  while (bits < 0x00800000u) {
    bits <<= 1;
    e -= 1;
  }
  *exponent = e;
  return bits;
}

// a / b for any operands, by integer division of the mantissas.
LB_FUNCTION float lb_divide_anything(float a, float b) {
  uint sign = ((uint)as_int(a) ^ (uint)as_int(b)) & 0x80000000u;
  uint x = (uint)as_int(a) & 0x7fffffffu, y = (uint)as_int(b) & 0x7fffffffu;
  if (x > 0x7f800000u || y > 0x7f800000u || (x == y && (x == 0u || x == 0x7f800000u)))
    return as_float(0x7fc00000);
  if (x == 0x7f800000u || y == 0u) return as_float((int)(sign | 0x7f800000u));
  if (x == 0u || y == 0x7f800000u) return as_float((int)sign);
  int ea, eb;
  ulong n = (ulong)lb_mantissa(a, &ea) << 26;
  ulong d = (ulong)lb_mantissa(b, &eb);
  ulong q = n / d;  // in (2^25, 2^27)
  int e = ea - eb - 26;
  uint sticky = n - q * d != 0ul ? 1u : 0u;
  // Bits to drop so that 24 remain, or fewer where the result is subnormal.
  int drop = q >= (1ul << 26) ? 3 : 2;
  if (e + drop < -149) drop = -149 - e;
  if (drop > 30) return as_float((int)sign);
  uint kept = (uint)(q >> drop);
  uint rest = (uint)(q & ((1ul << drop) - 1ul));
  uint half_way = 1u << (drop - 1);
  if (rest > half_way || (rest == half_way && (sticky != 0u || (kept & 1u) != 0u))) kept += 1u;
  // A mantissa of 2^24 after rounding carries into the exponent by itself.
  int biased = e + drop + 149;  // 0: subnormal
  if (biased >= 254) return as_float((int)(sign | 0x7f800000u));
  return as_float((int)(sign | (((uint)biased << 23) + kept)));
}

#ifdef LB_EXACT_DIVISION
LB_FUNCTION float lb_divide(float a, float b) { return a / b; }
#else
LB_FUNCTION float lb_divide(float a, float b) {
  // Exponent fields; the window keeps quotient, reciprocal and remainders normal.
  uint ea = ((uint)as_int(a) >> 23) & 255u, eb = ((uint)as_int(b) >> 23) & 255u;
  bool middle = ea - 77u < 101u && eb - 77u < 101u;
  return middle ? lb_divide_from(a, b, 1.0f / b) : lb_divide_anything(a, b);
}
#endif

// The float nearest to the square root of a normal x with an exponent in the middle of the range,
// from an approximation of it whose relative error is below 2^-12.
LB_FUNCTION float lb_sqrt_from(float x, float root, float reciprocal) {
  float s = fma(fma(-root, root, x) * reciprocal, 0.5f, root);
  s = fma(fma(-s, s, x) * reciprocal, 0.5f, s);
  // s is within an ulp. With u the ulp towards the neighbour t, the root lies beyond the middle
  // s + u/2 exactly when x - s^2 > s*u (+ u^2/4, which never decides: all is a multiple of u^2).
  float remainder = fma(-s, s, x);
  float up = as_float(as_int(s) + 1), down = as_float(as_int(s) - 1);
  float above = fma(-s, up, x);    // x - s*(s + u)
  float below = fma(-s, down, x);  // x - s*(s - u)
  return remainder > 0.0f && above > 0.0f ? up : remainder < 0.0f && below <= 0.0f ? down : s;
}

#ifdef LB_EXACT_DIVISION
LB_FUNCTION float lb_sqrt(float x) { return sqrt(x); }
#else
LB_FUNCTION float lb_sqrt(float x) {
  if (!(x > 0.0f) || as_int(x) >= 0x7f800000)
    return x == 0.0f || as_int(x) == 0x7f800000 ? x : as_float(0x7fc00000);
  int e;
  uint m = lb_mantissa(x, &e);  // x = m * 2^e
  int odd = e & 1;
  // y = m * 2^(odd - 24) lies in [1/2, 2); the root of x is its root times 2^((e + 24 - odd) / 2).
  float y = (float)m * (odd ? 0x1p-23f : 0x1p-24f);
  float root = sqrt(y);
  float s = lb_sqrt_from(y, root, 1.0f / root);
  return s * as_float((((e + 24 - odd) >> 1) + 127) << 23);
}
#endif
