// Elementary functions of float32 from fma, +, *, lb_divide, lb_sqrt, rint and bits: the same text,
// and so the same results, in C and on every OpenCL device. Needs divide.cl before it.
//
// Arguments are reduced as in Cody and Waite, "Software Manual for the Elementary Functions"; the
// polynomials are our own weighted minimax fits (Lawson's iteration), coefficients rounded to
// floats one at a time. Special values are C99's (Annex F). Devices that flush subnormals give 0
// for subnormal results.
//
// Largest errors, in units in the last place of the exact result, that
// Tests/Exhaustive/elementary.c found over every seventh float32 (pow: 6e8 pairs):
//
//   exp   0.99   log   0.81   sin   1.5   asin  2.4   sinh  1.7   asinh 1.8   erf      1.1
//   expm1 1.5    log1p 1.4    cos   1.5   acos  1.1   cosh  1.5   acosh 2.0   sigmoid  2.4
//   pow   1.6                 tan   3.3   atan  1.4   tanh  1.4   atanh 2.1   softplus 1.7

// x * 2^k for k in [-252, 254], rounded once.
LB_FUNCTION float lb_scale(float x, int k) {
  uint first = (uint)(k >> 1), second = (uint)k - first;
  return x * as_float((int)((first + 127u) << 23)) * as_float((int)((second + 127u) << 23));
}

// The integer nearest to x (|x| < 2^22) as an int; 0x1.8p23f pushes the fraction out.
#define LB_MAGIC 0x1.8p23f
LB_FUNCTION int lb_low_bits(float x) { return (int)((uint)as_int(x) - (uint)as_int(LB_MAGIC)); }

// (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2
LB_FUNCTION float lb_exp_tail(float r) {
  float p = fma(r, 0x1.a242eep-13f, 0x1.6d4292p-10f);
  p = fma(r, p, 0x1.111004p-7f);
  p = fma(r, p, 0x1.5554f2p-5f);
  p = fma(r, p, 0x1.555556p-3f);
  return fma(r, p, 0x1.000000p-1f);
}

// e^(x + xLow) * 2^k; |xLow| is at most an ulp of x.
LB_FUNCTION float lb_exp_wide(float x, float xLow, int k) {
  x = x > 100.0f ? 100.0f : x < -120.0f ? -120.0f : x;
  float t = fma(x, 0x1.715476p+0f, LB_MAGIC);
  float n = t - LB_MAGIC;
  float r = fma(n, -0x1.62e400p-1f, x);
  r = fma(n, -0x1.7f7d1cp-20f, r) + xLow;
  float e = fma(r * r, lb_exp_tail(r), r) + 1.0f;
  return lb_scale(e, lb_low_bits(t) + k);
}

LB_FUNCTION float lb_exp(float x) { return lb_exp_wide(x, 0.0f, 0); }

// e^x - 1 = 2^k (e^r - 1) + (2^k - 1)
LB_FUNCTION float lb_expm1(float x) {
  float c = x > 88.0f ? 88.0f : x < -30.0f ? -30.0f : x;
  float t = fma(c, 0x1.715476p+0f, LB_MAGIC);
  float n = t - LB_MAGIC;
  float r = fma(n, -0x1.62e400p-1f, c);
  r = fma(n, -0x1.7f7d1cp-20f, r);
  float power = as_float((int)(((uint)lb_low_bits(t) + 127u) << 23));
  float y = fma(power, fma(r * r, lb_exp_tail(r), r), power - 1.0f);
  return x == 0.0f ? x : x > 88.0f ? lb_exp(x) : y;
}

// Exponent and mantissa of a normal u: u = m * 2^e with m in [sqrt(1/2), sqrt(2)).
LB_FUNCTION float lb_split(float u, int *e) {
  uint bits = (uint)as_int(u) - 0x3f3504f3u;
  *e = (int)bits >> 23;
  return as_float((int)((bits & 0x007fffffu) + 0x3f3504f3u));
}

// log(1 + f) + e * log(2) for f in [sqrt(1/2) - 1, sqrt(2) - 1]
LB_FUNCTION float lb_log_sum(float f, float e) {
  float z = f * f;
  float p = fma(f, 0x1.1b3e34p-4f, -0x1.e30016p-4f);
  p = fma(f, p, 0x1.e65d0ap-4f);
  p = fma(f, p, -0x1.fb40fep-4f);
  p = fma(f, p, 0x1.233208p-3f);
  p = fma(f, p, -0x1.5562e8p-3f);
  p = fma(f, p, 0x1.99a54ap-3f);
  p = fma(f, p, -0x1.ffffeep-3f);
  p = fma(f, p, 0x1.555546p-2f);
  float y = fma(f * z, p, e * 0x1.7f7d1cp-20f);
  y = fma(-0.5f, z, y);
  return fma(e, 0x1.62e400p-1f, f + y);
}

LB_FUNCTION float lb_log(float x) {
  bool tiny = x < 0x1p-126f;
  int e;
  float m = lb_split(tiny ? x * 0x1p23f : x, &e);
  float y = lb_log_sum(m - 1.0f, (float)(tiny ? e - 23 : e));
  y = x == 0.0f ? -as_float(0x7f800000) : y;
  y = x < 0.0f ? as_float(0x7fc00000) : y;
  return x < as_float(0x7f800000) ? y : x;
}

// log(1 + x): the rounding error of 1 + x is carried into the fraction.
LB_FUNCTION float lb_log1p(float x) {
  float u = 1.0f + x;
  float back = u - 1.0f;
  float lost = (1.0f - (u - back)) + (x - back);
  int e;
  float m = lb_split(u, &e);
  float unit = e < 64 ? as_float((int)((uint)(127 - e) << 23)) : 0.0f;
  float y = lb_log_sum(fma(lost, unit, m - 1.0f), (float)e);
  y = x == -1.0f ? -as_float(0x7f800000) : y;
  y = x < -1.0f ? as_float(0x7fc00000) : y;
  y = x == 0.0f ? x : y;
  return x < as_float(0x7f800000) ? y : x;
}

// Bits of 2/pi behind the point, after a word of zeros.
LB_CONSTANT uint lb_two_over_pi[8] = {0x00000000u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u,
                                      0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu};

// r in [-pi/4, pi/4] and a quadrant with x = r + quadrant * pi/2, modulo 2 pi, for |x| >= 2^15: x
// is multiplied by the 96 bits of 2/pi that decide the result (Payne and Hanek 1983).
LB_FUNCTION float lb_reduce_large(float x, int *quadrant) {
  uint bits = (uint)as_int(x) & 0x7fffffffu;
  uint position = (bits >> 23) - 120u;  // where the window opens, counted from the word of zeros
  uint m = (bits & 0x007fffffu) | 0x00800000u;
  uint word = (position >> 5) & 7u, shift = position & 31u;
  ulong w0 = lb_two_over_pi[word], w1 = lb_two_over_pi[(word + 1u) & 7u];
  ulong w2 = lb_two_over_pi[(word + 2u) & 7u], w3 = lb_two_over_pi[(word + 3u) & 7u];
  ulong a0 = (((w0 << 32) | w1) << shift) >> 32;
  ulong a1 = (((w1 << 32) | w2) << shift) >> 32;
  ulong a2 = (((w2 << 32) | w3) << shift) >> 32;
  // Two bits of quadrant, then 62 of fraction.
  ulong product = ((m * a0) << 32) + m * a1 + ((m * a2) >> 32);
  int q = (int)((product + (1ul << 61)) >> 62);
  long fraction = (long)(product << 2) >> 1;  // of pi/2, times 2^63
  float high = (float)fraction;
  float low = (float)(fraction - (long)high);
  float r = fma(high, 0x1.921fb6p-63f, fma(low, 0x1.921fb6p-63f, high * -0x1.777a5cp-88f));
  bool negative = as_int(x) < 0;
  *quadrant = negative ? -q : q;
  return negative ? -r : r;
}

LB_FUNCTION float lb_reduce(float x, int *quadrant) {
  if (fabs(x) >= 32768.0f) {
    if (as_int(fabs(x)) < 0x7f800000) return lb_reduce_large(x, quadrant);
    *quadrant = 0;
    return as_float(0x7fc00000);
  }
  float t = fma(x, 0x1.45f306p-1f, LB_MAGIC);
  float n = t - LB_MAGIC;
  float r = fma(n, -0x1.921fb6p+0f, x);
  r = fma(n, 0x1.777a5cp-25f, r);
  r = fma(n, 0x1.ee59dap-50f, r);
  *quadrant = lb_low_bits(t);
  return r;
}

LB_FUNCTION float lb_sin_reduced(float r) {
  float z = r * r;
  float p = fma(z, 0x1.7bf1aap-19f, -0x1.a058e4p-13f);
  p = fma(z, p, 0x1.111174p-7f);
  p = fma(z, p, -0x1.555556p-3f);
  return fma(r * z, p, r);
}

LB_FUNCTION float lb_cos_reduced(float r) {
  float z = r * r;
  float p = fma(z, -0x1.35dfecp-22f, 0x1.a0714cp-16f);
  p = fma(z, p, -0x1.6c175ep-10f);
  p = fma(z, p, 0x1.555556p-5f);
  return fma(z, fma(z, p, -0.5f), 1.0f);
}

LB_FUNCTION float lb_sin(float x) {
  int quadrant;
  float r = lb_reduce(x, &quadrant);
  float y = (quadrant & 1) != 0 ? lb_cos_reduced(r) : lb_sin_reduced(r);
  y = (quadrant & 2) != 0 ? -y : y;
  return x == 0.0f ? x : y;
}

LB_FUNCTION float lb_cos(float x) {
  int quadrant;
  float r = lb_reduce(x, &quadrant);
  float y = (quadrant & 1) != 0 ? lb_sin_reduced(r) : lb_cos_reduced(r);
  return ((quadrant + 1) & 2) != 0 ? -y : y;
}

LB_FUNCTION float lb_tan(float x) {
  int quadrant;
  float r = lb_reduce(x, &quadrant);
  float s = lb_sin_reduced(r), c = lb_cos_reduced(r);
  bool odd = (quadrant & 1) != 0;
  float y = lb_divide(odd ? -c : s, odd ? s : c);
  return x == 0.0f ? x : y;
}

// asin(x) - x for |x| <= 1/2, z = x^2
LB_FUNCTION float lb_asin_tail(float x, float z) {
  float p = fma(z, 0x1.342870p-5f, 0x1.d6a41ap-7f);
  p = fma(z, p, 0x1.04be64p-5f);
  p = fma(z, p, 0x1.6ca912p-5f);
  p = fma(z, p, 0x1.3338a6p-4f);
  p = fma(z, p, 0x1.55554cp-3f);
  return x * z * p;
}

LB_FUNCTION float lb_copy_sign(float magnitude, float sign) {
  return as_float((as_int(magnitude) & 0x7fffffff) | (as_int(sign) & (int)0x80000000));
}

LB_FUNCTION float lb_asin(float x) {
  float a = fabs(x);
  float z = a > 0.5f ? fma(-0.5f, a, 0.5f) : a * a;
  float s = a > 0.5f ? lb_sqrt(z) : a;
  float y = s + lb_asin_tail(s, z);
  float wide = 0x1.921fb6p+0f - fma(2.0f, y, 0x1.777a5cp-25f);
  return lb_copy_sign(a > 0.5f ? wide : y, x);
}

LB_FUNCTION float lb_acos(float x) {
  float a = fabs(x);
  float z = a > 0.5f ? fma(-0.5f, a, 0.5f) : a * a;
  float s = a > 0.5f ? lb_sqrt(z) : x;
  float tail = lb_asin_tail(s, z);
  float middle = 0x1.921fb6p+0f - (s + (tail + 0x1.777a5cp-25f));
  float near = 2.0f * (s + tail);
  float far = 0x1.921fb6p+1f - (near + 0x1.777a5cp-24f);
  return a > 0.5f ? (x > 0.0f ? near : far) : middle;
}

LB_FUNCTION float lb_atan(float x) {
  float a = fabs(x);
  bool wide = a > 1.0f;
  float t = wide ? lb_divide(1.0f, a) : a;
  float z = t * t;
  float p = fma(z, 0x1.29687ep-10f, -0x1.e6a0ecp-8f);
  p = fma(z, p, 0x1.753040p-6f);
  p = fma(z, p, -0x1.7080bap-5f);
  p = fma(z, p, 0x1.150a00p-4f);
  p = fma(z, p, -0x1.6953bcp-4f);
  p = fma(z, p, 0x1.c51170p-4f);
  p = fma(z, p, -0x1.247620p-3f);
  p = fma(z, p, 0x1.99981cp-3f);
  p = fma(z, p, -0x1.555552p-2f);
  float y = fma(t * z, p, t);
  return lb_copy_sign(wide ? 0x1.921fb6p+0f - (y + 0x1.777a5cp-25f) : y, x);
}

LB_FUNCTION float lb_sinh(float x) {
  float a = fabs(x), z = a * a;
  float p = fma(z, 0x1.75a6f4p-19f, 0x1.a02156p-13f);
  p = fma(z, p, 0x1.1110e2p-7f);
  p = fma(z, p, 0x1.555556p-3f);
  float small = fma(a * z, p, a);
  float h = lb_exp_wide(a, 0.0f, -1);
  float wide = h - lb_divide(0.25f, h);
  return lb_copy_sign(a < 1.0f ? small : wide, x);
}

LB_FUNCTION float lb_cosh(float x) {
  float h = lb_exp_wide(fabs(x), 0.0f, -1);
  return h + lb_divide(0.25f, h);
}

LB_FUNCTION float lb_tanh(float x) {
  float a = fabs(x), z = x * x;
  float p = fma(z, 0x1.17edbep-9f, -0x1.0bd070p-7f);
  p = fma(z, p, 0x1.638c0ep-6f);
  p = fma(z, p, -0x1.b9efacp-5f);
  p = fma(z, p, 0x1.111074p-3f);
  p = fma(z, p, -0x1.555554p-2f);
  float small = fma(a * z, p, a);
  float e = lb_exp(2.0f * (a > 16.0f ? 16.0f : a));
  float wide = 1.0f - lb_divide(2.0f, e + 1.0f);
  return lb_copy_sign(a < 0.625f ? small : wide, x);
}

LB_FUNCTION float lb_asinh(float x) {
  float a = fabs(x);
  bool large = a > 16384.0f;
  float z = large ? 1.0f : a * a;
  float y = lb_log1p(a + lb_divide(z, 1.0f + lb_sqrt(z + 1.0f)));
  return lb_copy_sign(large ? lb_log(a) + 0x1.62e430p-1f : y, x);
}

LB_FUNCTION float lb_acosh(float x) {
  bool large = x > 16384.0f;
  float t = large ? 0.0f : x - 1.0f;
  float y = lb_log1p(t + lb_sqrt(fma(t, t, 2.0f * t)));
  y = large ? lb_log(x) + 0x1.62e430p-1f : y;
  return x < 1.0f ? as_float(0x7fc00000) : y;
}

LB_FUNCTION float lb_atanh(float x) {
  float a = fabs(x);
  return lb_copy_sign(0.5f * lb_log1p(lb_divide(2.0f * a, 1.0f - a)), x);
}

LB_FUNCTION float lb_erf(float x) {
  float a = fabs(x), z = x * x;
  float p = fma(z, 0x1.4e56e0p-14f, -0x1.a5be04p-11f);
  p = fma(z, p, 0x1.5442a4p-8f);
  p = fma(z, p, -0x1.b80082p-6f);
  p = fma(z, p, 0x1.ce2d60p-4f);
  p = fma(z, p, -0x1.812740p-2f);
  p = fma(z, p, 0x1.06eba8p-3f);
  float small = fma(x, p, x);
  // erfc(a) = exp(-a * q(a))
  float b = a > 4.0f ? 4.0f : a;
  float q = fma(b, -0x1.2a6d30p-19f, 0x1.2a4426p-15f);
  q = fma(b, q, -0x1.d95472p-13f);
  q = fma(b, q, 0x1.1c11b0p-11f);
  q = fma(b, q, 0x1.c9428ap-10f);
  q = fma(b, q, -0x1.5b1e62p-6f);
  q = fma(b, q, 0x1.aa7b74p-4f);
  q = fma(b, q, 0x1.45b0d8p-1f);
  q = fma(b, q, 0x1.20e2dep+0f);
  float wide = lb_copy_sign(1.0f - lb_exp(-b * q), x);
  return a < 0.925f ? small : wide;
}

// exp(y * log(a)) for a normal or subnormal a > 0; the logarithm is a sum of two floats.
LB_FUNCTION float lb_pow_positive(float a, float y) {
  bool tiny = a < 0x1p-126f;
  int exponent;
  float m = lb_split(tiny ? a * 0x1p23f : a, &exponent);
  float e = (float)(tiny ? exponent - 23 : exponent);
  // log(m) = 2 s + s^3 p(s^2), s = (m - 1) / (m + 1)
  float numerator = m - 1.0f, denominator = m + 1.0f;
  float denominatorLow = m - (denominator - 1.0f);
  float s = lb_divide(numerator, denominator);
  float rest = fma(-s, denominatorLow, fma(-s, denominator, numerator));
  float sLow = lb_divide(rest, denominator);
  float z = s * s;
  float p = fma(z, 0x1.f103dep-3f, 0x1.23d4dcp-2f);
  p = fma(z, p, 0x1.999c24p-2f);
  p = fma(z, p, 0x1.555554p-1f);
  float base = e * 0x1.62e400p-1f;  // exact
  float high = fma(2.0f, s, base);
  float low = fma(2.0f, s, base - high);
  low = low + fma(s * z, p, fma(e, 0x1.7f7d1cp-20f, 2.0f * sLow));
  float logarithm = high + low;
  float logarithmLow = low - (logarithm - high);
  float product = y * logarithm;
  float productLow = fma(y, logarithmLow, fma(y, logarithm, -product));
  bool beyond = !(fabs(product) < 120.0f);
  return lb_exp_wide(product, beyond ? 0.0f : productLow, 0);
}

LB_FUNCTION float lb_pow(float x, float y) {
  float infinity = as_float(0x7f800000);
  float a = fabs(x);
  bool integral = rint(y) == y;  // an infinity counts as an even integer
  bool odd = integral && fabs(y) < 0x1p24f && rint(0.5f * y) != 0.5f * y;
  float r = lb_pow_positive(a, y);
  r = fabs(y) == infinity ? ((a > 1.0f) == (y > 0.0f) ? infinity : 0.0f) : r;
  r = a == infinity ? (y > 0.0f ? infinity : 0.0f) : r;
  r = a == 0.0f ? (y > 0.0f ? 0.0f : infinity) : r;
  r = a == 1.0f ? 1.0f : r;
  bool real = integral || a == 0.0f || a == infinity;
  float mirrored = odd ? -r : real ? r : as_float(0x7fc00000);
  r = as_int(x) < 0 ? mirrored : r;
  r = x != x || y != y ? as_float(0x7fc00000) : r;
  return x == 1.0f || y == 0.0f ? 1.0f : r;
}
