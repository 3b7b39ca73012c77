// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * --roofline: each step as a dot in an SVG file. To the right: how many multiplications it
 * does for a byte of device memory; upwards: how many in a second. No step can be above the two
 * lines: the memory's bandwidth, and what the matrix engines can do.
 */
#include "profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH	900
#define HEIGHT	560
#define LEFT	80
#define RIGHT	20
#define TOP	50
#define BOTTOM	60
/* Dots that have a name beside them: those of the longest steps. */
#define NAMED	6

/* Powers of ten at the ends of the axes. */
struct scale {
	double low, high;
};

struct plot {
	FILE *file;
	const struct profile *p;
	struct scale across, up;	/* MACs for a byte, MACs in a second */
};

static double intensity(const struct profile_step *step)
{
	return (double)step->data.macs /
	       (double)(step->data.memory_read + step->data.memory_written);
}

static double speed(const struct profile *p, const struct profile_step *step)
{
	return (double)step->data.macs / (double)step->data.cycles * p->clock;
}

/* Steps without multiplications have no place in the plot. */
static bool has_place(const struct profile_step *step)
{
	return step->data.macs && step->data.cycles &&
	       step->data.memory_read + step->data.memory_written;
}

static double place_across(const struct plot *plot, double value)
{
	return LEFT + (log10(value) - plot->across.low) / (plot->across.high - plot->across.low) *
	       (WIDTH - LEFT - RIGHT);
}

static double place_up(const struct plot *plot, double value)
{
	return HEIGHT - BOTTOM - (log10(value) - plot->up.low) / (plot->up.high - plot->up.low) *
	       (HEIGHT - TOP - BOTTOM);
}

static void include(struct scale *scale, double value)
{
	scale->low = fmin(scale->low, floor(log10(value)));
	scale->high = fmax(scale->high, ceil(log10(value)));
}

static void choose_scales(struct plot *plot)
{
	const struct profile *p = plot->p;
	const double corner = profile_peak(p, p->factors) / p->peak_bytes, peak = profile_peak(p, p->factors) * p->clock;
	size_t i;

	plot->across = (struct scale){ floor(log10(corner)), ceil(log10(corner)) + 1 };
	plot->up = (struct scale){ floor(log10(peak)) - 1, ceil(log10(peak)) };
	for (i = 0; i < p->step_count; i++) {
		if (!has_place(&p->steps[i]))
			continue;
		include(&plot->across, intensity(&p->steps[i]));
		include(&plot->up, speed(p, &p->steps[i]));
	}
}

/* Names come from the model's file: what means something in XML must not. */
static void put_text(FILE *file, const char *text, size_t most)
{
	for (; *text && most; text++, most--) {
		if (strchr("<>&\"'", *text))
			fprintf(file, "&#%d;", *text);
		else if ((unsigned char)*text >= ' ')
			fputc(*text, file);
	}
	if (*text)
		fputs("...", file);
}

static const char *unit(double power)
{
	static char text[24];

	if (power >= 12)
		snprintf(text, sizeof(text), "%g T", pow(10, power - 12));
	else if (power >= 9)
		snprintf(text, sizeof(text), "%g G", pow(10, power - 9));
	else if (power >= 6)
		snprintf(text, sizeof(text), "%g M", pow(10, power - 6));
	else
		snprintf(text, sizeof(text), "%g", pow(10, power));
	return text;
}

static void draw_grid(const struct plot *plot)
{
	double power, at;

	for (power = plot->across.low; power <= plot->across.high; power++) {
		at = place_across(plot, pow(10, power));
		fprintf(plot->file, "<path class='grid' d='M%.1f %d V%d'/>\n"
			"<text x='%.1f' y='%d' text-anchor='middle'>%s</text>\n", at, TOP,
			HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 18, unit(power));
	}
	for (power = plot->up.low; power <= plot->up.high; power++) {
		at = place_up(plot, pow(10, power));
		fprintf(plot->file, "<path class='grid' d='M%d %.1f H%d'/>\n"
			"<text x='%d' y='%.1f' text-anchor='end'>%s</text>\n", LEFT, at,
			WIDTH - RIGHT, LEFT - 6, at + 4, unit(power));
	}
}

/* The matrix engines' part of the roof, for factors of a type. */
static void draw_ceiling(const struct plot *plot, uint32_t factors)
{
	const struct profile *p = plot->p;
	const double peak = profile_peak(p, factors) * p->clock;
	const double corner = profile_peak(p, factors) / p->peak_bytes;

	fprintf(plot->file, "<path class='roof' d='M%.1f %.1f H%d'/>\n"
		"<text x='%d' y='%.1f' text-anchor='end'>%s: %.4g TMAC/s</text>\n",
		place_across(plot, corner), place_up(plot, peak), WIDTH - RIGHT, WIDTH - RIGHT,
		place_up(plot, peak) - 6, factors ? accel_nn_type_name(factors) : "float32",
		peak * 1e-12);
}

static bool is_drawn(const struct profile *p, size_t step)
{
	size_t i;

	for (i = 0; i < step; i++)
		if (type_bits(p->steps[i].factors) == type_bits(p->steps[step].factors))
			return true;
	return false;
}

static void draw_roof(const struct plot *plot)
{
	const struct profile *p = plot->p;
	const double peak = profile_peak(p, p->factors) * p->clock;
	const double corner = profile_peak(p, p->factors) / p->peak_bytes;
	/* Where the slope meets the left or the lower edge. */
	double start = fmax(pow(10, plot->across.low),
			    pow(10, plot->up.low) / (p->peak_bytes * p->clock));
	size_t i;

	fprintf(plot->file, "<path class='roof' d='M%.1f %.1f L%.1f %.1f'/>\n"
		"<text x='%.1f' y='%.1f' text-anchor='end'>memory: %.4g GB/s</text>\n",
		place_across(plot, start), place_up(plot, start * p->peak_bytes * p->clock),
		place_across(plot, corner), place_up(plot, peak), place_across(plot, corner) - 8,
		place_up(plot, peak) + 4, p->peak_bytes * p->clock * 1e-9);
	if (!p->factors)
		draw_ceiling(plot, 0);
	for (i = 0; i < p->step_count; i++)
		if (p->steps[i].factors && !is_drawn(p, i))
			draw_ceiling(plot, p->steps[i].factors);
}

static bool is_long(const struct profile *p, const struct profile_step *step)
{
	size_t i, longer = 0;

	for (i = 0; i < p->step_count; i++)
		longer += has_place(&p->steps[i]) && p->steps[i].data.cycles > step->data.cycles;
	return longer < NAMED;
}

static void draw_step(const struct plot *plot, const struct profile_step *step)
{
	const double x = place_across(plot, intensity(step)), y = place_up(plot, speed(plot->p, step));
	const double part = (double)step->data.cycles / (double)plot->p->cycles;
	/* The area shows the step's share of the time. */
	const double radius = 3 + 30 * sqrt(part), beside = radius + 4;

	fprintf(plot->file, "<circle cx='%.1f' cy='%.1f' r='%.1f'><title>", x, y, radius);
	put_text(plot->file, step->operators, 200);
	fprintf(plot->file, " (");
	put_text(plot->file, step->name, 100);
	fprintf(plot->file, "): %.2f %% of the time, %.4g MACs for a byte, %.4g GMAC/s</title>"
		"</circle>\n", 100 * part, intensity(step), speed(plot->p, step) * 1e-9);
	if (!is_long(plot->p, step))
		return;
	fprintf(plot->file, "<text class='name' x='%.1f' y='%.1f' text-anchor='%s'>",
		x + (x > WIDTH / 2 ? -beside : beside), y + 4, x > WIDTH / 2 ? "end" : "start");
	put_text(plot->file, step->operators, 40);
	fprintf(plot->file, "</text>\n");
}

static void draw(const struct plot *plot, const char *title)
{
	size_t i;

	fprintf(plot->file, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' "
		"font-family='sans-serif' font-size='12'>\n<style>.grid{stroke:#ddd}"
		".roof{stroke:#c22;stroke-width:2;fill:none}"
		"circle{fill:#27c;fill-opacity:.45;stroke:#137}.name{font-size:10px}</style>\n"
		"<rect width='100%%' height='100%%' fill='#fff'/>\n<text x='%d' y='24' "
		"font-size='16'>", WIDTH, HEIGHT, LEFT);
	put_text(plot->file, strrchr(title, '/') ? strrchr(title, '/') + 1 : title, 80);
	fprintf(plot->file, ": modelled, %.3f ms</text>\n",
		(double)plot->p->cycles / plot->p->clock * 1e3);
	draw_grid(plot);
	draw_roof(plot);
	for (i = 0; i < plot->p->step_count; i++)
		if (has_place(&plot->p->steps[i]))
			draw_step(plot, &plot->p->steps[i]);
	fprintf(plot->file, "<text x='%d' y='%d' text-anchor='middle'>multiplications with addition "
		"for a byte of device memory</text>\n<text x='20' y='%d' text-anchor='middle' "
		"transform='rotate(-90 20 %d)'>in a second</text>\n</svg>\n",
		(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, HEIGHT / 2, HEIGHT / 2);
}

enum status profile_write_roofline(const struct profile *p, const char *title, const char *path)
{
	struct plot plot = { .file = open_output(path), .p = p };

	if (!plot.file)
		return STATUS_FAILED;
	choose_scales(&plot);
	draw(&plot, title);
	return close_output(plot.file, path);
}
