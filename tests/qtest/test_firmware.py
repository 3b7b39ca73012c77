#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""The management firmware on the card: boot, mailbox, telemetry, loss.

Time on the card is the machine's, and stands still here until a test moves it.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from driver import BAR0, BAR2, check_works
from layout import egret
from qtest import equal

CARD = '/machine/peripheral/egret0'
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
IMAGE = os.path.join(TOP, 'build/firmware/egret/egret-1.fw')
IMAGE_AT = 0x40000
SECOND = 10 ** 9


def image():
    with open(IMAGE, 'rb') as file:
        return file.read()


def new_machine():
    return qtest.Machine(card_opts='vram=64M')


def status(card):
    return card.readl(BAR0, egret.REG_BOOT_STATUS)


def start(card, data, size=None):
    """Boot an image; returns what became of it."""
    card.memwrite(BAR2, IMAGE_AT, data)
    card.writeq(BAR0, egret.REG_BOOT_ADDR, IMAGE_AT)
    card.writel(BAR0, egret.REG_BOOT_SIZE, len(data) if size is None else size)
    card.writel(BAR0, egret.REG_BOOT_CTRL, egret.BOOT_START)
    qtest.wait_until(lambda: status(card) not in (egret.BOOT_VERIFYING, egret.BOOT_RUNNING),
                     'the end of the boot')
    return status(card)


def boot(card):
    equal(start(card, image()), egret.BOOT_READY, 'boot status')


def pass_time(machine, seconds):
    """Let time pass as the machine's timers would: step by step."""
    for _ in range(int(seconds * 20)):
        machine.clock_step(SECOND // 20)


def exchange(card, kind, words=()):
    """Send a message; returns the words of its reply."""
    header = [kind | (16 + 4 * len(words)) << 16, egret.FW_ABI_MAJOR, 0x1234, 0]
    for index, word in enumerate(header + list(words)):
        card.writel(BAR0, egret.REG_MBX_H2D_DATA(index), word)
    card.writel(BAR0, egret.REG_MBX_H2D_CTRL, egret.MBX_FULL)
    while True:
        qtest.wait_until(lambda: card.readl(BAR0, egret.REG_MBX_D2H_CTRL), 'a message')
        reply = [card.readl(BAR0, egret.REG_MBX_D2H_DATA(n)) for n in range(64)]
        card.writel(BAR0, egret.REG_MBX_D2H_CTRL, egret.MBX_FULL)
        if reply[0] & 0xffff != egret.MBX_EVENT:
            equal(reply[0] & 0xffff, kind | egret.MBX_REPLY, 'type of the reply')
            equal(reply[2], 0x1234, 'sequence')
            return reply


def test_boot():
    with new_machine() as machine:
        card = machine.card()
        equal(status(card), egret.BOOT_IDLE, 'boot status')
        boot(card)
        equal(card.readl(BAR0, egret.REG_STATE) & egret.STATE_FIRMWARE, egret.STATE_FIRMWARE,
              'state')
        equal(card.readl(BAR0, egret.REG_FW_ABI),
              egret.FW_ABI_MAJOR << 16 | egret.FW_ABI_MINOR, 'protocol')
        beats = card.readl(BAR0, egret.REG_FW_HEARTBEAT)
        pass_time(machine, 1)
        qtest.wait_until(lambda: card.readl(BAR0, egret.REG_FW_HEARTBEAT) > beats, 'a heartbeat')
        check_works(card)


def test_refused_images():
    good = image()
    with new_machine() as machine:
        card = machine.card()
        equal(start(card, good, 100), egret.BOOT_E_LENGTH, 'short image')
        equal(start(card, bytes(4096)), egret.BOOT_E_MAGIC, 'zeroes')
        equal(start(card, good[:-1] + bytes([good[-1] ^ 1])), egret.BOOT_E_DIGEST, 'payload')
        equal(start(card, good[:64] + bytes([good[64] ^ 1]) + good[65:]),
              egret.BOOT_E_SIGNATURE, 'build ID')
        boot(card)


def test_mailbox():
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        card.writel(BAR0, egret.REG_IRQ_ENABLE, egret.IRQ_MAILBOX)
        boot(card)
        hello = exchange(card, egret.MBX_HELLO)
        equal(hello[3], egret.MBX_OK, 'status')
        equal(hello[4], card.readl(BAR0, egret.REG_FW_VERSION), 'version')
        card.wait_msix(egret.VECTOR_MANAGEMENT)
        equal(exchange(card, egret.MBX_SET_PSTATE, (2, 0))[3], egret.MBX_OK, 'status')
        equal(card.readl(BAR0, egret.REG_PSTATE), 2, 'performance state')
        equal(card.readl(BAR0, egret.REG_CORE_CLOCK), hello[13], 'clock')
        equal(exchange(card, egret.MBX_SET_PSTATE, (4, 0))[3], egret.MBX_E_VALUE, 'status')
        equal(exchange(card, 0x77)[3], egret.MBX_E_TYPE, 'status')


def test_idle_card_slows_down():
    with new_machine() as machine:
        card = machine.card()
        boot(card)
        pass_time(machine, 1)
        qtest.wait_until(lambda: card.readl(BAR0, egret.REG_PSTATE) == 3, 'the slowest state')
        qtest.wait_until(lambda: card.readl(BAR0, egret.REG_POWER_DRAW) < 7000, 'low power')


def test_hang():
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        card.writel(BAR0, egret.REG_IRQ_ENABLE, egret.IRQ_FIRMWARE_STOP)
        boot(card)
        machine.qom_set(CARD, 'inject-firmware-hang', 0)
        pass_time(machine, 3)
        card.wait_msix(egret.VECTOR_MANAGEMENT)
        equal(status(card), egret.BOOT_E_WATCHDOG, 'boot status')
        check_works(card)
        boot(card)


def test_crash():
    with new_machine() as machine:
        card = machine.card()
        boot(card)
        machine.qom_set(CARD, 'inject-firmware-crash', 0)
        equal(status(card), egret.BOOT_E_CRASHED, 'boot status')
        check_works(card)
        boot(card)
        log = exchange(card, egret.MBX_READ_LOG, (0,))
        events = [log[8 + 4 * n + 2] for n in range(log[5])]
        equal(egret.EVENT_FIRMWARE_LOST in events, True, 'the crash is in the log')


def test_resets_end_it():
    with new_machine() as machine:
        card = machine.card()
        boot(card)
        card.function_level_reset()
        card.assign_bars()
        equal(status(card), egret.BOOT_IDLE, 'boot status')
        boot(card)
        card.set_power_state(3)
        card.set_power_state(0)
        card.assign_bars()
        equal(status(card), egret.BOOT_IDLE, 'boot status')
        boot(card)
        machine.reset()
        equal(status(machine.card()), egret.BOOT_IDLE, 'boot status')


def test_overheating():
    with new_machine() as machine:
        card = machine.card()
        boot(card)
        machine.qom_set(CARD, 'inject-heat', 43000)
        pass_time(machine, 30)
        qtest.wait_until(lambda: card.readl(BAR0, egret.REG_THROTTLE) & egret.THROTTLE_THERMAL,
                         'throttling')
        equal(card.readl(BAR0, egret.REG_TEMPERATURE) >= 90000, True, 'hot')
        machine.qom_set(CARD, 'inject-heat', 200000)
        pass_time(machine, 10)
        qtest.wait_until(lambda: card.readl(BAR0, egret.REG_STATE) & egret.STATE_THERMAL_STOP,
                         'the thermal stop')


if __name__ == '__main__':
    qtest.main()
