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

void table_add(struct table *table, enum colour colour, const char *text)
{
	table->cells = check_memory(realloc(table->cells,
				     (table->count + 1) * sizeof(*table->cells)));
	table->cells[table->count++] = (struct cell) {
		.colour = text && text[0] ? colour : COLOUR_DIM,
		.text = check_memory(strdup(text && text[0] ? text : "-")),
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

static size_t column_width(const struct table *table, size_t column)
{
	size_t width = 0, i;

	for (i = column; i < table->count; i += table->columns)
		if (strlen(table->cells[i].text) > width)
			width = strlen(table->cells[i].text);
	return width;
}

void table_print(const struct table *table)
{
	bool colour = has_colour();
	size_t i;

	for (i = 0; i < table->count; i++) {
		const struct cell *cell = &table->cells[i];
		size_t column = i % table->columns;
		bool last = column + 1 == table->columns;

		printf("%s%s%s", colour ? colour_code(cell->colour) : "", cell->text,
		       colour && cell->colour ? "\033[0m" : "");
		if (last)
			putchar('\n');
		else
			printf("%*s", (int)(column_width(table, column) - strlen(cell->text) + 2),
			       "");
	}
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
