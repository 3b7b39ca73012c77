// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Where an inlined function was called. */
static bool find_call(Dwarf_Die *unit, Dwarf_Die *scope, const char **name, int *line)
{
	Dwarf_Attribute file_attribute, line_attribute;
	Dwarf_Word file, number;
	Dwarf_Files *files;

	if (dwarf_tag(scope) != DW_TAG_inlined_subroutine ||
	    dwarf_formudata(dwarf_attr(scope, DW_AT_call_file, &file_attribute), &file) ||
	    dwarf_formudata(dwarf_attr(scope, DW_AT_call_line, &line_attribute), &number) ||
	    dwarf_getsrcfiles(unit, &files, NULL))
		return false;
	*name = dwarf_filesrc(files, file, NULL, NULL);
	*line = (int)number;
	return true;
}

/* The name of a file without its folders. */
static const char *base(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

/*
 * Out of the functions of headers that are inlined there: a line of egret/kernel.h tells
 * nobody anything, the one of the kernel that called it does.
 */
static void leave_headers(Dwarf_Die *unit, Dwarf_Addr address, const char **name, int *line)
{
	const char *source = base(dwarf_diename(unit));
	const char *call_name = *name;
	int call_line = *line, count, i;
	Dwarf_Die *innermost, *scopes;

	if (!source || dwarf_getscopes(unit, address, &innermost) <= 0)
		return;
	/* From there outwards, as it was inlined; dwarf_getscopes() itself goes on with where
	 * the function was defined. */
	count = dwarf_getscopes_die(&innermost[0], &scopes);
	free(innermost);
	for (i = 0; i < count && call_name && strcmp(base(call_name), source); i++)
		find_call(unit, &scopes[i], &call_name, &call_line);
	/* Unless nothing of it is the source's own. */
	if (call_name && !strcmp(base(call_name), source)) {
		*name = call_name;
		*line = call_line;
	}
	if (count > 0)
		free(scopes);
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
	leave_headers(&unit, address, &name, &number);
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
