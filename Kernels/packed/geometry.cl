// What the kernels of packed convolution share: sizes and places.
//
// Channels of x lie last, a pixel after the other; see `CodeLayout`. A group has filters in blocks
// of 32, the last filled up. `Geometry` is written by `PackedGeometry` in Swift.

typedef struct {
  int batch, groups;
  // Of a group.
  int channels, filters;
  int height, width;
  int out_height, out_width;
  int kernel_height, kernel_width;
  int stride_height, stride_width;
  int dilation_height, dilation_width;
  int pad_top, pad_left;
  // Bytes of a pixel of x and of y.
  int x_pixel, y_pixel;
  // Bytes that the channels of a tap take among the products: a multiple of 4.
  int tap;
  // Bytes from a gathered pixel to the next.
  int pitch;
  // Blocks of filters of a group.
  int blocks;
  // Output pixels of all images.
  int pixels;
  // Tiles of PIXELS pixels that a work-item gathers at once, and blocks that it computes.
  int chunk_tiles, part_blocks;
  // The code that the border has.
  int x_zero;
  // The epilogue's zero point and codes.
  int zero, lowest, highest;
  // The other summand's zero point, the result's zero point and codes.
  int other_zero, result_zero, result_lowest, result_highest;
  // Words of products after which sums of 16 bits are emptied.
  int run;
} Geometry;

#define BLOCK 32
