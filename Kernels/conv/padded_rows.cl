// Rows of an input with a border of zeros, on a processor with vectors. After product/vectors.cl
// and conv/geometry.cl.

// VECTOR elements of the row of the input at `row` from `column` on, 0 beyond its ends.
floatv load_padded(__constant Geometry *g, __global const float *x, const int row,
                   const int column) {
  const int from = row + column;
  const intv columns = column + LANE_NUMBERS;
  if (from >= 0 && from + VECTOR <= g->elements) {
    const floatv elements = vloadv(0, x + from);
    if (column >= 0 && column + VECTOR <= g->inputX) return elements;
    return select((floatv)(0.0f), elements, (columns >= 0) & (columns < g->inputX));
  }
  float some[VECTOR];
  for (int lane = 0; lane < VECTOR; lane++) {
    const int c = column + lane;
    some[lane] = c >= 0 && c < g->inputX ? x[row + c] : 0.0f;
  }
  return vloadv(0, some);
}

// Copies `length` elements of row y of the channel at `plane` from column `left` on, and up to
// VECTOR - 1 more.
void copy_padded(__constant Geometry *g, __global const float *x, const int plane, const int y,
                 const int left, const int length, __local float *to) {
  const int isInside = y >= 0 && y < g->inputY;
  for (int c = 0; c < length; c += VECTOR)
    vstorev(isInside ? load_padded(g, x, plane + y * g->inputX, left + c) : (floatv)(0.0f), 0,
            to + c);
}
