/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The management controller's firmware: image format, boot status, mailbox.
 *
 * An image is this header, followed by the code and data that the boot ROM
 * copies to the controller's SRAM. The signature covers the header up to the
 * signature itself, and so, through the digest, the whole image.
 *
 * Specification: Documentation/hardware/management.rst
 */
#ifndef EGRET_FIRMWARE_H
#define EGRET_FIRMWARE_H

#include <egret/types.h>

#define EGRET_FW_MAGIC			0x57464745	/* "EGFW" */
#define EGRET_FW_HEADER_VERSION		1	/* version of the image header */
#define EGRET_FW_ABI_MAJOR		1	/* mailbox protocol of this header */
#define EGRET_FW_ABI_MINOR		0	/* its minor version */
#define EGRET_FW_FILE			"egret/egret-1.fw"	/* name of the image for request_firmware() */
#define EGRET_FW_KEY_DEVELOPMENT	1	/* its private half is public; the model trusts it, silicon must not */

struct egret_fw_header {
	__le32 magic;		/* EGRET_FW_MAGIC */
	__le16 header_version;	/* EGRET_FW_HEADER_VERSION */
	__le16 header_size;	/* sizeof(struct egret_fw_header) */
	__le32 image_size;	/* bytes of header and payload */
	__le32 fw_version;	/* major << 24 | minor << 16 | patch */
	__le16 abi_major;	/* mailbox protocol that it speaks */
	__le16 abi_minor;
	__le32 load_addr;	/* where the payload goes in the controller's SRAM */
	__le32 memory_size;	/* bytes of SRAM from load_addr that it needs, with zeroed data and stack */
	__le32 entry;		/* address of the first instruction */
	__u8 digest[32];	/* SHA-256 of the payload */
	__u8 build_id[20];	/* GNU build ID of the ELF file that it was made from */
	__le32 key_id;		/* which key signed: EGRET_FW_KEY_* */
	__le32 reserved[2];
	__u8 signature[64];	/* Ed25519 over all bytes before this field */
};

/* What EGRET_REG_BOOT_STATUS says. */
enum egret_boot_status {
	EGRET_BOOT_IDLE			= 0x00,	/* not started since reset */
	EGRET_BOOT_RUNNING		= 0x01,	/* verified, and handed over to the firmware */
	EGRET_BOOT_READY		= 0x02,	/* the firmware answers the mailbox */
	EGRET_BOOT_VERIFYING		= 0x03,	/* the boot ROM is at work */
	EGRET_BOOT_STOPPED		= 0x04,	/* stopped by the host */
	EGRET_BOOT_E_ADDRESS		= 0x80,	/* image not within device memory */
	EGRET_BOOT_E_MAGIC		= 0x81,	/* no firmware image */
	EGRET_BOOT_E_HEADER		= 0x82,	/* unknown header version or size, or a reserved field set */
	EGRET_BOOT_E_LENGTH		= 0x83,	/* truncated: BOOT_SIZE is less than a header, or differs from image_size */
	EGRET_BOOT_E_LOAD		= 0x84,	/* load address, memory size or entry not within SRAM */
	EGRET_BOOT_E_DIGEST		= 0x85,	/* payload does not match the digest */
	EGRET_BOOT_E_KEY		= 0x86,	/* unknown key */
	EGRET_BOOT_E_SIGNATURE		= 0x87,	/* wrong signature */
	EGRET_BOOT_E_CRASHED		= 0x88,	/* the firmware trapped; see the event log */
	EGRET_BOOT_E_WATCHDOG		= 0x89,	/* the firmware's watchdog expired */
};

/* ---- The controller's own address map (32-bit addresses) ------------------ */

#define EGRET_MC_ROM			0x00000000	/* boot ROM */
#define EGRET_MC_ROM_SIZE		0x00010000	/* bytes */
#define EGRET_MC_SRAM			0x00100000	/* code and data */
#define EGRET_MC_SRAM_SIZE		0x00080000	/* bytes */
#define EGRET_MC_HOST_REGS		0x10000000	/* the BAR0 registers, as the host sees them */
#define EGRET_MC_REGS			0x20000000	/* the controller's own registers */

/* ---- Mailbox --------------------------------------------------------------- */

/*
 * One message at a time in each direction, of up to EGRET_MBX_BYTES. A request
 * gets one reply with the same sequence number. Messages may grow at the end
 * within an ABI major version: what the sender did not send reads as zero, what
 * the receiver does not know it ignores.
 */
struct egret_mbx_header {
	__le16 type;		/* enum egret_mbx_type; a reply has EGRET_MBX_REPLY set */
	__le16 size;		/* bytes of the message with this header */
	__le16 abi_major;	/* of the sender */
	__le16 abi_minor;
	__le32 sequence;	/* chosen by the sender of the request; 0 in events */
	__le32 status;		/* of a reply: enum egret_mbx_status */
};

#define EGRET_MBX_REPLY			0x8000	/* set in the type of a reply */

enum egret_mbx_type {
	EGRET_MBX_HELLO			= 0x0001,	/* versions and limits: struct egret_mbx_hello */
	EGRET_MBX_GET_SENSORS		= 0x0002,	/* struct egret_mbx_sensors */
	EGRET_MBX_SET_PSTATE		= 0x0003,	/* struct egret_mbx_value: fastest state allowed, 0..3 */
	EGRET_MBX_SET_POWER_CAP		= 0x0004,	/* struct egret_mbx_value: mW, 0 for the card's default */
	EGRET_MBX_READ_LOG		= 0x0005,	/* struct egret_mbx_log */
	EGRET_MBX_PREPARE_SLEEP		= 0x0006,	/* no payload: before D3hot */
	EGRET_MBX_EVENT			= 0x0100,	/* from the controller: struct egret_mbx_event */
};

enum egret_mbx_status {
	EGRET_MBX_OK			= 0,	/* done */
	EGRET_MBX_E_TYPE		= 1,	/* unknown message */
	EGRET_MBX_E_SIZE		= 2,	/* too short for its type, or longer than the mailbox */
	EGRET_MBX_E_VALUE		= 3,	/* a value is out of range */
	EGRET_MBX_E_ABI			= 4,	/* another ABI major version */
	EGRET_MBX_E_BUSY		= 5,	/* not now */
};

struct egret_mbx_hello {
	struct egret_mbx_header header;
	__le32 fw_version;	/* reply: as in the image's header */
	__le32 features;	/* reply: none defined yet, zero */
	__le32 power_cap_min;	/* reply: mW */
	__le32 power_cap_max;	/* reply: mW */
	__le32 power_cap_default; /* reply: mW */
	__le32 temp_throttle;	/* reply: 1/1000 degree Celsius */
	__le32 temp_critical;	/* reply: 1/1000 degree Celsius */
	__le32 clock_khz[4];	/* reply: core clock of each performance state */
	__le32 voltage_mv[4];	/* reply: core voltage of each performance state */
};

struct egret_mbx_sensors {
	struct egret_mbx_header header;
	__le32 temperature;	/* reply: as EGRET_REG_TEMPERATURE */
	__le32 power;		/* reply: mW */
	__le64 energy;		/* reply: uJ */
	__le32 voltage;		/* reply: mV */
	__le32 clock;		/* reply: kHz */
	__le32 pstate;		/* reply */
	__le32 throttle;	/* reply: EGRET_THROTTLE_* */
};

struct egret_mbx_value {
	struct egret_mbx_header header;
	__le32 value;
	__le32 reserved;	/* zero */
};

struct egret_mbx_log_entry {
	__le64 time;		/* EGRET_REG_TIME, ns */
	__le32 event;		/* enum egret_event */
	__le32 value;
};

struct egret_mbx_log {
	struct egret_mbx_header header;
	__le32 first;		/* request: number of the first entry; reply: of the first one given */
	__le32 count;		/* reply: entries that follow */
	__le32 next;		/* reply: number that the next new entry will have */
	__le32 reserved;	/* zero */
	struct egret_mbx_log_entry entry[14];
};

struct egret_mbx_event {
	struct egret_mbx_header header;
	__le64 time;
	__le32 event;		/* enum egret_event */
	__le32 value;
};

/* One message, whatever it is; as large as a buffer of the mailbox (EGRET_MBX_BYTES). */
union egret_mbx_message {
	struct egret_mbx_header header;
	struct egret_mbx_hello hello;
	struct egret_mbx_sensors sensors;
	struct egret_mbx_value value;
	struct egret_mbx_log log;
	struct egret_mbx_event event;
	__le32 words[64];
};

enum egret_event {
	EGRET_EVENT_BOOT		= 1,	/* firmware started; value: its version */
	EGRET_EVENT_PSTATE		= 2,	/* performance state changed for another reason than load; value: the new one */
	EGRET_EVENT_THROTTLE		= 3,	/* throttling changed; value: EGRET_THROTTLE_* */
	EGRET_EVENT_THERMAL_STOP	= 4,	/* critical temperature; value: 1/1000 degree */
	EGRET_EVENT_POWER_CAP		= 5,	/* power cap changed; value: mW */
	EGRET_EVENT_ECC			= 6,	/* uncorrectable error; value: page number in device memory */
	EGRET_EVENT_MAILBOX		= 7,	/* a message was refused; value: enum egret_mbx_status */
	EGRET_EVENT_FIRMWARE_LOST	= 8,	/* the firmware before this one ended by itself; value: enum egret_boot_status */
	EGRET_EVENT_CRASH_PC		= 9,	/* follows FIRMWARE_LOST after a trap; value: its program counter */
};

#endif /* EGRET_FIRMWARE_H */
