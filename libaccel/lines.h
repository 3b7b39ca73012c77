/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_LINES_H
#define ACCEL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The place in the sources that an address of an ELF file with debug information comes
 * from. The file's name is cut to `room`. Returns false, and writes nothing, if the file
 * does not tell.
 */
bool accel_lines_find(const void *elf, size_t size, uint64_t address, char *file, size_t room,
		      uint32_t *line);

#endif /* ACCEL_LINES_H */
