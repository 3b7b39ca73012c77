// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "ocr.h"

#include <math.h>
#include <string.h>

#include <ft2build.h>
#include FT_FREETYPE_H

#define WIDE		900u	/* small pictures are enlarged to about this */
#define MARGIN		24u	/* beside the text, in pixels */
#define LETTERS		0.75f	/* size of letters in a box of height 1 */
#define LARGEST		200u	/* size of letters in pixels */

/* Of boxes, in turn, so that neighbours can be told apart. */
static const uint8_t colours[][3] = {
	{ 208, 32, 48 }, { 24, 112, 208 }, { 16, 136, 64 }, { 168, 64, 184 },
};

/* Lay colour over a pixel; beyond the edge is none. */
static void blend(struct picture *picture, int x, int y, const uint8_t colour[3], uint8_t alpha)
{
	uint8_t *pixel;
	int c;

	if (x < 0 || y < 0 || x >= (int)picture->width || y >= (int)picture->height)
		return;
	pixel = picture->pixels + 3 * ((size_t)y * picture->width + (size_t)x);
	for (c = 0; c < 3; c++)
		pixel[c] = (uint8_t)((colour[c] * alpha + pixel[c] * (255 - alpha)) / 255);
}

static void draw_side(struct picture *picture, const float from[2], const float to[2],
		      const uint8_t colour[3])
{
	const float dx = to[0] - from[0], dy = to[1] - from[1];
	int i, steps = (int)ceilf(fmaxf(fabsf(dx), fabsf(dy))) + 1;

	for (i = 0; i <= steps; i++) {
		int x = (int)lroundf(from[0] + dx * (float)i / (float)steps);
		int y = (int)lroundf(from[1] + dy * (float)i / (float)steps);

		blend(picture, x, y, colour, 255);
		blend(picture, x + 1, y, colour, 255);
		blend(picture, x, y + 1, colour, 255);
	}
}

static void draw_box(struct picture *picture, const struct box *box, const uint8_t colour[3])
{
	float corners[4][2];
	int i;

	box_corners(box, corners);
	for (i = 0; i < 4; i++)
		draw_side(picture, corners[i], corners[(i + 1) % 4], colour);
}

/* ---- Text ---- */

/* The next character of a text in UTF-8, which is known to be well formed or the user's own. */
static FT_ULong next_character(const char **text)
{
	const uint8_t *at = (const uint8_t *)*text;
	int more = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : at[0] >= 0xc0 ? 1 : 0;
	FT_ULong character = more ? at[0] & (0x3f >> more) : at[0];

	for (at++; more && (*at & 0xc0) == 0x80; more--, at++)
		character = character << 6 | (*at & 0x3f);
	*text = (const char *)at;
	return character;
}

/* Width of a text, in pixels, at the size that is set. */
static float measure(FT_Face face, const char *text)
{
	float width = 0;

	while (*text)
		if (!FT_Load_Char(face, next_character(&text), FT_LOAD_NO_HINTING))
			width += (float)face->glyph->advance.x / 64;
	return width;
}

static void draw_glyph(struct picture *picture, const FT_GlyphSlot glyph)
{
	static const uint8_t black[3] = { 0 };
	const FT_Bitmap *bitmap = &glyph->bitmap;
	unsigned int x, y;

	for (y = 0; y < bitmap->rows; y++)
		for (x = 0; x < bitmap->width; x++)
			blend(picture, glyph->bitmap_left + (int)x, (int)y - glyph->bitmap_top,
			      black, bitmap->buffer[(int)y * bitmap->pitch + (int)x]);
}

/* As large as the box is high, or smaller, so that it is not wider. */
static void choose_letters(FT_Face face, const struct box *box, const char *text)
{
	float size = 2 * box->half_height * LETTERS, width;

	FT_Set_Transform(face, NULL, NULL);
	FT_Set_Pixel_Sizes(face, 0, (FT_UInt)fminf(LARGEST, fmaxf(6, size)));
	width = measure(face, text);
	if (width > 2 * box->half_width)
		FT_Set_Pixel_Sizes(face, 0, (FT_UInt)fmaxf(6, size * 2 * box->half_width / width));
}

/* FreeType's y goes up, a picture's goes down; its numbers are fractions of 64 and of 65536. */
static void draw_text(struct picture *picture, FT_Face face, const struct box *box,
		      const char *text)
{
	const float *along = box->along;
	FT_Matrix turned = {
		.xx = (FT_Fixed)(along[0] * 65536), .xy = (FT_Fixed)(along[1] * 65536),
		.yx = (FT_Fixed)(-along[1] * 65536), .yy = (FT_Fixed)(along[0] * 65536),
	};
	float down[2];
	FT_Vector pen;

	choose_letters(face, box, text);
	box_down(box, down);
	pen.x = (FT_Pos)(64 * (box->centre[0] - box->half_width * along[0] +
			       box->half_height / 2 * down[0]));
	pen.y = (FT_Pos)(-64 * (box->centre[1] - box->half_width * along[1] +
				box->half_height / 2 * down[1]));
	while (*text) {
		FT_Set_Transform(face, &turned, &pen);
		if (FT_Load_Char(face, next_character(&text), FT_LOAD_RENDER | FT_LOAD_NO_HINTING))
			continue;
		draw_glyph(picture, face->glyph);
		pen.x += face->glyph->advance.x;
		pen.y += face->glyph->advance.y;
	}
}

/* ---- The whole ---- */

static void put_beside(struct picture *to, const struct picture *left)
{
	unsigned int y;

	for (y = 0; y < left->height; y++)
		memcpy(to->pixels + (size_t)3 * y * to->width,
		       left->pixels + (size_t)3 * y * left->width, (size_t)3 * left->width);
}

struct picture draw_lines(const struct picture *picture, const struct line *lines, size_t count,
			  const char *font)
{
	const unsigned int width = picture->width, height = picture->height;
	const unsigned int side = width > height ? width : height;
	const unsigned int factor = side < WIDE ? WIDE / side : 1;
	struct picture large = picture_enlarge(picture, factor);
	struct picture both = picture_create(2 * large.width + 2 * MARGIN, large.height);
	FT_Library library;
	FT_Face face;
	size_t i;

	if (FT_Init_FreeType(&library))
		errx(1, "FreeType does not start");
	if (FT_New_Face(library, font, 0, &face))
		errx(1, "cannot use the font %s: give another with --font, or install one, such as "
		     "Debian's package fonts-dejavu-core", font);
	put_beside(&both, &large);
	for (i = 0; i < count; i++) {
		const uint8_t *colour = colours[i % (sizeof(colours) / sizeof(colours[0]))];
		struct box box = lines[i].box;

		box.centre[0] *= (float)factor;
		box.centre[1] *= (float)factor;
		box.half_width *= (float)factor;
		box.half_height *= (float)factor;
		draw_box(&both, &box, colour);
		box.centre[0] += (float)(large.width + MARGIN);
		draw_box(&both, &box, colour);
		draw_text(&both, face, &box, lines[i].text);
	}
	FT_Done_Face(face);
	FT_Done_FreeType(library);
	free(large.pixels);
	return both;
}
