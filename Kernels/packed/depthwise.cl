// Convolution of every channel with a filter of its own, 16 channels at a time.
//
// Weights: [taps][channels, filled up to blocks] of `short`. A work-item has rows of the output;
// within a row the sums of RUN pixels are found together.
#define RUN 16

LB_FUNCTION int16 tap_products(__global const uchar *codes, __global const short *factors) {
  return convert_int16(*(__global const uchar16 *)codes) *
         convert_int16(*(__global const short16 *)factors);
}

// The sums of 16 channels of output pixel (row, column).
LB_FUNCTION int16 sum_window(__constant Geometry *g, __global const uchar *image,
                             __global const short *factors, int row, int column, int channel) {
  const int count = g->blocks * BLOCK;
  const int top = row * g->stride_height - g->pad_top;
  const int left = column * g->stride_width - g->pad_left;
  int16 sum = 0;
  for (int ky = 0; ky < g->kernel_height; ++ky) {
    const int y = top + ky * g->dilation_height;
    for (int kx = 0; kx < g->kernel_width; ++kx) {
      const int x = left + kx * g->dilation_width;
      __global const short *f = factors + (ky * g->kernel_width + kx) * count + channel;
      if (y >= 0 && y < g->height && x >= 0 && x < g->width) {
        __global const uchar *pixel = image + ((long)y * g->width + x) * g->x_pixel;
        if (g->x_pixel == 4) {
          const uchar4 few = *(__global const uchar4 *)pixel;
          const uchar16 codes = (uchar16)(few, (uchar4)0, (uchar8)0);
          sum += convert_int16(codes) * convert_int16(*(__global const short16 *)f);
        } else {
          sum += tap_products(pixel + channel, f);
        }
      } else {
        sum += g->x_zero * convert_int16(*(__global const short16 *)f);
      }
    }
  }
  return sum;
}

// Work-items: rows of all images, `rows` each.
__kernel LB_GROUP void convolve_depthwise(__global const uchar *x, __global const short *weights,
                                          __global const int *table, const float4 scales,
                                          __global const uchar *other, __global RESULT *y, int rows,
                                          __constant Geometry *g) {
  const int all_rows = g->batch * g->out_height;
  const int first = (int)get_global_id(0) * rows, last = min(first + rows, all_rows);
  int16 sums[RUN];
  for (int line = first; line < last; ++line) {
    const int image = line / g->out_height, row = line % g->out_height;
    __global const uchar *pixels = x + (long)image * g->height * g->width * g->x_pixel;
    for (int column = 0; column < g->out_width; column += RUN) {
      const int count = min(RUN, g->out_width - column);
      for (int channel = 0; channel < g->y_pixel; channel += 16) {
        const Finish finish = prepare(g, table, 0, channel);
        for (int i = 0; i < count; ++i)
          sums[i] = sum_window(g, pixels, weights, row, column + i, channel);
        finish_pixels(&finish, sums, 1, scales, other, y, line * g->out_width + column, count);
      }
    }
  }
}
