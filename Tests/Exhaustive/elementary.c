// Measures the elementary functions against double precision over every float32 (or every
// STRIDE-th).
//
//   clang -std=c2x -O2 -ISources/CElementary/include Tests/Exhaustive/elementary.c \
//     Sources/CElementary/functions.c -lm -o elementary && ./elementary [STRIDE [FUNCTION]]
//
// Prints the largest error in units in the last place and where it is. An argument counts where the
// exact result is a normal float; elsewhere the result must equal the rounded one up to an ulp of
// the smallest normal float, and infinities and NaN must agree.
#include "CElementaryFunctions.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double reciprocal(double x) { return 1 / x; }

typedef struct {
  const char *name;
  void (*row)(const float *, float *, size_t, float, float);
  double (*exact)(double);
} function;

static const function functions[] = {
    {"exp", ce_exponential_row, exp},       {"expm1", ce_expm1_row, expm1},
    {"log", ce_logarithm_row, log},         {"log1p", ce_log1p_row, log1p},
    {"sin", ce_sine_row, sin},              {"cos", ce_cosine_row, cos},
    {"tan", ce_tangent_row, tan},           {"asin", ce_arcsine_row, asin},
    {"acos", ce_arccosine_row, acos},       {"atan", ce_arctangent_row, atan},
    {"sinh", ce_hyperbolic_sine_row, sinh}, {"cosh", ce_hyperbolic_cosine_row, cosh},
    {"tanh", ce_hyperbolic_tangent_row, tanh}, {"asinh", ce_area_sine_row, asinh},
    {"acosh", ce_area_cosine_row, acosh},   {"atanh", ce_area_tangent_row, atanh},
    {"erf", ce_error_function_row, erf},    {"sigmoid", ce_sigmoid_row, sigmoid},
    {"softplus", ce_softplus_row, softplus}, {"sqrt", ce_square_root_row, sqrt},
    {"reciprocal", ce_reciprocal_row, reciprocal},
};

static float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// |y - exact| in units in the last place of exact as a float.
static double ulps(float y, double exact) {
  if (isnan(exact)) return isnan(y) ? 0 : INFINITY;
  float nearest = (float)exact;
  if (isinf(nearest)) { // overflow: the largest float is one ulp away
    if (y == nearest) return 0;
    return isinf(exact) || fabsf(y) < 0x1.fffffep127f ? INFINITY : 1;
  }
  if (isnan(y)) return INFINITY;
  int exponent;
  frexp(exact, &exponent);
  if (exponent < -125) exponent = -125;
  double error = fabs((isinf(y) ? copysign(0x1p128, y) : (double)y) - exact);
  if (exact == 0 && y == 0 && signbit(exact) != signbit(y)) return INFINITY;
  return error / ldexp(1, exponent - 24);
}

static void measure(const function *f, uint64_t stride) {
  enum { count = 4096 };
  static float x[count], y[count];
  double worst = 0, worstAt = 0, off = 0;
  uint64_t total = 0;
  for (uint64_t bits = 0; bits < 1ull << 32;) {
    size_t n = 0;
    for (; n < count && bits < 1ull << 32; n++, bits += stride) x[n] = from_bits((uint32_t)bits);
    f->row(x, y, n, 0, 0);
    for (size_t i = 0; i < n; i++) {
      double e = ulps(y[i], f->exact(x[i]));
      if (e > worst) { worst = e; worstAt = x[i]; }
      off += e > 0.5;
    }
    total += n;
  }
  printf("%-10s %7.4f ulp at %-24a not correctly rounded: %.2f%%\n", f->name, worst, worstAt,
         100 * off / (double)total);
  fflush(stdout);
}

static uint64_t state = 88172645463325252ull;
static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

// Pairs whose power is in range, from bases in [2^-20, 2^20] and near 1.
static void measure_power(uint64_t pairs) {
  double worst = 0;
  float worstX = 0, worstY = 0;
  for (uint64_t i = 0; i < pairs; i++) {
    float x = from_bits((uint32_t)(next() >> 40) % (40u << 23) + (107u << 23));
    if (i & 1) x = 1 + (float)((double)(int64_t)next() * 0x1p-66);
    double limit = 88 / (fabs(log(x)) + 1e-9);
    float y = (float)((double)(int64_t)next() * 0x1p-63 * limit), z;
    ce_power_row(&x, 1, &y, 1, &z, 1);
    double e = ulps(z, pow(x, y));
    if (e > worst) { worst = e; worstX = x; worstY = y; }
  }
  printf("%-10s %7.4f ulp at %a, %a\n", "pow", worst, worstX, worstY);
}

int main(int argc, char **argv) {
  uint64_t stride = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  if (stride == 0) return 2;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (argc < 3 || strcmp(argv[2], functions[i].name) == 0) measure(&functions[i], stride);
  if (argc < 3 || strcmp(argv[2], "pow") == 0) measure_power((1ull << 32) / stride);
}
