/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

/*
 * What the command line tools say, and how: messages, tables, colour, and their status. Data
 * goes to standard output, everything else to standard error.
 */

#include <stdbool.h>
#include <stddef.h>

/* In front of messages; each program has its own. */
extern const char program_name[];

/* What a program ends with; documented in its manual page and never changed. */
enum status {
	STATUS_OK		= 0,
	STATUS_FAILED		= 1,	/* something else went wrong, such as no memory */
	STATUS_USAGE		= 2,
	STATUS_NO_DEVICE	= 3,
	STATUS_PERMISSION	= 4,
	STATUS_FAULT		= 5,	/* the device does not work */
	STATUS_OWN		= 6,	/* from here on each program has its own */
	STATUS_OWN_1,
	STATUS_OWN_2,
};

/* A message to standard error: what is wrong, and below it what to do, if known. */
void complain(const char *advice, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same from the library's last error; returns the status that it means. */
enum status complain_error(void);

/* True if standard output is a terminal that a human reads. */
bool is_terminal(void);

enum colour {
	COLOUR_NONE,
	COLOUR_GOOD,
	COLOUR_WARN,
	COLOUR_BAD,
	COLOUR_DIM,
};

/*
 * A copy without control characters, to be freed: for a name from a file that somebody may have
 * made up to harm a terminal.
 */
char *copy_harmless(const char *text);

/*
 * A table whose columns are as wide as their widest cell. Columns of numbers, and nothing else,
 * have them to the right.
 */
struct table;

struct table *table_create(size_t columns, const char *const *headings);
/* A cell of the next column; a NULL text is shown as a dash. Copied, without control characters. */
void table_add(struct table *table, enum colour colour, const char *text);
void table_addf(struct table *table, enum colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Print with headings, aligned and perhaps in colour. */
void table_print(const struct table *table);
void table_free(struct table *table);

/* "512 MiB", in a buffer of its own for each call site's use. */
#define SIZE_TEXT 32
const char *format_size(char text[SIZE_TEXT], unsigned long long bytes);

/* Memory that was allocated; without any the program ends. */
void *check_memory(void *memory);

/* Written, but perhaps to a full disk: what scripts read must be whole. Returns the status. */
enum status finish_output(enum status status);

#endif /* TOOLS_OUTPUT_H */
