// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Each workgroup that runs is a thread, with the number of its cluster plus one. All stop
 * and go on together, unless the debugger resumes only some: then the others are held,
 * which in modelled time means that they do nothing meanwhile.
 *
 * Breakpoints are looked up before each instruction; the program in memory is not
 * changed. Watchpoints see the hart's loads, stores and atomics, not what the units do;
 * the machine stops after the instruction. When a workgroup ends in the middle of a step,
 * the machine stops before the next instruction of whoever is next.
 */
#include "gdb.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "disasm.h"
#include "sim.h"

#define PACKET_MAX	16384
#define LISTEN_CHECK	8192	/* instructions between looks for an interrupt */

/* Signals as the protocol numbers them. */
enum {
	SIGNAL_INT = 2,
	SIGNAL_ILL = 4,
	SIGNAL_TRAP = 5,
	SIGNAL_ABRT = 6,
	SIGNAL_BUS = 10,
	SIGNAL_SEGV = 11,
};

/* Registers in the order of the target description. */
enum {
	REG_X = 0,
	REG_PC = 32,
	REG_F = 33,
	REG_FFLAGS = 65,
	REG_FRM = 66,
	REG_FCSR = 67,
	REG_MSTATUS = 68,
	REG_MTVEC,
	REG_MSCRATCH,
	REG_MEPC,
	REG_MCAUSE,
	REG_MTVAL,
	REGS
};

struct watchpoint {
	uint64_t address;
	uint64_t size;
	char kind;		/* '2': written, '3': read, '4': either */
};

struct gdb {
	struct machine *machine;
	uint64_t base;
	int fd;
	bool no_ack;
	bool gone;		/* the debugger has left */
	bool killed;		/* and wants the program to end */

	char in[PACKET_MAX];	/* packet, terminated */
	size_t in_size;
	char out[2 * PACKET_MAX];
	size_t out_size;

	uint64_t *breakpoint;
	size_t breakpoints;
	struct watchpoint *watchpoint;
	size_t watchpoints;
	char hit;		/* kind of the watchpoint that the running instruction meets, or 0 */
	uint64_t hit_address;

	unsigned int general;	/* cluster that registers and memory are read of */
	/* why the machine stopped */
	int signal;
	struct machine_unit *stopped;
	/* how it runs */
	struct machine_unit *step;
	bool stop_at_next;
	unsigned int checks;
};

/* ---- Packets -------------------------------------------------------------------- */

static void send_bytes(struct gdb *g, const char *data, size_t size)
{
	while (size && !g->gone) {
		ssize_t n = send(g->fd, data, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			g->gone = true;
			return;
		}
		data += n;
		size -= (size_t)n;
	}
}

static int receive_byte(struct gdb *g)
{
	unsigned char c;
	ssize_t n;

	do
		n = recv(g->fd, &c, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		g->gone = true;
		return -1;
	}
	return c;
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Read a packet into g->in. False: there will be no more. */
static bool receive_packet(struct gdb *g)
{
	for (;;) {
		unsigned char sum = 0;
		int c, high, low;

		do
			c = receive_byte(g);
		while (c >= 0 && c != '$');
		g->in_size = 0;
		while (c >= 0) {
			c = receive_byte(g);
			if (c < 0 || c == '#')
				break;
			sum += (unsigned char)c;
			if (g->in_size + 1 < sizeof(g->in))
				g->in[g->in_size++] = (char)c;
		}
		if (c < 0)
			return false;
		g->in[g->in_size] = '\0';
		high = hex_digit(receive_byte(g));
		low = hex_digit(receive_byte(g));
		if (g->no_ack)
			return true;
		if (high < 0 || low < 0 || (high << 4 | low) != sum) {
			send_bytes(g, "-", 1);
			continue;
		}
		send_bytes(g, "+", 1);
		return true;
	}
}

static void add(struct gdb *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct gdb *g, const char *format, ...)
{
	size_t room = sizeof(g->out) - g->out_size;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(g->out + g->out_size, room, format, args);
	va_end(args);
	if (n > 0)
		g->out_size += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_hex(struct gdb *g, const void *data, size_t size)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < size; i++)
		add(g, "%02x", p[i]);
}

static void send_packet(struct gdb *g)
{
	unsigned char sum = 0;
	char tail[4];
	int answer;

	for (size_t i = 0; i < g->out_size; i++)
		sum += (unsigned char)g->out[i];
	snprintf(tail, sizeof(tail), "#%02x", sum);
	do {
		send_bytes(g, "$", 1);
		send_bytes(g, g->out, g->out_size);
		send_bytes(g, tail, 3);
		answer = g->no_ack ? '+' : receive_byte(g);
	} while (answer == '-' && !g->gone);
	g->out_size = 0;
}

static void reply(struct gdb *g, const char *text)
{
	add(g, "%s", text);
	send_packet(g);
}

/* Hexadecimal digits to bytes; returns how many whole bytes there were. */
static size_t parse_bytes(const char *text, uint8_t *to, size_t size)
{
	size_t n;

	for (n = 0; n < size; n++) {
		int high = hex_digit(text[2 * n]);
		int low = high < 0 ? -1 : hex_digit(text[2 * n + 1]);

		if (low < 0)
			break;
		to[n] = (uint8_t)(high << 4 | low);
	}
	return n;
}

/* ---- Threads --------------------------------------------------------------------- */

static struct machine_unit *unit_of(struct gdb *g, unsigned long thread)
{
	struct machine_unit *u;

	if (!thread || thread > g->machine->clusters)
		return NULL;
	u = &g->machine->unit[thread - 1];
	return u->busy ? u : NULL;
}

static struct machine_unit *any_unit(struct gdb *g)
{
	for (unsigned int i = 1; i <= g->machine->clusters; i++)
		if (unit_of(g, i))
			return unit_of(g, i);
	return NULL;
}

/* The thread that registers and memory are wanted of. */
static struct machine_unit *general_unit(struct gdb *g)
{
	struct machine_unit *u = unit_of(g, g->general);

	return u ? u : any_unit(g);
}

static void list_threads(struct gdb *g)
{
	const char *separator = "m";

	for (unsigned int i = 1; i <= g->machine->clusters; i++) {
		if (!unit_of(g, i))
			continue;
		add(g, "%s%x", separator, i);
		separator = ",";
	}
	if (!g->out_size)
		add(g, "l");
	send_packet(g);
}

static void describe_thread(struct gdb *g, const char *number)
{
	struct machine_unit *u = unit_of(g, strtoul(number, NULL, 16));
	char text[80];

	if (!u) {
		reply(g, "E01");
		return;
	}
	snprintf(text, sizeof(text), "cluster %u, workgroup (%u, %u, %u)", u->index, u->id[0],
		 u->id[1], u->id[2]);
	add_hex(g, text, strlen(text));
	send_packet(g);
}

/* "Hg1", "Hc-1" */
static void select_thread(struct gdb *g, const char *text)
{
	long thread = strtol(text + 1, NULL, 16);

	if (text[0] == 'g' && thread > 0) {
		if (!unit_of(g, (unsigned long)thread)) {
			reply(g, "E01");
			return;
		}
		g->general = (unsigned int)thread;
	}
	reply(g, "OK");
}

/* ---- Registers --------------------------------------------------------------------- */

static uint64_t *register_of(struct egret_hart *h, unsigned int n)
{
	if (n < REG_PC)
		return &h->x[n];
	if (n == REG_PC)
		return &h->pc;
	if (n < REG_FFLAGS)
		return &h->f[n - REG_F];
	switch (n) {
	case REG_MTVEC:
		return &h->mtvec;
	case REG_MSCRATCH:
		return &h->mscratch;
	case REG_MEPC:
		return &h->mepc;
	case REG_MCAUSE:
		return &h->mcause;
	case REG_MTVAL:
		return &h->mtval;
	default:
		return &h->mstatus;
	}
}

static unsigned int register_size(unsigned int n)
{
	return n >= REG_FFLAGS && n <= REG_FCSR ? 4 : 8;
}

static uint64_t read_register(struct egret_hart *h, unsigned int n)
{
	uint64_t v = 0;

	switch (n) {
	case REG_FFLAGS:
		return h->fflags;
	case REG_FRM:
		return h->frm;
	case REG_FCSR:
		return h->frm << 5 | h->fflags;
	case REG_MSTATUS:
		/* with the fields that never change */
		hart_csr(h, 0x300, CSR_SET, false, 0, &v);
		return v;
	default:
		return *register_of(h, n);
	}
}

static void write_register(struct egret_hart *h, unsigned int n, uint64_t v)
{
	if (n == REG_FFLAGS || n == REG_FCSR)
		h->fflags = v & 31;
	if (n == REG_FRM)
		h->frm = v & 7;
	if (n == REG_FCSR)
		h->frm = v >> 5 & 7;
	if (n && (n < REG_FFLAGS || n > REG_FCSR))
		*register_of(h, n) = v;
}

static void read_registers(struct gdb *g, struct machine_unit *u)
{
	for (unsigned int n = 0; n < REGS; n++) {
		uint64_t v = read_register(u->hart, n);

		add_hex(g, &v, register_size(n));
	}
	send_packet(g);
}

static void write_registers(struct gdb *g, struct machine_unit *u, const char *text)
{
	for (unsigned int n = 0; n < REGS; n++) {
		unsigned int size = register_size(n);
		uint64_t v = 0;

		if (parse_bytes(text, (uint8_t *)&v, size) != size)
			break;
		write_register(u->hart, n, v);
		text += 2 * size;
	}
	reply(g, "OK");
}

static void one_register(struct gdb *g, struct machine_unit *u, const char *text, bool write)
{
	char *end;
	unsigned long n = strtoul(text, &end, 16);
	uint64_t v = 0;

	if (n >= REGS || end == text || (write && *end != '=')) {
		reply(g, "E01");
		return;
	}
	if (write) {
		if (parse_bytes(end + 1, (uint8_t *)&v, register_size((unsigned int)n)) !=
		    register_size((unsigned int)n)) {
			reply(g, "E01");
			return;
		}
		write_register(u->hart, (unsigned int)n, v);
		reply(g, "OK");
		return;
	}
	v = read_register(u->hart, (unsigned int)n);
	add_hex(g, &v, register_size((unsigned int)n));
	send_packet(g);
}

/* ---- Memory ---------------------------------------------------------------------------- */

static bool parse_range(const char *text, uint64_t *address, uint64_t *size, const char **rest)
{
	char *end;

	*address = strtoull(text, &end, 16);
	if (end == text || *end != ',')
		return false;
	text = end + 1;
	*size = strtoull(text, &end, 16);
	*rest = end;
	return end != text;
}

static void read_memory(struct gdb *g, struct machine_unit *u, const char *text)
{
	uint64_t address, size;
	const char *rest;
	uint8_t *data;
	size_t n;

	if (!parse_range(text, &address, &size, &rest)) {
		reply(g, "E01");
		return;
	}
	if (size > PACKET_MAX / 2 - 1)
		size = PACKET_MAX / 2 - 1;
	data = allocate(size, 1);
	n = machine_read(u, address, data, size);
	if (n || !size)
		add_hex(g, data, n);
	else
		add(g, "E14");
	free(data);
	send_packet(g);
}

/* "}c" stands for c ^ 0x20. */
static size_t unescape(const char *from, size_t size, uint8_t *to)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		if (from[i] == '}' && i + 1 < size)
			to[n++] = (uint8_t)from[++i] ^ 0x20;
		else
			to[n++] = (uint8_t)from[i];
	}
	return n;
}

static void write_memory(struct gdb *g, struct machine_unit *u, const char *text, bool binary)
{
	uint64_t address, size;
	const char *rest;
	uint8_t *data;
	size_t n;

	if (!parse_range(text, &address, &size, &rest) || *rest != ':' || size > PACKET_MAX) {
		reply(g, "E01");
		return;
	}
	rest++;
	data = allocate(PACKET_MAX, 1);
	if (binary)
		n = unescape(rest, g->in_size - (size_t)(rest - g->in), data);
	else
		n = parse_bytes(rest, data, size);
	if (n == size && machine_write(u, address, data, size) == size)
		reply(g, "OK");
	else
		reply(g, "E14");
	free(data);
}

/* ---- Breakpoints --------------------------------------------------------------------- */

static bool has_breakpoint(const struct gdb *g, uint64_t pc)
{
	for (size_t i = 0; i < g->breakpoints; i++)
		if (g->breakpoint[i] == pc)
			return true;
	return false;
}

/* "Z2,ADDRESS,SIZE" */
static void change_watchpoint(struct gdb *g, const char *text, bool set)
{
	struct watchpoint w = { .kind = text[0] };
	const char *rest;

	if (text[1] != ',' || !parse_range(text + 2, &w.address, &w.size, &rest) || !w.size) {
		reply(g, "E01");
		return;
	}
	if (set) {
		g->watchpoint = grow(g->watchpoint, g->watchpoints, sizeof(*g->watchpoint));
		g->watchpoint[g->watchpoints++] = w;
	}
	for (size_t i = 0; !set && i < g->watchpoints; i++) {
		const struct watchpoint *have = &g->watchpoint[i];

		if (have->kind == w.kind && have->address == w.address && have->size == w.size)
			g->watchpoint[i--] = g->watchpoint[--g->watchpoints];
	}
	reply(g, "OK");
}

/* "Z0,ADDRESS,KIND"; software and hardware breakpoints are the same here */
static void change_breakpoint(struct gdb *g, const char *text, bool set)
{
	uint64_t address, kind;
	const char *rest;

	if (text[0] >= '2' && text[0] <= '4') {
		change_watchpoint(g, text, set);
		return;
	}
	if (text[0] != '0' && text[0] != '1') {
		reply(g, "");
		return;
	}
	if (text[1] != ',' || !parse_range(text + 2, &address, &kind, &rest)) {
		reply(g, "E01");
		return;
	}
	if (set && !has_breakpoint(g, address)) {
		g->breakpoint = grow(g->breakpoint, g->breakpoints, sizeof(*g->breakpoint));
		g->breakpoint[g->breakpoints++] = address;
	}
	for (size_t i = 0; !set && i < g->breakpoints; i++)
		if (g->breakpoint[i] == address)
			g->breakpoint[i--] = g->breakpoint[--g->breakpoints];
	reply(g, "OK");
}

/* ---- What is asked once ------------------------------------------------------------------- */

static size_t make_description(char *text, size_t size)
{
	static const char *const csrs[] = { "mstatus", "mtvec", "mscratch", "mepc", "mcause", "mtval" };
	static const char *const f[] = {
		"ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0",
		"fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5",
		"fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
	};
	FILE *o = fmemopen(text, size, "w");
	long n;

	if (!o)
		fail(SIM_HOST, "out of memory");
	fputs("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
	      "<target version=\"1.0\"><architecture>riscv:rv64</architecture>"
	      "<feature name=\"org.gnu.gdb.riscv.cpu\">", o);
	for (int i = 0; i < 32; i++)
		fprintf(o, "<reg name=\"x%d\" bitsize=\"64\" type=\"%s\" regnum=\"%d\"/>", i,
			i == 1 ? "code_ptr" : i == 2 ? "data_ptr" : "int", i);
	fprintf(o, "<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\" regnum=\"%d\"/></feature>"
		"<feature name=\"org.gnu.gdb.riscv.fpu\"><union id=\"riscv_double\">"
		"<field name=\"float\" type=\"ieee_single\"/>"
		"<field name=\"double\" type=\"ieee_double\"/></union>", REG_PC);
	for (int i = 0; i < 32; i++)
		fprintf(o, "<reg name=\"%s\" bitsize=\"64\" type=\"riscv_double\" regnum=\"%d\"/>",
			f[i], REG_F + i);
	fprintf(o, "<reg name=\"fflags\" bitsize=\"32\" type=\"int\" regnum=\"%d\"/>"
		"<reg name=\"frm\" bitsize=\"32\" type=\"int\" regnum=\"%d\"/>"
		"<reg name=\"fcsr\" bitsize=\"32\" type=\"int\" regnum=\"%d\"/></feature>"
		"<feature name=\"org.gnu.gdb.riscv.csr\">", REG_FFLAGS, REG_FRM, REG_FCSR);
	for (int i = 0; i < REGS - REG_MSTATUS; i++)
		fprintf(o, "<reg name=\"%s\" bitsize=\"64\" type=\"int\" regnum=\"%d\"/>", csrs[i],
			REG_MSTATUS + i);
	fputs("</feature></target>", o);
	n = ftell(o);
	fclose(o);
	return n > 0 ? (size_t)n : 0;
}

/* "OFFSET,LENGTH" of the description */
static void send_description(struct gdb *g, const char *text)
{
	static char description[12288];
	static size_t size;
	uint64_t offset, length;
	const char *rest;

	if (!size)
		size = make_description(description, sizeof(description));
	if (!parse_range(text, &offset, &length, &rest) || offset > size) {
		reply(g, "E01");
		return;
	}
	if (length > PACKET_MAX - 16)
		length = PACKET_MAX - 16;
	if (length > size - offset)
		length = size - offset;
	add(g, "%c%.*s", offset + length < size ? 'm' : 'l', (int)length, description + offset);
	send_packet(g);
}

static bool starts(const char *text, const char *with, const char **rest)
{
	size_t n = strlen(with);

	if (strncmp(text, with, n))
		return false;
	*rest = text + n;
	return true;
}

static void answer_query(struct gdb *g, const char *q)
{
	const char *rest;

	if (starts(q, "Supported", &rest)) {
		add(g, "PacketSize=%x;qXfer:features:read+;swbreak+;vContSupported+;"
		    "QStartNoAckMode+", PACKET_MAX - 1);
		send_packet(g);
	} else if (starts(q, "Xfer:features:read:target.xml:", &rest)) {
		send_description(g, rest);
	} else if (!strcmp(q, "fThreadInfo")) {
		list_threads(g);
	} else if (!strcmp(q, "sThreadInfo")) {
		reply(g, "l");
	} else if (starts(q, "ThreadExtraInfo,", &rest)) {
		describe_thread(g, rest);
	} else if (!strcmp(q, "C")) {
		struct machine_unit *u = general_unit(g);

		add(g, "QC%x", u ? u->index + 1 : 0);
		send_packet(g);
	} else if (!strcmp(q, "Attached") || starts(q, "Attached:", &rest)) {
		reply(g, "1");
	} else if (!strcmp(q, "Offsets") && g->base) {
		add(g, "TextSeg=%" PRIx64, g->base);
		send_packet(g);
	} else {
		reply(g, "");
	}
}

/* ---- Running -------------------------------------------------------------------------------- */

static bool interrupted(struct gdb *g)
{
	struct pollfd p = { .fd = g->fd, .events = POLLIN };
	char c;

	if (++g->checks % LISTEN_CHECK || poll(&p, 1, 0) <= 0)
		return false;
	if (recv(g->fd, &c, 1, MSG_PEEK) <= 0) {
		g->gone = true;
		return true;
	}
	if (c != 3)
		return false;
	return receive_byte(g) == 3;
}

static bool stop(struct gdb *g, struct machine_unit *u, int signal)
{
	g->signal = signal;
	g->stopped = u;
	return false;
}

/* The watchpoint that the next instruction will meet, if any. */
static void look_ahead(struct gdb *g, struct machine_unit *u)
{
	uint64_t pc = egret_cluster_pc(u->cluster);
	struct disasm insn;
	uint64_t address;
	uint32_t raw = 0;

	g->hit = 0;
	if (!g->watchpoints || machine_read(u, pc, &raw, sizeof(raw)) < 2)
		return;
	disasm(raw, pc, &insn);
	address = u->hart->x[insn.rs1] + (uint64_t)(int64_t)insn.offset;
	for (size_t i = 0; i < g->watchpoints; i++) {
		const struct watchpoint *w = &g->watchpoint[i];
		bool meant = (w->kind != '2' && insn.loads) || (w->kind != '3' && insn.stores);

		if (meant && address < w->address + w->size && w->address < address + insn.bytes) {
			g->hit = w->kind;
			g->hit_address = address;
		}
	}
}

static bool before(void *arg, struct machine_unit *u)
{
	struct gdb *g = arg;

	if (g->gone)
		return true;
	if (g->stop_at_next)
		return stop(g, u, SIGNAL_TRAP);
	if (interrupted(g))
		return g->gone || stop(g, u, SIGNAL_INT);
	if (g->breakpoints && has_breakpoint(g, egret_cluster_pc(u->cluster)))
		return stop(g, u, SIGNAL_TRAP);
	look_ahead(g, u);
	return true;
}

static bool after(void *arg, struct machine_unit *u)
{
	struct gdb *g = arg;

	if (g->gone)
		return true;
	if (g->hit)
		return stop(g, u, SIGNAL_TRAP);
	if (u != g->step)
		return true;
	g->step = NULL;
	if (egret_cluster_pc(u->cluster) == EGRET_LOCAL_EXIT) {
		g->stop_at_next = true;
		return true;
	}
	return stop(g, u, SIGNAL_TRAP);
}

/* The signal that a fault would be. */
static int fault_signal(const struct egret_fault *f)
{
	switch (f->code) {
	case EGRET_FAULT_INSN_ILLEGAL:
		return SIGNAL_ILL;
	case EGRET_FAULT_ABORT:
		return SIGNAL_ABRT;
	case EGRET_FAULT_MISALIGNED:
	case EGRET_FAULT_BUS:
	case EGRET_FAULT_ECC:
		return SIGNAL_BUS;
	default:
		return SIGNAL_SEGV;
	}
}

static void tell_stop(struct gdb *g)
{
	add(g, "T%02xthread:%x;", (unsigned int)g->signal, g->stopped->index + 1);
	if (g->hit)
		add(g, "%swatch:%" PRIx64 ";",
		    g->hit == '3' ? "r" : g->hit == '4' ? "a" : "", g->hit_address);
	else if (g->signal == SIGNAL_TRAP && has_breakpoint(g, egret_cluster_pc(g->stopped->cluster)))
		add(g, "swbreak:;");
	g->general = g->stopped->index + 1;
	send_packet(g);
}

/*
 * Let it run until it stops. True: it stopped for the debugger; otherwise *state tells
 * how it ended.
 */
static bool resume(struct gdb *g, enum machine_state *state)
{
	g->stopped = NULL;
	g->hit = 0;
	*state = machine_run(g->machine);
	for (unsigned int i = 0; i < g->machine->clusters; i++)
		g->machine->unit[i].held = false;
	/* Those that were to run have ended, and the others were held. */
	if (*state == MACHINE_STOPPED && !g->stopped && g->stop_at_next)
		*state = machine_run(g->machine);
	g->stop_at_next = false;
	g->step = NULL;
	if (*state == MACHINE_STOPPED && g->stopped)
		return true;
	if (*state == MACHINE_FAULT) {
		struct machine_unit *u = g->machine->current;

		g->hit = 0;
		stop(g, u, fault_signal(egret_cluster_fault(u->cluster)));
		return true;
	}
	return false;
}

/* "vCont;s:1;c": the first action that fits a thread is its own. */
static void apply_actions(struct gdb *g, const char *text)
{
	for (unsigned int i = 0; i < g->machine->clusters; i++) {
		struct machine_unit *u = &g->machine->unit[i];
		const char *at = text;
		bool runs = false;

		while (!runs && *at == ';') {
			char action = *++at;
			long thread = -1;
			char *end = (char *)at + strcspn(at, ":;");

			if (*end == ':')
				thread = strtol(end + 1, &end, 16);
			at = end;
			if (thread != -1 && thread != (long)i + 1)
				continue;
			runs = true;
			if ((action == 's' || action == 'S') && u->busy)
				g->step = u;
		}
		u->held = !runs;
	}
}

/* Do what a packet says. True: it said how to run, or that there is nothing more to say. */
static bool serve(struct gdb *g)
{
	const char *p = g->in + 1;
	struct machine_unit *u = general_unit(g);
	const char *rest;

	if (!u && strchr("gGpPmMX", g->in[0])) {
		reply(g, "E01");
		return false;
	}
	switch (g->in[0]) {
	case '?':
		tell_stop(g);
		return false;
	case 'g':
		read_registers(g, u);
		return false;
	case 'G':
		write_registers(g, u, p);
		return false;
	case 'p':
	case 'P':
		one_register(g, u, p, g->in[0] == 'P');
		return false;
	case 'm':
		read_memory(g, u, p);
		return false;
	case 'M':
	case 'X':
		write_memory(g, u, p, g->in[0] == 'X');
		return false;
	case 'Z':
	case 'z':
		change_breakpoint(g, p, g->in[0] == 'Z');
		return false;
	case 'H':
		select_thread(g, p);
		return false;
	case 'T':
		reply(g, unit_of(g, strtoul(p, NULL, 16)) ? "OK" : "E01");
		return false;
	case 'q':
		answer_query(g, p);
		return false;
	case 'Q':
		if (strcmp(p, "StartNoAckMode")) {
			reply(g, "");
			return false;
		}
		reply(g, "OK");
		g->no_ack = true;
		return false;
	case 'c':
		return true;
	case 's':
		g->step = u;
		return true;
	case 'v':
		if (!strcmp(p, "Cont?")) {
			reply(g, "vCont;c;C;s;S");
			return false;
		}
		if (starts(p, "Cont", &rest)) {
			apply_actions(g, rest);
			return true;
		}
		if (starts(p, "Kill", &rest)) {
			reply(g, "OK");
			g->killed = g->gone = true;
			return true;
		}
		reply(g, "");
		return false;
	case 'k':
		g->killed = g->gone = true;
		return true;
	case 'D':
		reply(g, "OK");
		g->gone = true;
		return true;
	default:
		reply(g, "");
		return false;
	}
}

static void tell_end(struct gdb *g, enum machine_state state, int signal)
{
	if (g->gone)
		return;
	if (state == MACHINE_FAULT)
		add(g, "X%02x", (unsigned int)signal);
	else
		add(g, "W00");
	send_packet(g);
}

enum machine_state gdb_run(struct gdb *g)
{
	enum machine_state state;
	int signal;

	g->stop_at_next = true;
	if (!resume(g, &state))
		return state;
	for (;;) {
		while (!g->gone && receive_packet(g))
			if (serve(g))
				break;
		if (g->killed)
			return MACHINE_STOPPED;
		/* A workgroup with a fault does not go on. */
		signal = g->signal;
		if (state == MACHINE_FAULT) {
			tell_end(g, state, signal);
			return state;
		}
		if (g->gone) {
			machine_set_stepping(g->machine, false);
			for (unsigned int i = 0; i < g->machine->clusters; i++)
				g->machine->unit[i].held = false;
			return machine_run(g->machine);
		}
		if (!resume(g, &state)) {
			tell_end(g, state, signal);
			return state;
		}
		if (!g->gone)
			tell_stop(g);
	}
}

/* ---- Connecting ---------------------------------------------------------------------------- */

static int listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		fail(SIM_USAGE, "--gdb: the path %s is too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1))
		fail(SIM_HOST, "--gdb: cannot listen at %s: %s", path, strerror(errno));
	return fd;
}

/* Only for this host: whoever connects may read and write the program. */
static int listen_port(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	unsigned long port;
	char *end;

	port = strtoul(text, &end, 10);
	if (end == text || *end || !port || port > 65535)
		fail(SIM_USAGE, "--gdb: \"%s\" is neither a port nor unix:PATH", text);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)port);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1))
		fail(SIM_HOST, "--gdb: cannot listen at port %s: %s", text, strerror(errno));
	return fd;
}

struct gdb *gdb_start(struct machine *m, const char *where, uint64_t base)
{
	struct gdb *g = allocate(1, sizeof(*g));
	bool local = !strncmp(where, "unix:", 5);
	int listener;

	g->machine = m;
	g->base = base;
	listener = local ? listen_unix(where + 5) : listen_port(where);
	fprintf(stderr, "egret-sim: waiting for a debugger: target remote %s%s\n",
		local ? "" : "localhost:", local ? where + 5 : where);
	do
		g->fd = accept(listener, NULL, NULL);
	while (g->fd < 0 && errno == EINTR);
	if (g->fd < 0)
		fail(SIM_HOST, "--gdb: nobody could connect: %s", strerror(errno));
	close(listener);
	if (local)
		unlink(where + 5);
	machine_set_stepping(m, true);
	machine_watch(m, &(struct machine_watch) { .arg = g, .before = before, .after = after });
	return g;
}

void gdb_finish(struct gdb *g)
{
	close(g->fd);
	free(g->breakpoint);
	free(g->watchpoint);
	free(g);
}
