// The elementary functions and activations of Kernels/prelude as C functions over rows.
#include "CElementaryFunctions.h"
#include "opencl.h"

// One copy a generation of vector units; every copy gives the same bits, because fma, rint and the
// others mean the same in each.
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CLONES
#endif

#define ROW(name, expression)                                                                      \
  CLONES void ce_##name##_row(const float *from, float *to, size_t count, float a, float b) {      \
    for (size_t i = 0; i < count; i++) {                                                           \
      float x = from[i];                                                                           \
      to[i] = expression;                                                                          \
    }                                                                                              \
  }

ROW(negate, -x)
ROW(absolute, fabs(x))
ROW(sign, lb_sign(x))
ROW(floor, floor(x))
ROW(ceil, ceil(x))
ROW(round, rint(x))
ROW(relu, lb_relu(x))
ROW(leaky_relu, lb_leaky_relu(x, a))
ROW(thresholded_relu, lb_thresholded_relu(x, a))
ROW(clip, lb_clip(x, a, b))
ROW(hard_sigmoid, lb_hard_sigmoid(x, a, b))
ROW(hard_swish, lb_hard_swish(x))
ROW(softsign, lb_softsign(x))
ROW(reciprocal, lb_divide(1.0f, x))
ROW(square_root, lb_sqrt(x))
ROW(exponential, lb_exp(x))
ROW(logarithm, lb_log(x))
ROW(sine, lb_sin(x))
ROW(cosine, lb_cos(x))
ROW(tangent, lb_tan(x))
ROW(arcsine, lb_asin(x))
ROW(arccosine, lb_acos(x))
ROW(arctangent, lb_atan(x))
ROW(hyperbolic_sine, lb_sinh(x))
ROW(hyperbolic_cosine, lb_cosh(x))
ROW(hyperbolic_tangent, lb_tanh(x))
ROW(area_sine, lb_asinh(x))
ROW(area_cosine, lb_acosh(x))
ROW(area_tangent, lb_atanh(x))
ROW(error_function, lb_erf(x))
ROW(sigmoid, lb_sigmoid(x))
ROW(softplus, lb_softplus(x))
ROW(elu, lb_elu(x, a))
ROW(selu, lb_selu(x, a, b))
ROW(celu, lb_celu(x, a))
ROW(mish, lb_mish(x))
ROW(swish, lb_swish(x, a))
ROW(gelu, lb_gelu(x))
ROW(gelu_tanh, lb_gelu_tanh(x))
ROW(expm1, lb_expm1(x))
ROW(log1p, lb_log1p(x))

float ce_exponential(float x) { return lb_exp(x); }

float ce_logarithm(float x) { return lb_log(x); }

float ce_power(float x, float y) { return lb_pow(x, y); }

CLONES void ce_power_row(const float *x, size_t xStride, const float *y, size_t yStride, float *to,
                         size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = lb_pow(x[i * xStride], y[i * yStride]);
}

CLONES void ce_add_squares_row(const float *restrict x, float *restrict sums, size_t count) {
  for (size_t i = 0; i < count; i++) sums[i] = fma(x[i], x[i], sums[i]);
}

CLONES void ce_resample_row(const float *from, const int *starts, const int *indices,
                            const float *weights, float extrapolation, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float sum = starts[i] == starts[i + 1] ? extrapolation : 0.0f;
    for (int t = starts[i]; t < starts[i + 1]; t++) sum = fma(weights[t], from[indices[t]], sum);
    to[i] = sum;
  }
}

CLONES void ce_exponential_difference_row(const float *from, float subtrahend, float *to,
                                          size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = lb_exp(from[i] - subtrahend);
}

CLONES void ce_quantize_row(const float *x, size_t count, const float *scale, size_t scaleStride,
                            const int *zeroPoint, size_t zeroPointStride, int lowest, int highest,
                            int *codes) {
  for (size_t i = 0; i < count; i++) {
    int zero = zeroPoint[i * zeroPointStride];
    float steps = rint(x[i] / scale[i * scaleStride]);
    // Code differences are below 2^17, so the bounds are exact floats.
    float lower = (float)(lowest - zero), upper = (float)(highest - zero);
    float clipped = steps < lower ? lower : steps > upper ? upper : steps;
    codes[i] = (int)(clipped == clipped ? clipped : 0.0f) + zero;
  }
}

CLONES void ce_requantize_row(const int *accumulator, size_t count, const int *bias,
                              size_t biasStride, const float *multiplier, size_t multiplierStride,
                              int zeroPoint, int lowest, int highest, int *codes) {
  for (size_t i = 0; i < count; i++) {
    int sum = (int)((uint)accumulator[i] + (uint)bias[i * biasStride]);
    float steps = rint((float)sum * multiplier[i * multiplierStride]);
    float lower = (float)(lowest - zeroPoint), upper = (float)(highest - zeroPoint);
    float clipped = steps < lower ? lower : steps > upper ? upper : steps;
    codes[i] = (int)(clipped == clipped ? clipped : 0.0f) + zeroPoint;
  }
}

float ce_divide_by_correction(float a, float b, float reciprocal) {
  uint ea = ((uint)as_int(a) >> 23) & 255u, eb = ((uint)as_int(b) >> 23) & 255u;
  bool middle = ea - 77u < 101u && eb - 77u < 101u;
  return middle ? lb_divide_from(a, b, reciprocal) : lb_divide_anything(a, b);
}

float ce_divide_in_integers(float a, float b) { return lb_divide_anything(a, b); }

float ce_square_root_by_correction(float x, float root, float reciprocal) {
  return lb_sqrt_from(x, root, reciprocal);
}
