// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "accelctl.h"

#include <stdio.h>
#include <string.h>

const char program_name[] = "accelctl";

static const struct command *const commands[] = {
	&command_list,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
	size_t i;

	fputs("Usage: accelctl COMMAND [OPTION...]\n"
	      "\n"
	      "Look after Egret inference accelerators.\n"
	      "\n"
	      "Commands:\n", to);
	for (i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n"
	      "Options:\n"
	      "  --help     this help, or that of a command\n"
	      "  --version  version of the program and of libaccel\n"
	      "\n"
	      "Exit status: 0 good; 1 another failure; 2 wrong usage; 3 no device; 4 no permission;\n"
	      "5 the device does not work; 6 some devices could be asked, others not.\n"
	      "\n"
	      "The manual is accelctl(1).\n", to);
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_usage(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_usage(stdout);
		return finish_output(STATUS_OK);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("accelctl %d.%d.%d (libaccel %s)\n", ACCEL_VERSION_MAJOR,
		       ACCEL_VERSION_MINOR, ACCEL_VERSION_PATCH, accel_version());
		return finish_output(STATUS_OK);
	}
	command = find_command(argv[1]);
	if (!command) {
		complain("see accelctl --help", "there is no %s %s",
			 argv[1][0] == '-' ? "option" : "command", argv[1]);
		return STATUS_USAGE;
	}
	if (argc == 3 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) {
		fputs(command->usage, stdout);
		return finish_output(STATUS_OK);
	}
	return finish_output(command->run(argc - 2, argv + 2));
}
