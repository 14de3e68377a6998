// Resampling along one axis: y[o][k][i] is the sum of weights[t] * x[o][indices[t]][i] over t in
// starts[k] ..< starts[k + 1], added from 0 in that order with fma; without taps the extrapolation.

__kernel LB_GROUP void resample(__global const float *restrict x, __global float *restrict y,
                                __global const int *restrict starts,
                                __global const int *restrict indices,
                                __global const float *restrict weights, const float extrapolation,
                                const uint extent, const uint outputs, const uint inner,
                                const uint count) {
  FOR_EACH_ITEM(i, count) {
    const uint row = i / inner;
    const uint outer = row / outputs;
    const uint output = row - outer * outputs;
    __global const float *from = x + (size_t)outer * extent * inner + (i - row * inner);
    const int first = starts[output], last = starts[output + 1u];
    float sum = first == last ? extrapolation : 0.0f;
    for (int t = first; t < last; t++) sum = fma(weights[t], from[(size_t)indices[t] * inner], sum);
    y[i] = sum;
  }
}
