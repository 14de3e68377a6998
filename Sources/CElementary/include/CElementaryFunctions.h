#pragma once
#include <stddef.h>
#pragma clang assume_nonnull begin

// The functions of Kernels/prelude over rows of float32: to[i] = f(from[i]). `a` and `b` are the
// function's parameters in the order of `UnaryFunction`, unused where it has none. Results do not
// depend on the machine. `to` may be `from`.

void ce_negate_row(const float *from, float *to, size_t count, float a, float b);
void ce_absolute_row(const float *from, float *to, size_t count, float a, float b);
void ce_sign_row(const float *from, float *to, size_t count, float a, float b);
void ce_floor_row(const float *from, float *to, size_t count, float a, float b);
void ce_ceil_row(const float *from, float *to, size_t count, float a, float b);
void ce_round_row(const float *from, float *to, size_t count, float a, float b);
void ce_relu_row(const float *from, float *to, size_t count, float a, float b);
void ce_leaky_relu_row(const float *from, float *to, size_t count, float a, float b);
void ce_thresholded_relu_row(const float *from, float *to, size_t count, float a, float b);
void ce_clip_row(const float *from, float *to, size_t count, float a, float b);
void ce_hard_sigmoid_row(const float *from, float *to, size_t count, float a, float b);
void ce_hard_swish_row(const float *from, float *to, size_t count, float a, float b);
void ce_softsign_row(const float *from, float *to, size_t count, float a, float b);
void ce_reciprocal_row(const float *from, float *to, size_t count, float a, float b);
void ce_square_root_row(const float *from, float *to, size_t count, float a, float b);
void ce_exponential_row(const float *from, float *to, size_t count, float a, float b);
void ce_logarithm_row(const float *from, float *to, size_t count, float a, float b);
void ce_sine_row(const float *from, float *to, size_t count, float a, float b);
void ce_cosine_row(const float *from, float *to, size_t count, float a, float b);
void ce_tangent_row(const float *from, float *to, size_t count, float a, float b);
void ce_arcsine_row(const float *from, float *to, size_t count, float a, float b);
void ce_arccosine_row(const float *from, float *to, size_t count, float a, float b);
void ce_arctangent_row(const float *from, float *to, size_t count, float a, float b);
void ce_hyperbolic_sine_row(const float *from, float *to, size_t count, float a, float b);
void ce_hyperbolic_cosine_row(const float *from, float *to, size_t count, float a, float b);
void ce_hyperbolic_tangent_row(const float *from, float *to, size_t count, float a, float b);
void ce_area_sine_row(const float *from, float *to, size_t count, float a, float b);
void ce_area_cosine_row(const float *from, float *to, size_t count, float a, float b);
void ce_area_tangent_row(const float *from, float *to, size_t count, float a, float b);
void ce_error_function_row(const float *from, float *to, size_t count, float a, float b);
void ce_sigmoid_row(const float *from, float *to, size_t count, float a, float b);
void ce_softplus_row(const float *from, float *to, size_t count, float a, float b);
void ce_elu_row(const float *from, float *to, size_t count, float a, float b);
void ce_selu_row(const float *from, float *to, size_t count, float a, float b);
void ce_celu_row(const float *from, float *to, size_t count, float a, float b);
void ce_mish_row(const float *from, float *to, size_t count, float a, float b);
void ce_swish_row(const float *from, float *to, size_t count, float a, float b);
void ce_gelu_row(const float *from, float *to, size_t count, float a, float b);
void ce_gelu_tanh_row(const float *from, float *to, size_t count, float a, float b);
void ce_expm1_row(const float *from, float *to, size_t count, float a, float b);
void ce_log1p_row(const float *from, float *to, size_t count, float a, float b);

/// e to the power of x.
float ce_exponential(float x);

/// The natural logarithm.
float ce_logarithm(float x);

/// x to the power of y.
float ce_power(float x, float y);

/// to[i] = x[i * xStride] to the power of y[i * yStride].
void ce_power_row(const float *x, size_t xStride, const float *y, size_t yStride, float *to,
                  size_t count);

/// sums[i] = fma(x[i], x[i], sums[i])
void ce_add_squares_row(const float *x, float *sums, size_t count);

/// to[i] = the sum of weights[t] * from[indices[t]] for t in starts[i]..<starts[i + 1], added from
/// 0 with fma; without a t `extrapolation`. `starts` has count + 1 elements.
void ce_resample_row(const float *from, const int *starts, const int *indices, const float *weights,
                     float extrapolation, float *to, size_t count);

/// to[i] = exp(from[i] - subtrahend), the difference rounded.
void ce_exponential_difference_row(const float *from, float subtrahend, float *to, size_t count);

/// codes[i] = saturate(rint(x[i] / scale[i]) + zeroPoint[i]) within lowest...highest, division
/// correctly rounded, ties to even; a NaN gives the zero point. Strides are 0 or 1. Zero points and
/// codes are within a range of 2^17.
void ce_quantize_row(const float *x, size_t count, const float *scale, size_t scaleStride,
                     const int *zeroPoint, size_t zeroPointStride, int lowest, int highest,
                     int *codes);

/// codes[i] = saturate(rint((float)(accumulator[i] + bias[i]) * multiplier[i]) + zeroPoint), the
/// sum wrapping.
void ce_requantize_row(const int *accumulator, size_t count, const int *bias, size_t biasStride,
                       const float *multiplier, size_t multiplierStride, int zeroPoint, int lowest,
                       int highest, int *codes);

/// a / b as devices without correctly rounded division find it, from an approximation of 1 / b with
/// a relative error below 2^-12; for tests.
float ce_divide_by_correction(float a, float b, float reciprocal);

/// a / b in integers, as the same devices find it far from 1; for tests.
float ce_divide_in_integers(float a, float b);

/// The square root of x in [1/2, 2) from approximations of the root and of its reciprocal; for
/// tests.
float ce_square_root_by_correction(float x, float root, float reciprocal);

#pragma clang assume_nonnull end
