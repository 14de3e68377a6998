// The functions of one element that operators ask for, built on elementary.cl; the same text in C
// and OpenCL C. A NaN stays a NaN. Parameters are in the order of `UnaryFunction`.

LB_FUNCTION float lb_sign(float x) {
  return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x != x ? x : 0.0f;
}

LB_FUNCTION float lb_relu(float x) { return x < 0.0f ? 0.0f : x; }

LB_FUNCTION float lb_leaky_relu(float x, float alpha) { return x < 0.0f ? alpha * x : x; }

LB_FUNCTION float lb_thresholded_relu(float x, float alpha) {
  return x > alpha ? x : x != x ? x : 0.0f;
}

LB_FUNCTION float lb_clip(float x, float lower, float upper) {
  float y = x < lower ? lower : x;
  return y > upper ? upper : y;
}

LB_FUNCTION float lb_hard_sigmoid(float x, float alpha, float beta) {
  return lb_clip(fma(alpha, x, beta), 0.0f, 1.0f);
}

LB_FUNCTION float lb_hard_swish(float x) { return x * lb_hard_sigmoid(x, 0x1.555556p-3f, 0.5f); }

LB_FUNCTION float lb_softsign(float x) { return lb_divide(x, 1.0f + fabs(x)); }

// e^-|x| neither overflows nor cancels.
LB_FUNCTION float lb_sigmoid(float x) {
  float e = lb_exp(-fabs(x));
  return lb_divide(x < 0.0f ? e : 1.0f, 1.0f + e);
}

LB_FUNCTION float lb_softplus(float x) { return lb_relu(x) + lb_log1p(lb_exp(-fabs(x))); }

LB_FUNCTION float lb_elu(float x, float alpha) { return x < 0.0f ? alpha * lb_expm1(x) : x; }

LB_FUNCTION float lb_selu(float x, float alpha, float gamma) {
  return gamma * (x > 0.0f ? x : alpha * lb_expm1(x));
}

LB_FUNCTION float lb_celu(float x, float alpha) {
  float e = alpha * lb_expm1(lb_divide(x, alpha));
  return (x > 0.0f ? x : 0.0f) + (e < 0.0f ? e : x != x ? x : 0.0f);
}

// x * tanh(softplus(x)) with tanh(log(1 + e)) = w / (w + 2), w = e * (e + 2), e = exp(x)
LB_FUNCTION float lb_mish(float x) {
  float e = lb_exp(x > 20.0f ? 20.0f : x);
  float w = e * (e + 2.0f);
  return x * lb_divide(w, w + 2.0f);
}

LB_FUNCTION float lb_swish(float x, float alpha) { return x * lb_sigmoid(alpha * x); }

LB_FUNCTION float lb_gelu(float x) { return 0.5f * x * (1.0f + lb_erf(x * 0x1.6a09e6p-1f)); }

LB_FUNCTION float lb_gelu_tanh(float x) {
  float inner = 0x1.988454p-1f * fma(0.044715f * x * x, x, x);
  return 0.5f * x * (1.0f + lb_tanh(inner));
}
