// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The module loader, with a real module that is damaged in every way: each damage must be
 * noticed, with words of its own, and nothing may be read outside of the file (the
 * address sanitizer watches).
 */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libaccel/image.h>
#include <libaccel/error.h>

#define MODULE	"build/libaccel/kernels/matmul.egm"
#define PAGE	4096

static uint8_t *module;
static size_t module_size;

static int read_module(void **state)
{
	FILE *f = fopen(MODULE, "rb");
	long size;

	(void)state;
	if (!f) {
		fprintf(stderr, "cannot open " MODULE ": run in the top folder, after make\n");
		return -1;
	}
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	module = malloc(size);
	module_size = fread(module, 1, size, f);
	fclose(f);
	return module_size == (size_t)size ? 0 : -1;
}

static int free_module(void **state)
{
	(void)state;
	free(module);
	return 0;
}

/* A copy in a block of exactly its size, so that reading beyond it is noticed. */
static int read_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);
	struct image image;
	int ret;

	memcpy(copy, data, size);
	ret = accel_image_read(&image, copy, size, PAGE);
	if (ret == 0)
		accel_image_free(&image);
	free(copy);
	return ret;
}

/* ---- The module as it is ---- */

static void test_reads(void **state)
{
	struct image image;
	size_t i;

	(void)state;
	assert_int_equal(accel_image_read(&image, module, module_size, PAGE), 0);
	assert_int_equal(image.kernel_count, 2);
	assert_string_equal(image.kernels[0].name, "matmul_f32");
	assert_string_equal(image.kernels[1].name, "matmul_s8");
	assert_int_equal(image.size % PAGE, 0);
	assert_int_equal(image.reloc_count, 2);
	for (i = 0; i < image.segment_count; i++)
		assert_false(image.segments[i].write && image.segments[i].execute);
	accel_image_free(&image);
}

static void test_relocates(void **state)
{
	const uint64_t base = 0x123456789000;
	struct image image;
	uint8_t *memory;
	uint64_t word;
	size_t i;

	(void)state;
	assert_int_equal(accel_image_read(&image, module, module_size, PAGE), 0);
	memory = malloc(image.size);
	accel_image_place(&image, memory, base);
	for (i = 0; i < image.reloc_count; i++) {
		memcpy(&word, memory + image.relocs[i].offset, sizeof(word));
		assert_int_equal(word, base + image.relocs[i].value);
	}
	free(memory);
	accel_image_free(&image);
}

static void test_names_functions(void **state)
{
	const struct image_function *function;
	struct image image;

	(void)state;
	assert_int_equal(accel_image_read(&image, module, module_size, PAGE), 0);
	function = accel_image_function(&image, image.kernels[1].entry + 2);
	assert_non_null(function);
	assert_string_equal(function->name, "matmul_s8");
	assert_null(accel_image_function(&image, image.size + 100));
	accel_image_free(&image);
}

/* ---- Cut off ---- */

static void test_truncated(void **state)
{
	size_t size;

	(void)state;
	/* Section headers are at the end, so every proper beginning lacks something. */
	for (size = 1; size < module_size; size += size < 512 ? 1 : 61) {
		assert_int_equal(read_copy(module, size), -ENOEXEC);
		assert_int_equal(accel_last_error()->error, -ENOEXEC);
		assert_true(strlen(accel_last_error()->cause) > 0);
	}
}

/* ---- One field changed ---- */

/* Places in the file. */
static size_t at_segment(unsigned int number)
{
	Elf64_Ehdr header;

	memcpy(&header, module, sizeof(header));
	assert_true(number < header.e_phnum);
	return header.e_phoff + number * sizeof(Elf64_Phdr);
}

static Elf64_Phdr segment(unsigned int number)
{
	Elf64_Phdr s;

	memcpy(&s, module + at_segment(number), sizeof(s));
	return s;
}

static unsigned int find_segment(uint32_t type, uint32_t flags)
{
	Elf64_Ehdr header;
	unsigned int i;

	memcpy(&header, module, sizeof(header));
	for (i = 0; i < header.e_phnum; i++)
		if (segment(i).p_type == type && (!flags || segment(i).p_flags == flags))
			return i;
	fail_msg("the module has no segment of type %u", type);
	return 0;
}

static Elf64_Shdr section(const char *name, size_t *at)
{
	Elf64_Ehdr header;
	Elf64_Shdr s, names;
	unsigned int i;

	memcpy(&header, module, sizeof(header));
	memcpy(&names, module + header.e_shoff + header.e_shstrndx * sizeof(names),
	       sizeof(names));
	for (i = 0; i < header.e_shnum; i++) {
		*at = header.e_shoff + i * sizeof(s);
		memcpy(&s, module + *at, sizeof(s));
		if (!strcmp((char *)module + names.sh_offset + s.sh_name, name))
			return s;
	}
	fail_msg("the module has no section %s", name);
	return s;
}

/* Where a tag of the dynamic section is in the file. */
static size_t at_dynamic(int64_t tag)
{
	Elf64_Phdr s = segment(find_segment(PT_DYNAMIC, 0));
	Elf64_Dyn entry;
	size_t at;

	for (at = s.p_offset; ; at += sizeof(entry)) {
		memcpy(&entry, module + at, sizeof(entry));
		if (entry.d_tag == tag)
			return at;
		assert_int_not_equal(entry.d_tag, DT_NULL);
	}
}

static size_t at_relocation(void)
{
	size_t at;

	return section(".rela.dyn", &at).sh_offset;
}

static size_t at_kernel(void)
{
	size_t at;

	return section(EGRET_KERNEL_SECTION, &at).sh_offset;
}

static size_t at_kernel_section(void)
{
	size_t at;

	section(EGRET_KERNEL_SECTION, &at);
	return at;
}

/* Change `size` bytes to `value`, and expect the module to be refused with `words`. */
static void refuses(size_t at, uint64_t value, size_t size, const char *words)
{
	uint8_t *copy = malloc(module_size);
	int ret;

	memcpy(copy, module, module_size);
	assert_true(at + size <= module_size);
	memcpy(copy + at, &value, size);
	ret = read_copy(copy, module_size);
	free(copy);
	if (ret != -ENOEXEC || !strstr(accel_last_error()->cause, words))
		fail_msg("value 0x%llx at %zu: expected '%s', got %d '%s'",
			 (unsigned long long)value, at, words, ret,
			 ret ? accel_last_error()->cause : "");
	assert_true(strlen(accel_last_error()->advice) > 0);
}

#define refuses_field(base, type, field, value, words) \
	refuses((base) + offsetof(type, field), value, sizeof(((type *)0)->field), words)

static void test_header(void **state)
{
	(void)state;
	refuses(0, 0x7e, 1, "not an ELF file");
	refuses(EI_CLASS, ELFCLASS32, 1, "not a 64-bit");
	refuses(EI_DATA, ELFDATA2MSB, 1, "not a 64-bit little-endian");
	refuses(EI_VERSION, 2, 1, "version");
	refuses_field(0, Elf64_Ehdr, e_machine, EM_X86_64, "not for RISC-V");
	refuses_field(0, Elf64_Ehdr, e_type, ET_EXEC, "position-independent");
	refuses_field(0, Elf64_Ehdr, e_flags, 5, "floating-point ABI");
	refuses_field(0, Elf64_Ehdr, e_flags, 0x1003, "ELF flags");
	refuses_field(0, Elf64_Ehdr, e_phentsize, 8, "program headers of 8 bytes");
	refuses_field(0, Elf64_Ehdr, e_phnum, 0, "0 program headers");
	refuses_field(0, Elf64_Ehdr, e_phnum, 65, "65 program headers");
	refuses_field(0, Elf64_Ehdr, e_phoff, UINT64_MAX, "before its program headers");
	refuses_field(0, Elf64_Ehdr, e_shentsize, 1, "section headers of 1 bytes");
	refuses_field(0, Elf64_Ehdr, e_shoff, UINT64_MAX - 63, "section headers");
	refuses_field(0, Elf64_Ehdr, e_shoff, 0, "no section");
	refuses_field(0, Elf64_Ehdr, e_shnum, 0xffff, "section headers");
}

static void test_segments(void **state)
{
	size_t code = at_segment(find_segment(PT_LOAD, PF_R | PF_X));
	size_t data = at_segment(find_segment(PT_LOAD, PF_R | PF_W));

	(void)state;
	refuses_field(code, Elf64_Phdr, p_offset, module_size, "before the contents");
	refuses_field(code, Elf64_Phdr, p_offset, UINT64_MAX, "before the contents");
	refuses_field(code, Elf64_Phdr, p_filesz, UINT64_MAX, "before the contents");
	refuses_field(code, Elf64_Phdr, p_memsz, 1, "more bytes in the file");
	refuses_field(code, Elf64_Phdr, p_memsz, UINT64_MAX, "above 64 MiB");
	refuses_field(code, Elf64_Phdr, p_vaddr, UINT64_MAX - 4095, "above 64 MiB");
	refuses_field(code, Elf64_Phdr, p_vaddr, 2, "does not begin on a page");
	refuses_field(code, Elf64_Phdr, p_flags, PF_R | PF_W | PF_X, "writable and executable");
	refuses_field(code, Elf64_Phdr, p_flags, PF_X, "not readable");
	refuses_field(code, Elf64_Phdr, p_flags, 0x10000007, "permissions");
	refuses_field(code, Elf64_Phdr, p_type, PT_INTERP, "interpreter");
	refuses_field(code, Elf64_Phdr, p_type, PT_TLS, "thread-local");
	refuses_field(data, Elf64_Phdr, p_vaddr, 0, "overlaps");
}

static void test_dynamic(void **state)
{
	size_t header = at_segment(find_segment(PT_DYNAMIC, 0));

	(void)state;
	refuses_field(header, Elf64_Phdr, p_vaddr, 0x100000, "not inside of a segment");
	refuses_field(header, Elf64_Phdr, p_memsz, UINT64_MAX, "not inside of a segment");
	refuses_field(header, Elf64_Phdr, p_memsz, 16, "has no end");
	refuses_field(at_dynamic(DT_RELA), Elf64_Dyn, d_un.d_val, 0x100000,
		      "relocations are not inside");
	refuses_field(at_dynamic(DT_RELASZ), Elf64_Dyn, d_un.d_val, UINT64_MAX / 24 * 24,
		      "relocations are not inside");
	refuses_field(at_dynamic(DT_RELASZ), Elf64_Dyn, d_un.d_val, 25, "not a multiple");
	refuses_field(at_dynamic(DT_RELAENT), Elf64_Dyn, d_un.d_val, 16, "relocations of 16");
	refuses_field(at_dynamic(DT_RELAENT), Elf64_Dyn, d_tag, DT_NEEDED, "shared library");
	refuses_field(at_dynamic(DT_RELAENT), Elf64_Dyn, d_tag, DT_TEXTREL, "code needs");
	refuses_field(at_dynamic(DT_RELAENT), Elf64_Dyn, d_tag, DT_INIT_ARRAY, "tag 25");
}

static void test_relocations(void **state)
{
	size_t at = at_relocation();

	(void)state;
	refuses_field(at, Elf64_Rela, r_offset, 0, "not data of the module");
	refuses_field(at, Elf64_Rela, r_offset, UINT64_MAX - 3, "not data of the module");
	refuses_field(at, Elf64_Rela, r_info, ELF64_R_INFO(0, 5), "type 5");
	refuses_field(at, Elf64_Rela, r_info, ELF64_R_INFO(1ULL, 3), "names a symbol");
	refuses_field(at, Elf64_Rela, r_info, ELF64_R_INFO(0xffffffULL, 2), "does not exist");
	refuses_field(at, Elf64_Rela, r_info, ELF64_R_INFO(0ULL, 2), "not in the module");
	refuses_field(at, Elf64_Rela, r_addend, 0x10000000, "outside of the module");
	refuses_field(at, Elf64_Rela, r_addend, -8, "outside of the module");
}

static void test_kernel_table(void **state)
{
	size_t at = at_kernel(), header = at_kernel_section();
	const size_t one = sizeof(struct egret_kernel_info);

	(void)state;
	refuses_field(header, Elf64_Shdr, sh_name, 0, "no section");
	refuses_field(header, Elf64_Shdr, sh_flags, 0, "not loaded");
	refuses_field(header, Elf64_Shdr, sh_type, SHT_NOBITS, "not loaded");
	refuses_field(header, Elf64_Shdr, sh_size, one + 1, "not a multiple");
	refuses_field(header, Elf64_Shdr, sh_size, 0, "not a multiple");
	refuses_field(header, Elf64_Shdr, sh_size, one << 40, "not inside");
	refuses_field(header, Elf64_Shdr, sh_addr, UINT64_MAX, "not inside");
	refuses_field(at, struct egret_kernel_info, magic, 0, "magic");
	refuses_field(at, struct egret_kernel_info, version, 2, "version 2");
	refuses_field(at, struct egret_kernel_info, size, 95, "95 bytes");
	refuses_field(at, struct egret_kernel_info, args_size, 4097, "4097 bytes");
	refuses_field(at, struct egret_kernel_info, args_align, 3, "aligned to 3");
	refuses_field(at, struct egret_kernel_info, args_align, 0, "aligned to 0");
	refuses_field(at, struct egret_kernel_info, reserved, 1, "reserved");
	refuses(at + offsetof(struct egret_kernel_info, name), 0, 1, "empty");
	refuses(at + offsetof(struct egret_kernel_info, name), '\n', 1, "0x0a");
}

static void test_kernel_names(void **state)
{
	const size_t name = offsetof(struct egret_kernel_info, name);
	uint8_t *copy = malloc(module_size);

	(void)state;
	memcpy(copy, module, module_size);
	memset(copy + at_kernel() + name, 'x', EGRET_KERNEL_NAME_MAX);
	assert_int_equal(read_copy(copy, module_size), -ENOEXEC);
	assert_non_null(strstr(accel_last_error()->cause, "not terminated"));

	memcpy(copy, module, module_size);
	memcpy(copy + at_kernel() + sizeof(struct egret_kernel_info) + name,
	       copy + at_kernel() + name, EGRET_KERNEL_NAME_MAX);
	assert_int_equal(read_copy(copy, module_size), -ENOEXEC);
	assert_non_null(strstr(accel_last_error()->cause, "two kernels"));
	free(copy);
}

/* The entry is what its relocation says: where it points must be code. */
static void test_kernel_entry(void **state)
{
	size_t at = at_relocation();

	(void)state;
	refuses_field(at, Elf64_Rela, r_addend, 0x1000, "not code");
	refuses_field(at, Elf64_Rela, r_addend, 1, "not code");
	refuses_field(at, Elf64_Rela, r_info, ELF64_R_INFO(0, 0), "not relocated");
}

/* ---- Anything at all ---- */

static void test_random_damage(void **state)
{
	uint8_t *copy = malloc(module_size);
	unsigned int seed = 7;
	int round, k;

	(void)state;
	for (round = 0; round < 3000; round++) {
		memcpy(copy, module, module_size);
		for (k = rand_r(&seed) % 8; k >= 0; k--) {
			/* Headers are where it hurts most. */
			size_t limit = rand_r(&seed) % 2 ? 512 : module_size;

			copy[rand_r(&seed) % limit] = rand_r(&seed);
		}
		/* Some damage is harmless. None may be worse than an error. */
		if (read_copy(copy, module_size))
			assert_int_equal(accel_last_error()->error, -ENOEXEC);
	}
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_relocates),
		cmocka_unit_test(test_names_functions),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_dynamic),
		cmocka_unit_test(test_relocations),
		cmocka_unit_test(test_kernel_table),
		cmocka_unit_test(test_kernel_names),
		cmocka_unit_test(test_kernel_entry),
		cmocka_unit_test(test_random_damage),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("image", tests, read_module, free_module);
}
