// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "bare.h"

#include <dirent.h>
#include <errno.h>
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

/* Has the program ended? Looked at after each quantum. */
static bool check_tohost(void *arg, struct machine_unit *u)
{
	struct bare *b = arg;

	if (machine_read(u, b->tohost, &b->value, sizeof(b->value)) != sizeof(b->value))
		return true;
	return !b->value;
}

/* Not what a kernel starts with, but what a hart does. */
static void begin(void *arg, struct machine_unit *u)
{
	(void)arg;
	memset(u->hart->x, 0, sizeof(u->hart->x));
	u->hart->x[2] = BARE_BASE + BARE_MEMORY;
}

struct bare *bare_load(const char *path, const char **reason)
{
	static const uint32_t one[3] = { 1, 1, 1 };
	struct file file = file_read(path);
	struct bare *b = allocate(1, sizeof(*b));
	uint8_t *memory;
	uint64_t entry;

	b->path = path;
	b->machine = machine_create(1, BARE_MEMORY + (UINT64_C(2) << 20));
	b->machine->unit[0].hart->global = BARE_BASE;
	memory = machine_map(b->machine, EGRET_VA_MIN, BARE_MEMORY,
			     EGRET_PTE_READ | EGRET_PTE_WRITE | EGRET_PTE_EXEC);
	if (!memory)
		fail(SIM_HOST, "there is no room for %s", path);
	*reason = load_elf(&file, memory, &entry);
	free(file.data);
	if (!*reason) {
		b->symbols = symbols_open(path, 0);
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

static bool is_elf(const char *path)
{
	char magic[4] = "";
	struct stat st;
	FILE *f;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	f = fopen(path, "rb");
	if (!f)
		return false;
	if (fread(magic, 1, sizeof(magic), f) != sizeof(magic))
		magic[0] = '\0';
	fclose(f);
	return !memcmp(magic, ELFMAG, SELFMAG);
}

static void add_folder(struct list *list, const char *folder)
{
	size_t first = list->count;
	struct dirent *entry;
	DIR *dir = opendir(folder);

	if (!dir)
		fail(SIM_INPUT, "cannot read the folder %s: %s", folder, strerror(errno));
	while ((entry = readdir(dir))) {
		char *path;

		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			fail(SIM_HOST, "out of memory");
		if (!is_elf(path)) {
			free(path);
			continue;
		}
		list->path = grow(list->path, list->count, sizeof(*list->path));
		list->path[list->count++] = path;
	}
	closedir(dir);
	if (list->count > first)
		qsort(list->path + first, list->count - first, sizeof(*list->path), by_name);
}

static void add_path(struct list *list, const char *path)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		add_folder(list, path);
		return;
	}
	list->path = grow(list->path, list->count, sizeof(*list->path));
	list->path[list->count] = strdup(path);
	if (!list->path[list->count++])
		fail(SIM_HOST, "out of memory");
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

/* One line of TAP. Returns whether it has failed. */
static bool test_one(const char *path, size_t number, const struct session *session,
		     const char *signature, unsigned int word)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *reason;
	enum bare_result result;
	struct bare *b;

	b = bare_load(path, &reason);
	if (!b) {
		printf("not ok %zu - %s\n# %s\n", number, name, reason);
		return true;
	}
	result = bare_run(b, session);
	/* Programs with a signature say by it what they found; they just have to end. */
	printf("%sok %zu - %s\n", result == BARE_PASS ? "" : "not ", number, name);
	explain(b, result, session->limit);
	if (signature && result == BARE_PASS)
		bare_write_signature(b, signature, word);
	bare_free(b);
	return result != BARE_PASS;
}

int bare_test(char *const *paths, unsigned int count, const struct session *session,
	      const char *signature, unsigned int word)
{
	struct list list = { NULL, 0 };
	size_t failed = 0;

	for (unsigned int i = 0; i < count; i++)
		add_path(&list, paths[i]);
	if (!list.count)
		fail(SIM_INPUT, "there is no test program in %s", paths[0]);
	if (list.count != 1 && (signature || session->gdb || session->trace || session->timeline))
		fail(SIM_USAGE, "--signature, --trace, --timeline and --gdb are for one program, "
		     "and there are %zu", list.count);
	printf("1..%zu\n", list.count);
	for (size_t i = 0; i < list.count; i++) {
		failed += test_one(list.path[i], i + 1, session, signature, word);
		fflush(stdout);
		free(list.path[i]);
	}
	free(list.path);
	printf("# %zu passed, %zu failed\n", list.count - failed, failed);
	return failed ? SIM_FAULT : SIM_OK;
}
