/* libjpeg-turbo, libpng and zlib, and the two functions that need setjmp, which Swift lacks. */
#ifndef CIMAGE_SHIM_H
#define CIMAGE_SHIM_H

#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* A decoded picture, 8 bits a sample, channels interleaved: 1 gray, 3 RGB, 4 CMYK. */
typedef struct {
  unsigned char *pixels; /* from malloc; the caller frees it */
  int width, height, channels;
  int is_inverted_cmyk; /* Adobe's convention: 0 is full ink */
  char message[256];    /* why it failed */
} cimage_picture;

/* Pictures larger than this are refused: their header is more likely wrong than true. */
enum { CIMAGE_MAXIMUM_SIDE = 65535, CIMAGE_MAXIMUM_PIXELS = 1 << 28 };

static inline int cimage_allocate(cimage_picture *picture) {
  if (picture->width <= 0 || picture->height <= 0 || picture->width > CIMAGE_MAXIMUM_SIDE ||
      picture->height > CIMAGE_MAXIMUM_SIDE ||
      (long long)picture->width * picture->height > CIMAGE_MAXIMUM_PIXELS) {
    snprintf(picture->message, sizeof picture->message, "states the absurd size %d x %d",
             picture->height, picture->width);
    return 0;
  }
  picture->pixels =
      (unsigned char *)malloc((size_t)picture->width * picture->height * picture->channels);
  if (!picture->pixels) snprintf(picture->message, sizeof picture->message, "out of memory");
  return picture->pixels != NULL;
}

/* ---- JPEG ---- */

typedef struct {
  struct jpeg_error_mgr manager; /* first, so that libjpeg's pointer is ours */
  jmp_buf resume;
  char *message;
} cimage_jpeg_errors;

static inline void cimage_jpeg_fail(j_common_ptr info) {
  cimage_jpeg_errors *errors = (cimage_jpeg_errors *)info->err;
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  snprintf(errors->message, 256, "%.200s", text);
  longjmp(errors->resume, 1);
}

/* Warnings that mean missing data are errors; harmless ones pass. Traces are not wanted. */
static inline void cimage_jpeg_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  if (info->err->msg_code == JWRN_JPEG_EOF || info->err->msg_code == JWRN_HIT_MARKER)
    cimage_jpeg_fail(info);
  info->err->num_warnings++;
}

/* 1 when the picture was decoded; else 0 with a message. */
static inline int cimage_decode_jpeg(const unsigned char *bytes, unsigned long count,
                                     cimage_picture *picture) {
  struct jpeg_decompress_struct info;
  cimage_jpeg_errors errors;
  memset(&info, 0, sizeof info);
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = cimage_jpeg_fail;
  errors.manager.emit_message = cimage_jpeg_message;
  errors.message = picture->message;
  picture->pixels = NULL;
  if (setjmp(errors.resume)) {
    jpeg_destroy_decompress(&info);
    free(picture->pixels);
    picture->pixels = NULL;
    return 0;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes, count);
  jpeg_read_header(&info, TRUE);
  switch (info.jpeg_color_space) {
  case JCS_GRAYSCALE:
    info.out_color_space = JCS_GRAYSCALE;
    break;
  case JCS_CMYK:
  case JCS_YCCK:
    info.out_color_space = JCS_CMYK;
    break;
  default:
    info.out_color_space = JCS_RGB;
    break;
  }
  jpeg_start_decompress(&info);
  picture->width = (int)info.output_width;
  picture->height = (int)info.output_height;
  picture->channels = info.output_components;
  picture->is_inverted_cmyk = info.saw_Adobe_marker;
  if (!cimage_allocate(picture)) {
    jpeg_destroy_decompress(&info);
    return 0;
  }
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = picture->pixels + (size_t)info.output_scanline * info.output_width *
                                         (size_t)info.output_components;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return 1;
}

/* ---- PNG ---- */

typedef struct {
  const unsigned char *bytes;
  unsigned long count, offset;
  char *message;
} cimage_png_input;

static inline void cimage_png_fail(png_structp png, png_const_charp text) {
  cimage_png_input *input = (cimage_png_input *)png_get_error_ptr(png);
  snprintf(input->message, 256, "%.200s", text);
  longjmp(png_jmpbuf(png), 1);
}

static inline void cimage_png_ignore(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static inline void cimage_png_read(png_structp png, png_bytep target, size_t length) {
  cimage_png_input *input = (cimage_png_input *)png_get_io_ptr(png);
  if (length > input->count - input->offset) png_error(png, "ends early");
  memcpy(target, input->bytes + input->offset, length);
  input->offset += length;
}

/* 1 when the picture was decoded; else 0 with a message. Alpha is dropped, 16 bits become 8. */
static inline int cimage_decode_png(const unsigned char *bytes, unsigned long count,
                                    cimage_picture *picture) {
  cimage_png_input input = {bytes, count, 0, picture->message};
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, &input, cimage_png_fail, cimage_png_ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  picture->pixels = NULL;
  picture->is_inverted_cmyk = 0;
  if (!info) {
    png_destroy_read_struct(&png, NULL, NULL);
    snprintf(picture->message, sizeof picture->message, "libpng cannot start");
    return 0;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    free(picture->pixels);
    picture->pixels = NULL;
    return 0;
  }
  png_set_read_fn(png, &input, cimage_png_read);
  png_read_info(png, info);
  png_set_strip_16(png);
  png_set_palette_to_rgb(png);
  if (!(png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR)) png_set_expand_gray_1_2_4_to_8(png);
  png_set_strip_alpha(png);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  picture->width = (int)png_get_image_width(png, info);
  picture->height = (int)png_get_image_height(png, info);
  picture->channels = png_get_channels(png, info);
  if (!cimage_allocate(picture)) {
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
  }
  for (int pass = 0; pass < passes; ++pass)
    for (int y = 0; y < picture->height; ++y)
      png_read_row(png, picture->pixels + (size_t)y * picture->width * picture->channels, NULL);
  png_read_end(png, NULL);
  png_destroy_read_struct(&png, &info, NULL);
  return 1;
}

#endif
