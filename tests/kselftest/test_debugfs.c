// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* The files in debugfs: what they say, under load, and when the card goes. */
#include "egret_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENT_MS	20000

static const char * const names[] = {
	"clients", "firmware_log", "memory", "queues", "registers", "vms",
};

static char *read_debugfs(const char *name)
{
	char path[256];

	debugfs_path(path, name);
	return read_text(path);
}

static void write_debugfs(const char *name, const char *text)
{
	char path[256];

	debugfs_path(path, name);
	write_text(path, text);
}

/* The line of @text that has @what, alone, for free(); NULL if there is none. */
static char *find_line(const char *text, const char *what)
{
	const char *at = strstr(text, what), *end;

	if (!at)
		return NULL;
	while (at > text && at[-1] != '\n')
		at--;
	end = strchr(at, '\n');
	CHECK(end);
	return strndup(at, end - at);
}

/* Likewise, of a file; the test fails if there is none. */
static char *line_of(const char *name, const char *what)
{
	char *text = read_debugfs(name), *line = find_line(text, what);

	if (!line)
		test_fail(__FILE__, __LINE__, "no '%s' in %s:\n%s", what, name, text);
	free(text);
	return line;
}

#define CHECK_HAS(line, ...)						\
	do {								\
		char what_[128];					\
									\
		snprintf(what_, sizeof(what_), __VA_ARGS__);		\
		if (!strstr(line, what_))				\
			test_fail(__FILE__, __LINE__, "no '%s' in '%s'", what_, line); \
	} while (0)

static uint64_t number_of(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	CHECK(at);
	return strtoull(at + strlen(key), NULL, 0);
}

/* ---- what they say ---------------------------------------------------------------- */

static void test_clients(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint64_t id = fdinfo(c.fd, "drm-client-id");
	char key[32], *line;

	packet_fill(&c, bo.va, PAGE, 8, 0, 0);
	CHECK_OK(run(&c));
	queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COMPUTE);
	snprintf(key, sizeof(key), "client=%llu ", (unsigned long long)id);
	line = line_of("clients", key);
	CHECK_HAS(line, " vms=1 queues=2 compute_cycles=0 ");
	CHECK_HAS(line, " copy_cycles=%llu ",
		  (unsigned long long)queue_query(c.fd, c.queue).busy_cycles);
	CHECK_HAS(line, " offences=0 banned=0 uid=%d pid=%d comm=", getuid(), getpid());
	free(line);
	/* Mappings hold the file. */
	CHECK_OK(munmap(bo.map, bo.size));
	CHECK_OK(munmap(c.cmd.map, c.cmd.size));
	client_close(&c);
	line = read_debugfs("clients");
	CHECK(!strstr(line, key));
	free(line);
}

static void test_vms(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo vram = client_bo(&c, 4 * MiB, DRM_EGRET_BO_VRAM);
	struct bo shared = bo_create(c.fd, MiB, DRM_EGRET_BO_SYSTEM, 0);
	const struct drm_egret_bind_op user = {
		.op = DRM_EGRET_BIND_MAP_USERPTR, .flags = DRM_EGRET_BIND_READ,
		.offset = (uintptr_t)mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		.va = TEST_VA + (1ULL << 40), .size = PAGE,
	};
	char key[64], *line, *text, *queue;
	int ret;

	CHECK_OK(vm_map(c.fd, c.vm, shared.handle, 8 * PAGE, TEST_VA - MiB, PAGE,
			DRM_EGRET_BIND_WRITE));
	ret = vm_bind_ops(c.fd, c.vm, &user, 1);
	CHECK(!ret || ret == -EOPNOTSUPP);

	snprintf(key, sizeof(key), "client=%llu ",
		 (unsigned long long)fdinfo(c.fd, "drm-client-id"));
	line = line_of("vms", key);
	CHECK_HAS(line, "users=2 pending_binds=0");
	queue = line_of("queues", key);
	CHECK_EQ(number_of(line, "vm="), number_of(queue, " vm="));
	free(queue);
	free(line);
	text = read_debugfs("vms");
	CHECK_HAS(text, "  va=%#llx size=0x400000 access=rwx buffer=0x400000 offset=0x0 private "
		  "region=vram at=", (unsigned long long)vram.va);
	CHECK_HAS(text, "  va=%#llx size=0x1000 access=-w- buffer=0x100000 offset=0x8000 shared "
		  "region=system at=", TEST_VA - MiB);
	if (!ret)
		CHECK_HAS(text, "  va=%#llx size=0x1000 access=r-- userptr=%#llx\n",
			  (unsigned long long)user.va, (unsigned long long)user.offset);
	free(text);
}

static void test_queues(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t first = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(first, 0);
	struct client other = client_fork(&c, DRM_EGRET_QUEUE_COMPUTE);
	char key[64], *line;
	unsigned int i;

	/* One waits on the card, one behind it, and one on the host for both. */
	packet_wait(&c, bo.va, 1);
	CHECK_OK(submit(&c, &sync, 1));
	packet_fill(&c, bo.va + 8, 8, 8, 0, 0);
	CHECK_OK(submit(&c, NULL, 0));
	sync = sync_wait(first, 0);
	CHECK_OK(exec_calls(other.fd, other.queue, NULL, 0, &sync, 1));

	snprintf(key, sizeof(key), "client=%llu id=%u ",
		 (unsigned long long)fdinfo(c.fd, "drm-client-id"), c.queue);
	for (i = 0;; i++) {
		line = line_of("queues", key);
		if (strstr(line, " hardware=waiting ") && strstr(line, " on_card=2 "))
			break;
		CHECK(i < 2000);
		free(line);
		sleep_ms(10);
	}
	CHECK_HAS(line, " type=copy priority=1 state=ok ");
	/* Each job is a CALL and a FENCE. */
	CHECK_HAS(line, " tail=4 ");
	CHECK_HAS(line, " submitted=2 completed=0 ");
	CHECK_HAS(line, " pid=%d comm=", getpid());
	free(line);
	snprintf(key, sizeof(key), " id=%u ", other.queue);
	line = line_of("queues", key);
	CHECK_HAS(line, " type=compute ");
	CHECK_HAS(line, " hardware=idle head=0 tail=0 ");
	CHECK_HAS(line, " submitted=1 completed=0 on_card=0 ");
	free(line);

	bo.u64[0] = 1;
	CHECK_OK(run(&c));
	snprintf(key, sizeof(key), " id=%u ", c.queue);
	line = line_of("queues", key);
	CHECK_HAS(line, " submitted=3 completed=3 on_card=0 ");
	free(line);
	packet(&c, 0x66, 0);
	CHECK_EQ(run(&c), -ECANCELED);
	line = line_of("queues", key);
	CHECK_HAS(line, " state=fault hardware=disabled ");
	free(line);
}

/* A card that sleeps is not woken by who looks. */
static void test_registers(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	char status[256], key[64], *text, *line;

	packet(&c, EGRET_OP_NOP, 0);
	CHECK_OK(run(&c));
	snprintf(key, sizeof(key), "client=%llu ",
		 (unsigned long long)fdinfo(c.fd, "drm-client-id"));
	line = line_of("queues", key);
	text = read_debugfs("registers");
	CHECK(!strncmp(text, "chip:\n  ID: 0x31524745\n", 23));
	CHECK_HAS(text, "\ncluster 0:\n  STATUS: ");
	CHECK_HAS(text, "\nqueue %llu:\n  STATUS: 0x1\n",
		  (unsigned long long)number_of(line, "queue="));
	free(text);
	free(line);

	card_sleep();
	text = read_debugfs("registers");
	CHECK_HAS(text, "# the card sleeps");
	CHECK(!strstr(text, "chip:"));
	free(text);
	line = line_of("queues", key);
	CHECK_HAS(line, " hardware=down ");
	free(line);
	free(read_debugfs("vms"));
	free(read_debugfs("clients"));
	sysfs_path(status, "power/runtime_status");
	text = read_text(status);
	CHECK(!strcmp(text, "suspended\n"));
	free(text);
}

/* ---- under load -------------------------------------------------------------------- */

#define WORKERS	3

/* A program that comes, does something of everything, and is killed in the middle. */
static void work_and_go(unsigned int seed)
{
	struct client c = client_open(seed % 2);
	unsigned int i;

	for (i = 0;; i++) {
		struct bo bo = client_bo(&c, (1 + i % 8) * 64 * KiB,
					 i % 2 ? DRM_EGRET_BO_SYSTEM : DRM_EGRET_BO_VRAM);

		packet_fill(&c, i % 7 == 6 ? TEST_VA - PAGE : bo.va, 8, 8, i, 0);
		if (run(&c)) {
			CHECK_OK(queue_destroy(c.fd, c.queue));
			c.queue = queue_create(c.fd, c.vm, seed % 2);
		}
		CHECK_OK(vm_unmap(c.fd, c.vm, bo.va, bo.size));
		CHECK_OK(munmap(bo.map, bo.size));
		handle_close(c.fd, bo.handle);
		if (i % 5 == 4)
			CHECK_OK(vm_destroy(c.fd, vm_create(c.fd)));
	}
}

static pid_t start_worker(unsigned int seed)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		work_and_go(seed);
		_exit(0);
	}
	return pid;
}

static void end_worker(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Each line begins as those of its file do. */
static void check_lines(const char *name, char *text)
{
	static const struct {
		const char *name;
		const char *begin[2];
	} formats[] = {
		{ "clients", { "client=", "client=" } },
		{ "queues", { "queue=", "queue=" } },
		{ "vms", { "vm=", "  va=0x" } },
	};
	unsigned int i, k;
	char *line;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(formats[i].name, name))
			continue;
		for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
			for (k = 0; k < 2; k++)
				if (!strncmp(line, formats[i].begin[k],
					     strlen(formats[i].begin[k])))
					break;
			if (k == 2)
				test_fail(__FILE__, __LINE__, "%s: '%s'", name, line);
		}
	}
}

static void test_load(void)
{
	enum { ROUNDS = 40 };
	pid_t pid[WORKERS];
	unsigned int i, k;
	char *text;

	for (k = 0; k < WORKERS; k++)
		pid[k] = start_worker(k);
	for (i = 0; i < ROUNDS; i++) {
		for (k = 0; k < ARRAY_SIZE(names); k++) {
			text = read_debugfs(names[k]);
			CHECK(*text);
			check_lines(names[k], text);
			free(text);
		}
		if (i % 4 == 3) {
			k = i / 4 % WORKERS;
			end_worker(pid[k]);
			pid[k] = start_worker(i);
		}
	}
	for (k = 0; k < WORKERS; k++)
		end_worker(pid[k]);
}

/* Files that are open when the card goes have nothing to read, and it does not wait for them. */
static void test_gone(void)
{
	char path[256], device[256], byte[64], *name;
	int fd[ARRAY_SIZE(names)];
	struct stat st;
	unsigned int i;

	sysfs_path(device, "");
	device[strlen(device) - 1] = 0;
	name = strrchr(device, '/') + 1;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		debugfs_path(path, names[i]);
		fd[i] = open(path, O_RDONLY);
		CHECK(fd[i] >= 0);
		/* Some were read from already, some not. */
		if (i % 2)
			CHECK(read(fd[i], byte, 1) >= 0);
	}
	write_text("/sys/bus/pci/drivers/egret/unbind", name);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		CHECK(read(fd[i], byte, sizeof(byte)) < 0);
		CHECK(errno == EIO || errno == ENODEV);
		close(fd[i]);
	}
	CHECK(stat(path, &st) < 0 && errno == ENOENT);
	write_text("/sys/bus/pci/drivers/egret/bind", name);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		free(read_debugfs(names[i]));
}

/* ---- resets that somebody asks for ----------------------------------------------------- */

static void expect_reset(int fd, uint32_t level)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct drm_egret_event e;

	CHECK_EQ(poll(&p, 1, EVENT_MS * test_slow()), 1);
	CHECK_EQ(read(fd, &e, sizeof(e)), sizeof(e));
	CHECK_EQ(e.base.type, DRM_EGRET_EVENT_RESET);
	CHECK_EQ(e.state, level);
}

static void test_reset(void)
{
	static const struct {
		const char *name;
		uint32_t level;
	} levels[] = {
		{ "engines\n", DRM_EGRET_RESET_ENGINES },
		{ "function", DRM_EGRET_RESET_FUNCTION },
	};
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo vram = client_bo(&c, MiB, DRM_EGRET_BO_VRAM);
	struct bo flag = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t done = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);
	char path[256];
	unsigned int i;
	int fd;

	packet_fill(&c, vram.va, MiB, 8, 0x55, 0);
	CHECK_OK(run(&c));
	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		packet_wait(&c, flag.va, 1);
		CHECK_OK(submit(&c, &sync, 1));
		/* It must be on the card: what is not, runs later. */
		while (queue_query(c.fd, c.queue).jobs_submitted == 0)
			;
		sleep_ms(50);
		write_debugfs("reset", levels[i].name);
		expect_reset(c.fd, levels[i].level);
		CHECK_OK(syncobj_wait(c.fd, done, 0, EVENT_MS));
		CHECK_EQ(syncobj_status(c.fd, done), -ECANCELED);
		/* Memory and queue are as they were. */
		CHECK_EQ(vram.u64[MiB / 8 - 1], 0x55);
		packet_copy(&c, flag.va + 8, vram.va, 8, 0);
		CHECK_OK(run(&c));
		CHECK_EQ(flag.u64[1], 0x55);
		flag.u64[1] = 0;
	}

	debugfs_path(path, "reset");
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK(write(fd, "none", 4) < 0 && errno == EINVAL);
	CHECK(write(fd, "everything", 10) < 0 && errno == EINVAL);
	CHECK(write(fd, "a name that is longer than any", 30) < 0 && errno == EINVAL);
	close(fd);
}

/* The card is a new one, and the file of the old one is of no use. */
static void test_reprobe(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	unsigned int i;
	int fd = -1;

	write_debugfs("reset", "re-probe");
	CHECK_ERR(submit(&c, NULL, 0), ENODEV);
	for (i = 0; i < 2000 && fd < 0; i++) {
		sleep_ms(10);
		fd = card_try_open_number(0);
	}
	CHECK(fd >= 0);
	close(fd);
	c = client_open(DRM_EGRET_QUEUE_COPY);
	packet(&c, EGRET_OP_NOP, 0);
	CHECK_OK(run(&c));
}

int main(void)
{
	static const struct test tests[] = {
		TEST("clients", test_clients),
		TEST("address spaces", test_vms),
		TEST("queues", test_queues),
		TEST("registers, and a card that sleeps", test_registers),
		TEST_LONG("processes come and go", test_load, 120),
		TEST_LONG("the card goes", test_gone, 60),
		TEST_LONG("resets that somebody asks for", test_reset, 60),
		TEST_LONG("a new card that somebody asks for", test_reprobe, 60),
	};

	if (access("/sys/kernel/debug/accel", F_OK)) {
		printf("1..0 # SKIP debugfs is not mounted\n");
		return 77;
	}
	return test_main(tests, ARRAY_SIZE(tests));
}
