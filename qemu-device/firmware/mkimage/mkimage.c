// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * mkimage - make a signed firmware image from an ELF file.
 *
 *	mkimage --key FILE --version MAJOR.MINOR.PATCH [--abi MAJOR.MINOR] FIRMWARE.elf IMAGE.fw
 *	mkimage --key FILE --public
 *
 * The payload is what the ELF file's loadable segments hold, from the lowest
 * address on; memory that they only reserve (zeroed data, the stack) counts to
 * the image's memory_size. The same input gives the same bytes: Ed25519 needs no
 * random numbers, and no time or name goes into the image.
 *
 * The version of the mailbox protocol is that of egret/firmware.h; --abi lets the image
 * claim another one, for tests of those who look at it.
 *
 * The second form prints the public key, as the boot ROM holds it.
 */
#include <elf.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include <egret/firmware.h>
#include <egret/mc.h>

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list args;

	fputs("mkimage: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint8_t *read_file(const char *name, size_t *size)
{
	FILE *f = fopen(name, "rb");
	uint8_t *data;
	long end;

	if (!f || fseek(f, 0, SEEK_END))
		die("%s: %s", name, strerror(errno));
	end = ftell(f);
	if (end < 0 || fseek(f, 0, SEEK_SET))
		die("%s: %s", name, strerror(errno));
	data = malloc((size_t)end + 1);
	if (!data)
		die("%s: out of memory", name);
	if (fread(data, 1, (size_t)end, f) != (size_t)end)
		die("%s: cannot read", name);
	fclose(f);
	data[end] = 0;	/* a text file is then a string */
	*size = (size_t)end;
	return data;
}

/* Lines that begin with # are comments; the rest is one seed in hexadecimal. */
static void read_key(const char *name, uint8_t *public, uint8_t *secret)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	size_t size, length = 0;
	char *text = (char *)read_file(name, &size), *line, *save = NULL;
	bool found = false;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (*line == '#' || !*line)
			continue;
		if (found || sodium_hex2bin(seed, sizeof(seed), line, strlen(line), NULL,
					    &length, NULL) || length != sizeof(seed))
			die("%s: not a key file", name);
		found = true;
	}
	if (!found)
		die("%s: holds no key", name);
	crypto_sign_seed_keypair(public, secret, seed);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(text, size);
	free(text);
}

static uint32_t parse_version(const char *text)
{
	unsigned int major, minor, patch;
	char rest;

	if (sscanf(text, "%u.%u.%u%c", &major, &minor, &patch, &rest) != 3 ||
	    major > 255 || minor > 255 || patch > 65535)
		die("%s: not a version MAJOR.MINOR.PATCH", text);
	return major << 24 | minor << 16 | patch;
}

static uint32_t parse_abi(const char *text)
{
	unsigned int major, minor;
	char rest;

	if (sscanf(text, "%u.%u%c", &major, &minor, &rest) != 2 || major > 65535 || minor > 65535)
		die("%s: not a protocol version MAJOR.MINOR", text);
	return major << 16 | minor;
}

/* ELF file in memory; every access to its tables is checked against its size. */
struct elf {
	const char *name;
	const uint8_t *data;
	size_t size;
	const Elf64_Ehdr *header;
};

static const void *elf_at(const struct elf *elf, uint64_t offset, uint64_t size)
{
	if (offset > elf->size || size > elf->size - offset)
		die("%s: truncated ELF file", elf->name);
	return elf->data + offset;
}

static void open_elf(struct elf *elf, const char *name)
{
	const Elf64_Ehdr *h;

	elf->name = name;
	elf->data = read_file(name, &elf->size);
	h = elf_at(elf, 0, sizeof(*h));
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_RISCV ||
	    h->e_type != ET_EXEC || h->e_phentsize != sizeof(Elf64_Phdr))
		die("%s: not an executable for RV64", name);
	elf->header = h;
}

static const Elf64_Phdr *segment(const struct elf *elf, unsigned int i)
{
	return elf_at(elf, elf->header->e_phoff + i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr));
}

/* Where the loadable segments lie: first address, end of contents, end of memory. */
static void extent(const struct elf *elf, uint64_t *first, uint64_t *end, uint64_t *memory_end)
{
	unsigned int i;

	*first = UINT64_MAX;
	*end = *memory_end = 0;
	for (i = 0; i < elf->header->e_phnum; i++) {
		const Elf64_Phdr *p = segment(elf, i);

		if (p->p_type != PT_LOAD || !p->p_memsz)
			continue;
		if (p->p_filesz > p->p_memsz || p->p_paddr < EGRET_MC_SRAM ||
		    p->p_paddr > EGRET_MC_SRAM_KEPT ||
		    p->p_memsz > EGRET_MC_SRAM_KEPT - p->p_paddr)
			die("%s: segment %u is not within SRAM", elf->name, i);
		if (p->p_paddr < *first)
			*first = p->p_paddr;
		if (p->p_filesz && p->p_paddr + p->p_filesz > *end)
			*end = p->p_paddr + p->p_filesz;
		if (p->p_paddr + p->p_memsz > *memory_end)
			*memory_end = p->p_paddr + p->p_memsz;
	}
	if (!*end)
		die("%s: nothing to load", elf->name);
}

static void copy_payload(const struct elf *elf, uint8_t *payload, uint64_t first)
{
	unsigned int i;

	for (i = 0; i < elf->header->e_phnum; i++) {
		const Elf64_Phdr *p = segment(elf, i);

		if (p->p_type == PT_LOAD && p->p_filesz)
			memcpy(payload + (p->p_paddr - first),
			       elf_at(elf, p->p_offset, p->p_filesz), p->p_filesz);
	}
}

static void copy_build_id(const struct elf *elf, uint8_t id[20])
{
	unsigned int i;

	for (i = 0; i < elf->header->e_phnum; i++) {
		const Elf64_Phdr *p = segment(elf, i);
		uint64_t at = 0;

		if (p->p_type != PT_NOTE)
			continue;
		while (at + sizeof(Elf64_Nhdr) <= p->p_filesz) {
			const Elf64_Nhdr *n = elf_at(elf, p->p_offset + at, sizeof(*n));
			uint64_t name = at + sizeof(*n);
			uint64_t desc = name + (((uint64_t)n->n_namesz + 3) & ~3ull);

			if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 && n->n_descsz == 20 &&
			    !memcmp(elf_at(elf, p->p_offset + name, 4), "GNU", 4)) {
				memcpy(id, elf_at(elf, p->p_offset + desc, 20), 20);
				return;
			}
			at = desc + (((uint64_t)n->n_descsz + 3) & ~3ull);
		}
	}
	die("%s: has no build ID of 20 bytes (link with --build-id=sha1)", elf->name);
}

static void write_file(const char *name, const void *data, size_t size)
{
	FILE *f = fopen(name, "wb");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		die("%s: %s", name, strerror(errno));
}

static void make_image(const char *input, const char *output, uint32_t version, uint32_t abi,
		       const uint8_t *secret)
{
	struct egret_fw_header *h;
	uint64_t first, end, memory_end;
	struct elf elf;
	uint8_t *image;
	size_t size;

	open_elf(&elf, input);
	extent(&elf, &first, &end, &memory_end);
	size = sizeof(*h) + (end - first);
	image = calloc(1, size);
	if (!image)
		die("out of memory");
	copy_payload(&elf, image + sizeof(*h), first);

	h = (struct egret_fw_header *)image;
	h->magic = EGRET_FW_MAGIC;
	h->header_version = EGRET_FW_HEADER_VERSION;
	h->header_size = sizeof(*h);
	h->image_size = (uint32_t)size;
	h->fw_version = version;
	h->abi_major = (uint16_t)(abi >> 16);
	h->abi_minor = (uint16_t)abi;
	h->load_addr = (uint32_t)first;
	h->memory_size = (uint32_t)(memory_end - first);
	h->entry = (uint32_t)elf.header->e_entry;
	copy_build_id(&elf, h->build_id);
	h->key_id = EGRET_FW_KEY_DEVELOPMENT;
	crypto_hash_sha256(h->digest, image + sizeof(*h), end - first);
	crypto_sign_detached(h->signature, NULL, image,
			     offsetof(struct egret_fw_header, signature), secret);
	write_file(output, image, size);
	free(image);
	free((void *)elf.data);
}

static void print_public(const uint8_t *public)
{
	unsigned int i;

	for (i = 0; i < crypto_sign_PUBLICKEYBYTES; i++)
		printf("0x%02x,%c", public[i], i % 8 == 7 ? '\n' : ' ');
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "version", required_argument, NULL, 'v' },
		{ "abi", required_argument, NULL, 'a' },
		{ "public", no_argument, NULL, 'p' },
		{ 0 }
	};
	static const char usage[] =
		"usage: mkimage --key FILE (--public | --version X.Y.Z [--abi X.Y] FIRMWARE.elf IMAGE.fw)";
	uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
	uint32_t abi = EGRET_FW_ABI_MAJOR << 16 | EGRET_FW_ABI_MINOR;
	const char *key = NULL, *version = NULL;
	bool show = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'k')
			key = optarg;
		else if (c == 'v')
			version = optarg;
		else if (c == 'a')
			abi = parse_abi(optarg);
		else if (c == 'p')
			show = true;
		else
			die("%s", usage);
	}
	if (!key || (show ? optind != argc || version : !version || optind + 2 != argc))
		die("%s", usage);
	if (sodium_init() < 0)
		die("libsodium does not work");
	read_key(key, public, secret);
	if (show)
		print_public(public);
	else
		make_image(argv[optind], argv[optind + 1], parse_version(version), abi, secret);
	sodium_memzero(secret, sizeof(secret));
	return 0;
}
