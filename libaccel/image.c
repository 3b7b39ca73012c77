// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Reads a kernel module, and believes nothing in it.
 *
 * The order is that of growing trust: first the file's own structures (headers,
 * segments), which gives the image in memory; then everything that refers to the image
 * (dynamic section, relocations, kernel table, symbols), each reference checked against
 * it. Structures are copied out of the file before they are looked at, since offsets in a
 * damaged file may have any alignment.
 *
 * The file may come from anywhere, so every size and count is bounded by the file's or
 * the image's size before memory is allocated for it.
 */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Not in every version of elf.h. */
#ifndef EM_RISCV
#define EM_RISCV	243
#endif

#define WHAT		"cannot load the module"
#define REBUILD		"build the module again with accel-cc"
#define DAMAGED		"the file is damaged: copy or build it again"

/* More than any module has: what says so is damaged. */
#define SECTIONS_MAX	4096
#define SEGMENTS_MAX	64
#define KERNELS_MAX	4096

struct reader {
	const uint8_t *file;
	size_t size;
	uint32_t page_size;
	Elf64_Ehdr header;
	struct image *image;
	/* Where the dynamic section says they are, in the image. */
	uint64_t rela, rela_size;
	uint64_t symtab;
};

#define damaged(...)	fail(-ENOEXEC, WHAT, DAMAGED, __VA_ARGS__)
#define refused(...)	fail(-ENOEXEC, WHAT, REBUILD, __VA_ARGS__)

static bool inside(uint64_t offset, uint64_t size, uint64_t limit)
{
	return offset <= limit && size <= limit - offset;
}

/* Copy a structure out of the file; false if it is not wholly inside. */
static bool peek(const struct reader *r, uint64_t offset, void *to, size_t size)
{
	if (!inside(offset, size, r->size))
		return false;
	memcpy(to, r->file + offset, size);
	return true;
}

static int read_header(struct reader *r)
{
	Elf64_Ehdr *h = &r->header;

	if (r->size < SELFMAG || memcmp(r->file, ELFMAG, SELFMAG))
		return refused("it is not an ELF file");
	if (!peek(r, 0, h, sizeof(*h)))
		return damaged("the file ends after %zu bytes, within the ELF header", r->size);
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
		return refused("it is not a 64-bit little-endian ELF file");
	if (h->e_ident[EI_VERSION] != EV_CURRENT || h->e_version != EV_CURRENT)
		return damaged("ELF version %u is unknown", h->e_version);
	if (h->e_machine != EM_RISCV)
		return refused("it is for machine %u, not for RISC-V (%u)", h->e_machine,
			       EM_RISCV);
	if (h->e_type != ET_DYN)
		return refused("it is of ELF type %u, not position-independent (%u)",
			       h->e_type, ET_DYN);
	if ((h->e_flags & EF_RISCV_FLOAT_ABI) != EF_RISCV_FLOAT_ABI_SINGLE)
		return refused("its floating-point ABI is not that of the card's harts (lp64f)");
	if (h->e_flags & ~(uint32_t)(EF_RISCV_RVC | EF_RISCV_FLOAT_ABI))
		return refused("ELF flags 0x%x are not those of the card's harts", h->e_flags);
	if (h->e_phentsize != sizeof(Elf64_Phdr))
		return damaged("program headers of %u bytes", h->e_phentsize);
	if (h->e_phnum == 0 || h->e_phnum > SEGMENTS_MAX)
		return damaged("%u program headers", h->e_phnum);
	if (!inside(h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr), r->size))
		return damaged("the file ends before its program headers");
	return 0;
}

static void get_segment(const struct reader *r, unsigned int i, Elf64_Phdr *segment)
{
	memcpy(segment, r->file + r->header.e_phoff + i * sizeof(*segment), sizeof(*segment));
}

static int check_segment(const struct reader *r, unsigned int i, const Elf64_Phdr *s)
{
	uint64_t page = r->page_size;

	if (!inside(s->p_offset, s->p_filesz, r->size))
		return damaged("the file ends before the contents of segment %u", i);
	if (s->p_filesz > s->p_memsz)
		return damaged("segment %u has more bytes in the file than in memory", i);
	if (s->p_vaddr >= IMAGE_SIZE_MAX || s->p_memsz > IMAGE_SIZE_MAX - s->p_vaddr)
		return refused("segment %u ends above %u MiB", i, IMAGE_SIZE_MAX >> 20);
	if (s->p_vaddr % page)
		return refused("segment %u does not begin on a page of %" PRIu64 " bytes", i,
			       page);
	if (s->p_flags & ~(uint32_t)(PF_R | PF_W | PF_X))
		return damaged("segment %u has unknown permissions 0x%x", i, s->p_flags);
	if ((s->p_flags & PF_W) && (s->p_flags & PF_X))
		return refused("segment %u is both writable and executable", i);
	if (!(s->p_flags & PF_R))
		return refused("segment %u is not readable", i);
	return 0;
}

/* First pass over the segments: check them, and learn the image's size. */
static int scan_segments(struct reader *r)
{
	struct image *image = r->image;
	uint64_t page = r->page_size, end = 0;
	Elf64_Phdr s;
	unsigned int i;
	int ret;

	for (i = 0; i < r->header.e_phnum; i++) {
		get_segment(r, i, &s);
		if (s.p_type == PT_INTERP)
			return refused("it is a program (it asks for an interpreter)");
		if (s.p_type == PT_TLS)
			return refused("it has thread-local variables");
		if (s.p_type != PT_LOAD || !s.p_memsz)
			continue;
		ret = check_segment(r, i, &s);
		if (ret)
			return ret;
		if (s.p_vaddr < end)
			return refused("segment %u overlaps the one before it", i);
		end = (s.p_vaddr + s.p_memsz + page - 1) / page * page;
		image->segment_count++;
	}
	if (!end)
		return refused("it has nothing to load");
	image->size = end;
	return 0;
}

static int load_segments(struct reader *r)
{
	struct image *image = r->image;
	uint64_t page = r->page_size;
	struct image_segment *segment;
	Elf64_Phdr s;
	unsigned int i;

	image->memory = calloc(1, image->size);
	image->segments = calloc(image->segment_count, sizeof(*image->segments));
	if (!image->memory || !image->segments)
		return fail_errno(-ENOMEM, WHAT);
	segment = image->segments;
	for (i = 0; i < r->header.e_phnum; i++) {
		get_segment(r, i, &s);
		if (s.p_type != PT_LOAD || !s.p_memsz)
			continue;
		memcpy(image->memory + s.p_vaddr, r->file + s.p_offset, s.p_filesz);
		*segment++ = (struct image_segment) {
			.offset = s.p_vaddr,
			.size = (s.p_memsz + page - 1) / page * page,
			.write = s.p_flags & PF_W,
			.execute = s.p_flags & PF_X,
		};
	}
	return 0;
}

static const struct image_segment *find_segment(const struct image *image, uint64_t offset,
						uint64_t size)
{
	size_t i;

	for (i = 0; i < image->segment_count; i++) {
		const struct image_segment *s = &image->segments[i];

		if (offset >= s->offset && inside(offset - s->offset, size, s->size))
			return s;
	}
	return NULL;
}

/* An entry of the dynamic section. */
static int read_dynamic_entry(struct reader *r, const Elf64_Dyn *entry, uint64_t *rela_entry)
{
	switch (entry->d_tag) {
	case DT_RELA:
		r->rela = entry->d_un.d_ptr;
		return 0;
	case DT_RELASZ:
		r->rela_size = entry->d_un.d_val;
		return 0;
	case DT_RELAENT:
		*rela_entry = entry->d_un.d_val;
		return 0;
	case DT_SYMTAB:
		r->symtab = entry->d_un.d_ptr;
		return 0;
	case DT_NEEDED:
		return refused("it needs a shared library");
	case DT_TEXTREL:
		return refused("its code needs relocations");
	case DT_REL:
	case DT_JMPREL:
	case DT_INIT:
	case DT_FINI:
	case DT_INIT_ARRAY:
	case DT_FINI_ARRAY:
	case DT_PREINIT_ARRAY:
		return refused("its dynamic section holds tag %" PRId64
			       ", which the card has no use for", (int64_t)entry->d_tag);
	default:
		return 0;
	}
}

static int read_dynamic(struct reader *r)
{
	uint64_t rela_entry = sizeof(Elf64_Rela);
	bool ended = false;
	Elf64_Dyn entry;
	Elf64_Phdr s;
	unsigned int i;
	uint64_t at;
	int ret;

	for (i = 0; i < r->header.e_phnum; i++) {
		get_segment(r, i, &s);
		if (s.p_type == PT_DYNAMIC)
			break;
	}
	if (i == r->header.e_phnum)
		return 0;
	if (!find_segment(r->image, s.p_vaddr, s.p_memsz))
		return damaged("the dynamic section is not inside of a segment");
	for (at = 0; !ended && s.p_memsz - at >= sizeof(entry); at += sizeof(entry)) {
		memcpy(&entry, r->image->memory + s.p_vaddr + at, sizeof(entry));
		ended = entry.d_tag == DT_NULL;
		ret = read_dynamic_entry(r, &entry, &rela_entry);
		if (ret)
			return ret;
	}
	if (!ended)
		return damaged("the dynamic section has no end");
	if (rela_entry != sizeof(Elf64_Rela))
		return damaged("relocations of %" PRIu64 " bytes", rela_entry);
	if (r->rela_size % sizeof(Elf64_Rela))
		return damaged("the relocations' size, %" PRIu64
			       " bytes, is not a multiple of one", r->rela_size);
	if (r->rela_size && !find_segment(r->image, r->rela, r->rela_size))
		return damaged("the relocations are not inside of a segment");
	return 0;
}

/* What a relocation refers to, relative to the module. */
static int relocation_value(const struct reader *r, size_t i, const Elf64_Rela *rela,
			    uint64_t *value)
{
	uint32_t type = ELF64_R_TYPE(rela->r_info);
	uint64_t number = ELF64_R_SYM(rela->r_info);
	Elf64_Sym symbol;
	uint64_t at;

	*value = rela->r_addend;
	switch (type) {
	case R_RISCV_RELATIVE:
		if (number)
			return damaged("relocation %zu names a symbol but needs none", i);
		break;
	case R_RISCV_64:
		at = r->symtab + number * sizeof(symbol);
		if (!r->symtab || !find_segment(r->image, at, sizeof(symbol)))
			return damaged("relocation %zu names symbol %" PRIu64
				       ", which does not exist", i, number);
		memcpy(&symbol, r->image->memory + at, sizeof(symbol));
		if (symbol.st_shndx == SHN_UNDEF)
			return refused("relocation %zu refers to a symbol that is not in the "
				       "module", i);
		*value += symbol.st_value;
		break;
	default:
		return refused("relocation %zu is of type %u; R_RISCV_RELATIVE and R_RISCV_64 "
			       "are possible", i, type);
	}
	if (*value > r->image->size)
		return damaged("relocation %zu refers to 0x%" PRIx64 ", outside of the module",
			       i, *value);
	return 0;
}

static int read_relocations(struct reader *r)
{
	struct image *image = r->image;
	const struct image_segment *segment;
	size_t i, count = r->rela_size / sizeof(Elf64_Rela);
	Elf64_Rela rela;
	uint64_t value;
	int ret;

	if (!count)
		return 0;
	image->relocs = calloc(count, sizeof(*image->relocs));
	if (!image->relocs)
		return fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < count; i++) {
		memcpy(&rela, image->memory + r->rela + i * sizeof(rela), sizeof(rela));
		if (ELF64_R_TYPE(rela.r_info) == R_RISCV_NONE)
			continue;
		segment = find_segment(image, rela.r_offset, sizeof(uint64_t));
		if (!segment || segment->execute)
			return damaged("relocation %zu changes 0x%" PRIx64
				       ", which is not data of the module", i,
				       (uint64_t)rela.r_offset);
		ret = relocation_value(r, i, &rela, &value);
		if (ret)
			return ret;
		image->relocs[image->reloc_count++] = (struct image_reloc) {
			.offset = rela.r_offset,
			.value = value,
		};
	}
	return 0;
}

/* The section's header and name; the name is "" if it is damaged. */
static int get_section(const struct reader *r, unsigned int i, Elf64_Shdr *section,
		       char *name, size_t name_size)
{
	Elf64_Shdr names;
	size_t n = 0;

	if (!peek(r, r->header.e_shoff + (uint64_t)i * sizeof(*section), section,
		  sizeof(*section)))
		return damaged("the file ends before its section headers");
	if (peek(r, r->header.e_shoff + (uint64_t)r->header.e_shstrndx * sizeof(names), &names,
		 sizeof(names)) &&
	    inside(names.sh_offset, names.sh_size, r->size) &&
	    section->sh_name < names.sh_size) {
		const char *text = (const char *)r->file + names.sh_offset + section->sh_name;
		size_t room = names.sh_size - section->sh_name;

		while (n + 1 < name_size && n < room && text[n]) {
			name[n] = text[n];
			n++;
		}
	}
	name[n] = '\0';
	return 0;
}

/* Find a section by name, or by type if the name is NULL. */
static int find_section(const struct reader *r, const char *name, uint32_t type,
			Elf64_Shdr *section, bool *found)
{
	char text[32];
	unsigned int i;
	int ret;

	*found = false;
	if (!r->header.e_shoff || !r->header.e_shnum)
		return 0;
	if (r->header.e_shentsize != sizeof(Elf64_Shdr))
		return damaged("section headers of %u bytes", r->header.e_shentsize);
	if (r->header.e_shnum > SECTIONS_MAX || r->header.e_shoff > r->size)
		return damaged("%u section headers at 0x%" PRIx64, r->header.e_shnum,
			       (uint64_t)r->header.e_shoff);
	for (i = 0; i < r->header.e_shnum; i++) {
		ret = get_section(r, i, section, text, sizeof(text));
		if (ret)
			return ret;
		if (name ? !strcmp(text, name) : section->sh_type == type) {
			*found = true;
			return 0;
		}
	}
	return 0;
}

/* An address in the kernel table, which holds the relocated word at `offset`. */
static bool find_entry(const struct image *image, uint64_t offset, uint64_t *value)
{
	size_t i;

	for (i = 0; i < image->reloc_count; i++) {
		if (image->relocs[i].offset == offset) {
			*value = image->relocs[i].value;
			return true;
		}
	}
	return false;
}

static int check_name(const struct image *image, size_t i, const char *name)
{
	size_t n, k;

	for (n = 0; n < EGRET_KERNEL_NAME_MAX && name[n]; n++)
		if (name[n] <= ' ' || name[n] > '~')
			return damaged("the name of kernel %zu holds byte 0x%02x", i,
				       (unsigned char)name[n]);
	if (n == 0 || n == EGRET_KERNEL_NAME_MAX)
		return damaged("the name of kernel %zu is %s", i,
			       n ? "not terminated" : "empty");
	for (k = 0; k < i; k++)
		if (!strcmp(image->kernels[k].name, name))
			return refused("there are two kernels named %s", name);
	return 0;
}

static int read_kernel(struct image *image, size_t i, uint64_t at)
{
	struct image_kernel *kernel = &image->kernels[i];
	const struct image_segment *segment;
	struct egret_kernel_info info;
	int ret;

	memcpy(&info, image->memory + at, sizeof(info));
	if (info.magic != EGRET_KERNEL_MAGIC)
		return damaged("entry %zu of the kernel table has no magic number", i);
	if (info.version != EGRET_KERNEL_VERSION || info.size != sizeof(info))
		return refused("entry %zu of the kernel table has version %u and %u bytes; "
			       "this library knows version %u", i, info.version, info.size,
			       EGRET_KERNEL_VERSION);
	ret = check_name(image, i, (const char *)info.name);
	if (ret)
		return ret;
	memcpy(kernel->name, info.name, sizeof(kernel->name));
	if (info.reserved)
		return damaged("a reserved field of kernel %s is set", kernel->name);
	if (info.args_size > 4096)
		return damaged("kernel %s takes %u bytes of arguments; 4096 are possible",
			       kernel->name, info.args_size);
	if (!info.args_align || (info.args_align & (info.args_align - 1)) ||
	    info.args_align > 4096)
		return damaged("the arguments of kernel %s are aligned to %u bytes",
			       kernel->name, info.args_align);
	kernel->args_size = info.args_size;
	if (!find_entry(image, at + offsetof(struct egret_kernel_info, entry), &kernel->entry))
		return damaged("the entry of kernel %s is not relocated", kernel->name);
	segment = find_segment(image, kernel->entry, 2);
	if (!segment || !segment->execute || kernel->entry % 2)
		return damaged("kernel %s begins at 0x%" PRIx64 ", which is not code of the "
			       "module", kernel->name, kernel->entry);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct image_kernel *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int read_kernels(struct reader *r)
{
	struct image *image = r->image;
	const size_t one = sizeof(struct egret_kernel_info);
	Elf64_Shdr table;
	size_t i, count;
	bool found;
	int ret;

	ret = find_section(r, EGRET_KERNEL_SECTION, 0, &table, &found);
	if (ret)
		return ret;
	if (!found)
		return fail(-ENOEXEC, WHAT,
			    "define kernels with EGRET_KERNEL() and do not strip section headers",
			    "it has no section " EGRET_KERNEL_SECTION);
	if (!(table.sh_flags & SHF_ALLOC) || table.sh_type != SHT_PROGBITS)
		return damaged("section " EGRET_KERNEL_SECTION " is not loaded");
	if (!table.sh_size || table.sh_size % one)
		return damaged("section " EGRET_KERNEL_SECTION
			       " has %" PRIu64 " bytes, not a multiple of %zu",
			       (uint64_t)table.sh_size, one);
	if (!find_segment(image, table.sh_addr, table.sh_size))
		return damaged("section " EGRET_KERNEL_SECTION " is not inside of a segment");
	count = table.sh_size / one;
	if (count > KERNELS_MAX)
		return refused("it has %zu kernels; %u are possible", count, KERNELS_MAX);
	image->kernels = calloc(count, sizeof(*image->kernels));
	if (!image->kernels)
		return fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < count; i++) {
		ret = read_kernel(image, i, table.sh_addr + i * one);
		if (ret)
			return ret;
		image->kernel_count++;
	}
	/* The compiler's order of the table means nothing. */
	qsort(image->kernels, count, sizeof(*image->kernels), by_name);
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct image_function *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static void read_function(struct reader *r, const Elf64_Sym *symbol, const Elf64_Shdr *names)
{
	struct image *image = r->image;
	struct image_function *function = &image->functions[image->function_count];
	const char *text;
	size_t n, room;

	if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF ||
	    symbol->st_value >= image->size || symbol->st_size > image->size ||
	    symbol->st_name >= names->sh_size)
		return;
	text = (const char *)r->file + names->sh_offset + symbol->st_name;
	room = names->sh_size - symbol->st_name;
	for (n = 0; n + 1 < sizeof(function->name) && n < room && text[n]; n++)
		function->name[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
	function->start = symbol->st_value;
	function->size = symbol->st_size;
	image->function_count++;
}

/*
 * Functions, for reports of faults. A module without symbols is as good as any, so this
 * only fails when there is no memory; what looks wrong is left out.
 */
static int read_functions(struct reader *r)
{
	struct image *image = r->image;
	Elf64_Shdr table, names;
	Elf64_Sym symbol;
	size_t i, count;
	bool found;
	int ret;

	ret = find_section(r, NULL, SHT_SYMTAB, &table, &found);
	if (ret)
		return ret;
	if (!found || !inside(table.sh_offset, table.sh_size, r->size) ||
	    !peek(r, r->header.e_shoff + (uint64_t)table.sh_link * sizeof(names), &names,
		  sizeof(names)) ||
	    !inside(names.sh_offset, names.sh_size, r->size))
		return 0;
	count = table.sh_size / sizeof(symbol);
	if (!count)
		return 0;
	image->functions = calloc(count, sizeof(*image->functions));
	if (!image->functions)
		return fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < count; i++) {
		memcpy(&symbol, r->file + table.sh_offset + i * sizeof(symbol), sizeof(symbol));
		read_function(r, &symbol, &names);
	}
	qsort(image->functions, image->function_count, sizeof(*image->functions), by_start);
	return 0;
}

/* Debug information is only looked at when a fault is to be explained (lines.c). */
static int keep_debug(struct reader *r)
{
	Elf64_Shdr section;
	bool found;
	int ret;

	ret = find_section(r, ".debug_line", 0, &section, &found);
	if (ret || !found)
		return ret;
	r->image->debug = malloc(r->size);
	if (!r->image->debug)
		return fail_errno(-ENOMEM, WHAT);
	memcpy(r->image->debug, r->file, r->size);
	r->image->debug_size = r->size;
	return 0;
}

int accel_image_read(struct image *image, const void *file, size_t size, uint32_t page_size)
{
	static int (*const steps[])(struct reader *) = {
		read_header,
		scan_segments,
		load_segments,
		read_dynamic,
		read_relocations,
		read_kernels,
		read_functions,
		keep_debug,
	};
	struct reader r = {
		.file = file,
		.size = size,
		.page_size = page_size,
		.image = image,
	};
	size_t i;
	int ret;

	memset(image, 0, sizeof(*image));
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		ret = steps[i](&r);
		if (ret) {
			accel_image_free(image);
			return ret;
		}
	}
	return 0;
}

void accel_image_place(const struct image *image, void *to, uint64_t base)
{
	size_t i;

	memcpy(to, image->memory, image->size);
	for (i = 0; i < image->reloc_count; i++) {
		uint64_t value = base + image->relocs[i].value;

		memcpy((uint8_t *)to + image->relocs[i].offset, &value, sizeof(value));
	}
}

const struct image_function *accel_image_function(const struct image *image, uint64_t offset)
{
	const struct image_function *found = NULL;
	size_t i;

	for (i = 0; i < image->function_count; i++) {
		if (image->functions[i].start > offset)
			break;
		found = &image->functions[i];
	}
	return found && offset - found->start < found->size ? found : NULL;
}

void accel_image_free(struct image *image)
{
	free(image->memory);
	free(image->segments);
	free(image->relocs);
	free(image->kernels);
	free(image->functions);
	free(image->debug);
	memset(image, 0, sizeof(*image));
}
