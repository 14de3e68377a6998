// result[i] = the sum of partial[run][i] over runs, in order.
__kernel LB_GROUP void sum_runs(__global const float *restrict partial,
                                __global float *restrict result, const uint runs,
                                const uint count) {
  FOR_EACH_ITEM(i, count) {
    float total = partial[i];
    for (uint run = 1; run < runs; run++) total += partial[(size_t)run * count + i];
    result[i] = total;
  }
}
