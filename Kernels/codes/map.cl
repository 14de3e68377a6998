// Codes looked up: y[i] = table[channel, x[i]], where the channel is (i / inner) % extent; past
// `channels`, where packed pixels have their padding, 0.
//
// stride: 256 where every channel has a table of its own, 0 where all share one.
__kernel LB_GROUP void map_codes(__global const uchar *restrict x,
                                 __global const uchar *restrict table, __global uchar *restrict y,
                                 const uint extent, const uint inner, const uint channels,
                                 const uint stride, const uint count) {
#ifdef CPU
  const uint first = (uint)get_global_id(0) * LB_ITEMS;
  const uint last = min(first + LB_ITEMS, count);
  if (stride == 0u && channels == extent) {
    for (uint i = first; i < last; i++) y[i] = table[x[i]];
    return;
  }
  uint channel = first / inner % extent, inside = first % inner;
  for (uint i = first; i < last; i++) {
    y[i] = channel < channels ? table[channel * stride + x[i]] : (uchar)0;
    if (++inside == inner) {
      inside = 0u;
      if (++channel == extent) channel = 0u;
    }
  }
#else
  FOR_EACH_ITEM(i, count) {
    const uint channel = i / inner % extent;
    y[i] = channel < channels ? table[channel * stride + x[i]] : (uchar)0;
  }
#endif
}
