// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "digits.h"

#include <inttypes.h>
#include <stdio.h>

#define PER_ROW 6

/* ---- Pictures ---- */

static int pixel(const struct images *images, size_t image, int row, int col)
{
	return (int)images->pixels[image * FEATURES + row * SIDE + col];
}

static void print_ascii_row(const struct images *images, size_t image, int row)
{
	static const char ramp[] = " .:-=+*#%@";
	int col;

	for (col = 0; col < SIDE; col++) {
		char c = ramp[pixel(images, image, row, col) * 9 / 16];

		/* Characters are twice as high as wide. */
		putchar(c);
		putchar(c);
	}
}

/* Two rows of pixels in one line, by threshold. */
static void print_block_row(const struct images *images, size_t image, int row)
{
	static const char *const blocks[] = { " ", "▄", "▀", "█" };
	int col;

	for (col = 0; col < SIDE; col++)
		fputs(blocks[2 * (pixel(images, image, 2 * row, col) >= 8) +
			     (pixel(images, image, 2 * row + 1, col) >= 8)], stdout);
}

/* The same with the shades of grey 232..255 of a terminal. */
static void print_colour_row(const struct images *images, size_t image, int row)
{
	int col;

	for (col = 0; col < SIDE; col++)
		printf("\033[38;5;%d;48;5;%dm▀",
		       232 + pixel(images, image, 2 * row, col) * 23 / 16,
		       232 + pixel(images, image, 2 * row + 1, col) * 23 / 16);
	fputs("\033[0m", stdout);
}

static void print_row(enum art art, const struct images *images, size_t image, int row)
{
	switch (art) {
	case ART_ASCII:
		print_ascii_row(images, image, row);
		break;
	case ART_BLOCKS:
		print_block_row(images, image, row);
		break;
	case ART_COLOUR:
		print_colour_row(images, image, row);
		break;
	}
}

/* Some pictures beside each other, with their answers below. */
static void print_pictures(enum art art, const struct images *images,
			   const struct results *results, const size_t *chosen, size_t count)
{
	int width = art == ART_ASCII ? 2 * SIDE : SIDE;
	int rows = art == ART_ASCII ? SIDE : SIDE / 2;
	char caption[32];
	size_t i;
	int row;

	/* Captions are wider than small pictures. */
	if (width < 12)
		width = 12;
	for (row = 0; row < rows; row++) {
		for (i = 0; i < count; i++) {
			fputs("  ", stdout);
			print_row(art, images, chosen[i], row);
			if (i + 1 < count)
				printf("%*s", width - (art == ART_ASCII ? 2 * SIDE : SIDE), "");
		}
		putchar('\n');
	}
	for (i = 0; i < count; i++) {
		int32_t is = images->labels[chosen[i]], read = results->nearest[chosen[i]];

		if (is == read)
			snprintf(caption, sizeof(caption), "read %d", read);
		else
			snprintf(caption, sizeof(caption), "read %d, is %d", read, is);
		printf("  %-*s", i + 1 < count ? width : 0, caption);
	}
	putchar('\n');
}

void show_digits(const char *title, enum art art, const struct images *images,
		 const struct results *results, bool mistakes, size_t count)
{
	size_t chosen[PER_ROW], n = 0, i, shown = 0;

	printf("%s\n\n", title);
	for (i = 0; i < images->count && shown < count; i++) {
		if ((results->nearest[i] != images->labels[i]) != mistakes)
			continue;
		/* Of those that are right, one of each digit is more to look at. */
		if (!mistakes && images->labels[i] != (int32_t)shown % CLASSES)
			continue;
		chosen[n++] = i;
		shown++;
		if (n == PER_ROW || shown == count) {
			print_pictures(art, images, results, chosen, n);
			putchar('\n');
			n = 0;
		}
	}
	if (n) {
		print_pictures(art, images, results, chosen, n);
		putchar('\n');
	}
}

/* ---- Tables ---- */

void show_confusion(const struct images *images, const int32_t *nearest)
{
	unsigned int table[CLASSES][CLASSES] = { 0 };
	size_t i;
	int is, read;

	for (i = 0; i < images->count; i++)
		table[images->labels[i]][nearest[i]]++;
	printf("What was written (rows) and what the card read (columns):\n\n     ");
	for (read = 0; read < CLASSES; read++)
		printf("%4d", read);
	printf("\n");
	for (is = 0; is < CLASSES; is++) {
		printf("  %d: ", is);
		for (read = 0; read < CLASSES; read++) {
			if (table[is][read])
				printf("%4u", table[is][read]);
			else
				printf("   .");
		}
		printf("\n");
	}
	printf("\n");
}

static double microseconds(const struct card_report *report, uint64_t cycles)
{
	return cycles * 1e3 / report->device.core_clock_khz;
}

void show_card(const struct card_report *report)
{
	const struct accel_counters *a = &report->before, *b = &report->after;
	const struct accel_device_info *device = &report->device;
	uint64_t cycles = 0;
	size_t i;

	printf("The card: %s%s%s, %u clusters at %.1f GHz, %" PRIu64 " MiB\n\n", device->name,
	       device->pci_address[0] ? " at " : "", device->pci_address, device->clusters,
	       device->core_clock_khz * 1e-6, device->memory_size >> 20);
	printf("  job           groups        MACs    read B   written B    cycles*     us*\n");
	for (i = 0; i < report->launch_count; i++) {
		const struct accel_profile_data *p = &report->launches[i].profile;

		printf("  %-12s %7" PRIu64 " %11" PRIu64 " %9" PRIu64 " %11" PRIu64 " %10" PRIu64
		       " %7.2f\n", report->launches[i].kernel, p->workgroups, p->macs,
		       p->memory_read, p->memory_written, p->cycles,
		       microseconds(report, p->cycles));
		cycles += p->cycles;
	}
	printf("  %-12s %7s %11s %9s %11s %10" PRIu64 " %7.2f\n\n", "all jobs", "", "", "", "",
	       cycles, microseconds(report, cycles));
	printf("  over PCIe: %" PRIu64 " bytes to the card, %" PRIu64 " bytes from it\n",
	       b->host_read - a->host_read, b->host_written - a->host_written);
	printf("  instructions of the harts: %" PRIu64 "; packets: %" PRIu64
	       "; interrupts: %" PRIu64 "\n", b->instructions - a->instructions,
	       b->packets - a->packets, b->interrupts - a->interrupts);
	printf("  * modelled: what the chip's performance model predicts for the silicon at\n"
	       "    %.1f GHz. The emulator took %.1f ms, uploads and downloads included.\n\n",
	       device->core_clock_khz * 1e-6, report->seconds * 1e3);
}
