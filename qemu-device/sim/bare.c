// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "bare.h"

#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <libelf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <egret/mmu.h>

#include "sim.h"

/* ---- Loading ---------------------------------------------------------------- */

static const char *load_segments(Elf *elf, const struct file *file, uint8_t *memory)
{
	size_t count;
	bool any = false;

	if (elf_getphdrnum(elf, &count))
		return "its program headers are damaged";
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(elf, (int)i, &p))
			return "its program headers are damaged";
		if (p.p_type != PT_LOAD || !p.p_memsz)
			continue;
		if (p.p_paddr < BARE_BASE || p.p_paddr - BARE_BASE > BARE_MEMORY ||
		    p.p_memsz > BARE_MEMORY - (p.p_paddr - BARE_BASE))
			return "it is not linked to the memory at 0x80000000";
		if (p.p_filesz > p.p_memsz || p.p_offset > file->size ||
		    p.p_filesz > file->size - p.p_offset)
			return "a segment lies outside of the file";
		memcpy(memory + (p.p_paddr - BARE_BASE), file->data + p.p_offset, p.p_filesz);
		any = true;
	}
	return any ? NULL : "it has nothing to load";
}

/* ---- Whom a program is for ----------------------------------------------------- */

/* What the hart has, and what is implied by it. */
static const char *const extensions[] = {
	"i", "m", "a", "f", "d", "c", "g", "zicsr", "zifencei", "zicntr", "zmmul", "zaamo",
	"zalrsc", "zca", "zcd", "ziccif", "ziccrse", "zicclsm",
};

static bool has_extension(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (strlen(extensions[i]) == length && !memcmp(extensions[i], name, length))
			return true;
	return false;
}

/* The first extension of "rv64i2p1_m2p0_zba1p0" that the hart has not, or NULL. */
static const char *missing_extension(const char *arch)
{
	static char name[32];
	const char *p = arch + strcspn(arch, "i");

	while (*p) {
		/* One letter, or z..., s..., x... and a word; then its version. */
		size_t length = strchr("zsx", *p) ? strcspn(p, "_0123456789") : 1;

		if (!has_extension(p, length)) {
			snprintf(name, sizeof(name), "%.*s", (int)length, p);
			return name;
		}
		p += length;
		p += strspn(p, "0123456789");
		if (*p == 'p')
			p += 1 + strspn(p + 1, "0123456789");
		p += strspn(p, "_");
	}
	return NULL;
}

static uint64_t read_uleb(const uint8_t **p, const uint8_t *end)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; *p < end && shift < 63; shift += 7) {
		uint8_t byte = *(*p)++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return v;
}

/* Tag_RISCV_arch in the section .riscv.attributes, or NULL. */
static const char *arch_attribute(const uint8_t *data, size_t size)
{
	const uint8_t *p = data, *end = data + size, *text;

	if (size < 17 || data[0] != 'A' || memcmp(data + 5, "riscv", 6))
		return NULL;
	p += 16; /* version, length, vendor, tag of the file, length */
	while (p < end) {
		uint64_t tag = read_uleb(&p, end);

		if (tag % 2 == 0) {
			read_uleb(&p, end);
			continue;
		}
		text = p;
		p = memchr(text, 0, (size_t)(end - text));
		if (!p)
			return NULL;
		if (tag == 5)
			return (const char *)text;
		p++;
	}
	return NULL;
}

static const char *needs_extension(Elf *elf)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr h;
		Elf_Data *data;
		const char *arch, *name;

		if (!gelf_getshdr(section, &h))
			continue;
		name = elf_strptr(elf, names, h.sh_name);
		if (!name || strcmp(name, ".riscv.attributes"))
			continue;
		data = elf_getdata(section, NULL);
		arch = data && data->d_buf ? arch_attribute(data->d_buf, data->d_size) : NULL;
		return arch ? missing_extension(arch) : NULL;
	}
	return NULL;
}

/* By the names that riscv-tests gives its programs. */
static const char *needs_by_name(const char *path)
{
	static const struct {
		const char *part, *needs;
	} known[] = {
		{ "rv64s", "supervisor mode" },
		{ "-v-", "virtual memory" },
		{ "-pt-", "timer interrupts" },
		{ "-pm-", "several harts" },
		{ "pmpaddr", "protection of physical memory" },
	};
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (strncmp(name, "rv64", 4))
		return NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strstr(name, known[i].part))
			return known[i].needs;
	return NULL;
}

/* What the machine would have to have, or NULL if it has all. */
static const char *what_is_missing(const char *path, const struct file *file)
{
	static char text[64];
	const char *needs = needs_by_name(path);
	GElf_Ehdr header;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)file->data, file->size);
	if (elf && gelf_getehdr(elf, &header) && header.e_machine == EM_RISCV) {
		if (gelf_getclass(elf) != ELFCLASS64)
			needs = "RV32";
		else if (!needs)
			needs = needs_extension(elf);
	}
	if (needs)
		snprintf(text, sizeof(text), "it needs %s", needs);
	elf_end(elf);
	return needs ? text : NULL;
}

static const char *load_elf(const struct file *file, uint8_t *memory, uint64_t *entry)
{
	const char *reason = NULL;
	GElf_Ehdr header;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)file->data, file->size);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
		reason = "it is no ELF file";
	else if (header.e_machine != EM_RISCV || gelf_getclass(elf) != ELFCLASS64)
		reason = "it is not for RV64";
	else
		reason = load_segments(elf, file, memory);
	*entry = reason ? 0 : header.e_entry;
	elf_end(elf);
	return reason;
}

/* ---- The program's way out ------------------------------------------------------- */

static void end_line(struct bare *b)
{
	if (b->line_size)
		printf("# %.*s\n", (int)b->line_size, b->line);
	b->line_size = 0;
}

/* Text of the program, as comments of TAP. */
static void put_text(struct bare *b, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n' || b->line_size == sizeof(b->line))
			end_line(b);
		if (text[i] >= ' ' && text[i] < 127)
			b->line[b->line_size++] = text[i];
	}
}

#define HTIF_WRITE	64	/* system call: magic[1] file, magic[2] text, magic[3] size */

/* Serve a system call with its number and arguments at @at. Returns the answer for fromhost. */
static uint64_t system_call(struct bare *b, struct machine_unit *u, uint64_t at)
{
	uint64_t magic[4];
	int64_t result = -ENOSYS;
	char text[4096];

	if (machine_read(u, at, magic, sizeof(magic)) != sizeof(magic))
		return 1;
	if (magic[0] == HTIF_WRITE) {
		size_t size = magic[3] < sizeof(text) ? magic[3] : sizeof(text);

		size = machine_read(u, magic[2], text, size);
		put_text(b, text, size);
		result = (int64_t)size;
	}
	machine_write(u, at, &result, sizeof(result));
	return 1;
}

/*
 * Has the program ended, or does it want something? Looked at after each quantum. Requests
 * have the device in the topmost byte (0 system calls, 1 console) and a command below it.
 */
static bool check_tohost(void *arg, struct machine_unit *u)
{
	static const uint64_t nothing;
	struct bare *b = arg;
	uint64_t value, answer;
	char c;

	if (machine_read(u, b->tohost, &value, sizeof(value)) != sizeof(value) || !value)
		return true;
	if (value >> 48 == 0 && value & 1) {
		b->value = value;
		return false;
	}
	if (value >> 48 == 0) {
		answer = system_call(b, u, value);
	} else {
		c = (char)value;
		if (value >> 48 == 0x0101)
			put_text(b, &c, 1);
		answer = value >> 48 << 48;
	}
	machine_write(u, b->tohost, &nothing, sizeof(nothing));
	if (b->fromhost)
		machine_write(u, b->fromhost, &answer, sizeof(answer));
	return true;
}

/* Not what a kernel starts with, but what a hart does. */
static void begin(void *arg, struct machine_unit *u)
{
	(void)arg;
	memset(u->hart->x, 0, sizeof(u->hart->x));
	u->hart->x[2] = BARE_BASE + BARE_MEMORY;
}

struct bare *bare_load(const char *path, const char **reason, bool *skip)
{
	static const uint32_t one[3] = { 1, 1, 1 };
	struct file file = file_read(path);
	struct bare *b = allocate(1, sizeof(*b));
	uint64_t entry = 0;
	uint8_t *memory;

	*reason = what_is_missing(path, &file);
	*skip = *reason;
	b->path = path;
	b->machine = machine_create(1, BARE_MEMORY + (UINT64_C(2) << 20));
	b->machine->unit[0].hart->global = BARE_BASE;
	memory = machine_map(b->machine, EGRET_VA_MIN, BARE_MEMORY,
			     EGRET_PTE_READ | EGRET_PTE_WRITE | EGRET_PTE_EXEC);
	if (!memory)
		fail(SIM_HOST, "there is no room for %s", path);
	if (!*reason)
		*reason = load_elf(&file, memory, &entry);
	free(file.data);
	if (!*reason) {
		b->symbols = symbols_open(path, 0);
		if (!symbols_find(b->symbols, "fromhost", &b->fromhost))
			b->fromhost = 0;
		if (!symbols_find(b->symbols, "tohost", &b->tohost))
			*reason = "it has no symbol tohost to end by";
	}
	if (*reason) {
		bare_free(b);
		return NULL;
	}
	machine_dispatch(b->machine, entry, one, "", 0);
	machine_watch(b->machine, &(struct machine_watch) {
		.arg = b,
		.begin = begin,
		.after = check_tohost,
	});
	return b;
}

void bare_free(struct bare *b)
{
	symbols_close(b->symbols);
	machine_destroy(b->machine);
	free(b);
}

enum bare_result bare_run(struct bare *b, const struct session *session)
{
	enum machine_state state;

	state = session_run(session, b->machine, b->symbols, 0);
	end_line(b);
	if (b->value)
		return b->value == 1 ? BARE_PASS : BARE_FAIL;
	switch (state) {
	case MACHINE_LIMIT:
		return BARE_LIMIT;
	case MACHINE_STOPPED:
		return BARE_STOPPED;
	default:
		return BARE_FAULT;
	}
}

void bare_write_signature(struct bare *b, const char *path, unsigned int word)
{
	uint64_t begin_at, end_at;
	size_t size, text = 0;
	uint8_t *data;
	char *out;

	if (!symbols_find(b->symbols, "begin_signature", &begin_at) ||
	    !symbols_find(b->symbols, "end_signature", &end_at) || end_at < begin_at ||
	    end_at - begin_at > BARE_MEMORY)
		fail(SIM_INPUT, "%s has no symbols begin_signature and end_signature", b->path);
	size = end_at - begin_at;
	if (size % word)
		fail(SIM_INPUT, "the signature of %s has %zu bytes, which are no words of %u",
		     b->path, size, word);
	data = allocate(size, 1);
	if (machine_read(&b->machine->unit[0], begin_at, data, size) != size)
		fail(SIM_INPUT, "the signature of %s is outside of memory", b->path);
	out = allocate(2 * size + size / word + 1, 1);
	for (size_t i = 0; i < size; i += word) {
		for (unsigned int k = word; k-- > 0;)
			text += (size_t)sprintf(out + text, "%02x", data[i + k]);
		out[text++] = '\n';
	}
	file_write(path, out, text);
	free(out);
	free(data);
}

/* ---- Tests -------------------------------------------------------------------- */

struct list {
	char **path;
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A linked ELF file: beside it may lie its objects, disassembly, signatures... */
static bool is_program(const char *path)
{
	uint8_t header[EI_NIDENT + 2] = { 0 };
	FILE *f = fopen(path, "rb");

	if (!f)
		return false;
	if (fread(header, 1, sizeof(header), f) != sizeof(header))
		header[0] = 0;
	fclose(f);
	return !memcmp(header, ELFMAG, SELFMAG) && header[EI_NIDENT] == ET_EXEC;
}

static void add_file(struct list *list, const char *path)
{
	list->path = grow(list->path, list->count, sizeof(*list->path));
	list->path[list->count] = strdup(path);
	if (!list->path[list->count++])
		fail(SIM_HOST, "out of memory");
}

static void add_folder(struct list *list, char *folder)
{
	char *roots[] = { folder, NULL };
	FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	size_t first = list->count;
	FTSENT *entry;

	if (!tree)
		fail(SIM_HOST, "cannot look through the folder %s: %s", folder, strerror(errno));
	while ((entry = fts_read(tree))) {
		if (entry->fts_info == FTS_DNR)
			fail(SIM_INPUT, "cannot read the folder %s: %s", entry->fts_path,
			     strerror(entry->fts_errno));
		if (entry->fts_info == FTS_F && is_program(entry->fts_path))
			add_file(list, entry->fts_path);
	}
	fts_close(tree);
	if (list->count > first)
		qsort(list->path + first, list->count - first, sizeof(*list->path), by_name);
}

static void add_path(struct list *list, char *path)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		add_folder(list, path);
	else
		add_file(list, path);
}

static void explain(struct bare *b, enum bare_result result, uint64_t limit)
{
	struct machine_unit *u = &b->machine->unit[0];
	const struct egret_hart *h = u->hart;

	switch (result) {
	case BARE_FAIL:
		printf("# test case %" PRIu64 " failed (tohost is 0x%" PRIx64 ")\n", b->value >> 1,
		       b->value);
		break;
	case BARE_FAULT:
		printf("# a trap that it does not handle, mcause %u, mtval 0x%" PRIx64 ", at %s\n",
		       (unsigned int)h->cause, h->tval, symbols_text(b->symbols, h->pc));
		break;
	case BARE_LIMIT:
		printf("# it did not end within %" PRIu64 " instructions; last at %s\n", limit,
		       symbols_text(b->symbols, h->pc));
		break;
	default:
		return;
	}
	printf("# gp 0x%" PRIx64 ", a0 0x%" PRIx64 ", mcause 0x%" PRIx64 ", mepc %s\n", h->x[3],
	       h->x[10], h->mcause, symbols_text(b->symbols, h->mepc));
}

enum outcome { PASSED, FAILED, SKIPPED, OUTCOMES };

/* One line of TAP. */
static enum outcome test_one(const char *path, size_t number, const struct session *session,
			     const char *signature, unsigned int word)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *reason;
	enum bare_result result;
	struct bare *b;
	bool skip;

	b = bare_load(path, &reason, &skip);
	if (!b && skip) {
		printf("ok %zu - %s # SKIP %s\n", number, name, reason);
		return SKIPPED;
	}
	if (!b) {
		printf("not ok %zu - %s\n# %s\n", number, name, reason);
		return FAILED;
	}
	result = bare_run(b, session);
	/* Programs with a signature say by it what they found; they just have to end. */
	printf("%sok %zu - %s\n", result == BARE_PASS ? "" : "not ", number, name);
	explain(b, result, session->limit);
	if (signature && result == BARE_PASS)
		bare_write_signature(b, signature, word);
	bare_free(b);
	return result == BARE_PASS ? PASSED : FAILED;
}

int bare_test(char *const *paths, unsigned int count, const struct session *session,
	      const char *signature, unsigned int word)
{
	struct list list = { NULL, 0 };
	size_t outcome[OUTCOMES] = { 0 };

	for (unsigned int i = 0; i < count; i++)
		add_path(&list, paths[i]);
	if (!list.count)
		fail(SIM_INPUT, "there is no test program in %s", paths[0]);
	if (list.count != 1 && (signature || session->gdb || session->trace || session->timeline))
		fail(SIM_USAGE, "--signature, --trace, --timeline and --gdb are for one program, "
		     "and there are %zu", list.count);
	printf("1..%zu\n", list.count);
	for (size_t i = 0; i < list.count; i++) {
		outcome[test_one(list.path[i], i + 1, session, signature, word)]++;
		fflush(stdout);
		free(list.path[i]);
	}
	free(list.path);
	printf("# %zu passed, %zu failed, %zu skipped\n", outcome[PASSED], outcome[FAILED],
	       outcome[SKIPPED]);
	/* Nothing tested is nothing passed. */
	return outcome[FAILED] || !outcome[PASSED] ? SIM_FAULT : SIM_OK;
}
