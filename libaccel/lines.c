// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "lines.h"

#include <elfutils/libdw.h>
#include <libelf.h>
#include <stdio.h>

/* The compilation unit that the address belongs to. */
static bool find_unit(Dwarf *dwarf, Dwarf_Addr address, Dwarf_Die *unit)
{
	Dwarf_Off offset = 0, next;
	size_t header;

	for (; !dwarf_nextcu(dwarf, offset, &next, &header, NULL, NULL, NULL); offset = next)
		if (dwarf_offdie(dwarf, offset + header, unit) &&
		    dwarf_haspc(unit, address) > 0)
			return true;
	return false;
}

static bool find_line(Dwarf *dwarf, Dwarf_Addr address, char *file, size_t room,
		      uint32_t *line)
{
	const char *name;
	Dwarf_Line *found;
	Dwarf_Die unit;
	int number;

	if (!find_unit(dwarf, address, &unit))
		return false;
	found = dwarf_getsrc_die(&unit, address);
	name = found ? dwarf_linesrc(found, NULL, NULL) : NULL;
	if (!name || dwarf_lineno(found, &number) || number <= 0)
		return false;
	snprintf(file, room, "%s", name);
	*line = number;
	return true;
}

bool accel_lines_find(const void *elf, size_t size, uint64_t address, char *file, size_t room,
		      uint32_t *line)
{
	bool found = false;
	Dwarf *dwarf;
	Elf *image;

	elf_version(EV_CURRENT);
	/* It is only read, whatever the type says. */
	image = elf_memory((char *)elf, size);
	if (!image)
		return false;
	dwarf = dwarf_begin_elf(image, DWARF_C_READ, NULL);
	if (dwarf) {
		found = find_line(dwarf, address, file, room, line);
		dwarf_end(dwarf);
	}
	elf_end(image);
	return found;
}
