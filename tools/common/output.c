// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <accel/accel.h>

/* ---- Messages ---- */

void complain(const char *advice, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (advice && advice[0])
		fprintf(stderr, "  to fix it: %s\n", advice);
}

enum status complain_error(void)
{
	const struct accel_error *error = accel_last_error();

	complain(error->advice, "%s", error->message);
	switch (error->error) {
	case -ENOENT:
		return STATUS_NO_DEVICE;
	case -EACCES:
		return STATUS_PERMISSION;
	case -ENOMEM:
	case -EINVAL:
		return STATUS_FAILED;
	default:
		return STATUS_FAULT;
	}
}

void *check_memory(void *memory)
{
	if (!memory) {
		complain(NULL, "out of memory");
		exit(STATUS_FAILED);
	}
	return memory;
}

enum status finish_output(enum status status)
{
	if (fflush(stdout) || ferror(stdout)) {
		complain(NULL, "cannot write the output");
		return STATUS_FAILED;
	}
	return status;
}

/* ---- Terminal ---- */

bool is_terminal(void)
{
	return isatty(STDOUT_FILENO);
}

static bool has_colour(void)
{
	const char *term = getenv("TERM");

	return is_terminal() && !getenv("NO_COLOR") && term && strcmp(term, "dumb");
}

static const char *colour_code(enum colour colour)
{
	static const char *const codes[] = {
		[COLOUR_NONE] = "",
		[COLOUR_GOOD] = "\033[32m",
		[COLOUR_WARN] = "\033[33m",
		[COLOUR_BAD] = "\033[31m",
		[COLOUR_DIM] = "\033[2m",
	};

	return codes[colour];
}

/* ---- Tables ---- */

struct cell {
	enum colour colour;
	char *text;
};

struct table {
	size_t columns, count;
	struct cell *cells;	/* the headings first */
};

struct table *table_create(size_t columns, const char *const *headings)
{
	struct table *table = check_memory(calloc(1, sizeof(*table)));
	size_t i;

	table->columns = columns;
	for (i = 0; i < columns; i++)
		table_add(table, COLOUR_DIM, headings[i]);
	return table;
}

char *copy_harmless(const char *text)
{
	char *copy = check_memory(strdup(text)), *at;

	for (at = copy; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
	return copy;
}

void table_add(struct table *table, enum colour colour, const char *text)
{
	table->cells = check_memory(realloc(table->cells,
				     (table->count + 1) * sizeof(*table->cells)));
	table->cells[table->count++] = (struct cell) {
		.colour = text && text[0] ? colour : COLOUR_DIM,
		.text = copy_harmless(text && text[0] ? text : "-"),
	};
}

void table_addf(struct table *table, enum colour colour, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	table_add(table, colour, check_memory(text));
	free(text);
}

/* Characters of UTF-8, which most terminals show in one column each. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

/* "12", "-3.5e-07", "6.91 k" or "0 of 4", but not "512 MiB", "1:2" or "4 at 1.5 GHz". */
static bool is_number(const char *text)
{
	char *end;

	strtod(text, &end);
	if (end == text)
		return false;
	if (*end == ' ' && strchr("kMGT", end[1]) && end[1])
		end += 2;
	else if (!strncmp(end, " of ", 4))
		strtod(end + 4, &end);
	return !*end;
}

struct column {
	size_t width;
	bool right;	/* all cells are numbers, or dashes */
};

static struct column measure_column(const struct table *table, size_t number)
{
	struct column column = { .right = true };
	bool has_number = false;
	size_t i, width;

	for (i = number; i < table->count; i += table->columns) {
		width = text_width(table->cells[i].text);
		if (width > column.width)
			column.width = width;
		if (i == number || !strcmp(table->cells[i].text, "-"))
			continue;
		has_number = true;
		column.right &= is_number(table->cells[i].text);
	}
	column.right &= has_number;
	return column;
}

static void print_spaces(size_t count)
{
	printf("%*s", (int)count, "");
}

static void print_cell(const struct cell *cell, const struct column *column, bool colour, bool last)
{
	const size_t space = column->width - text_width(cell->text);

	if (column->right)
		print_spaces(space);
	printf("%s%s%s", colour ? colour_code(cell->colour) : "", cell->text,
	       colour && cell->colour ? "\033[0m" : "");
	if (last)
		putchar('\n');
	else
		print_spaces(2 + (column->right ? 0 : space));
}

void table_print(const struct table *table)
{
	struct column *columns = check_memory(calloc(table->columns, sizeof(*columns)));
	bool colour = has_colour();
	size_t i, number;

	for (i = 0; i < table->columns; i++)
		columns[i] = measure_column(table, i);
	for (i = 0; i < table->count; i++) {
		number = i % table->columns;
		print_cell(&table->cells[i], &columns[number], colour,
			   number + 1 == table->columns);
	}
	free(columns);
}

void table_free(struct table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

const char *format_size(char text[SIZE_TEXT], unsigned long long bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(text, SIZE_TEXT, value < 10 && value != (int)value ? "%.1f %s" : "%.0f %s",
		 value, units[unit]);
	return text;
}
