#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""The device's properties: what they change, and what bad ones are answered."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from layout import egret
from qtest import equal
from slot import NATIVE_HOTPLUG, plug, unplug

MIB = 1 << 20
BAR0, BAR2 = egret.BAR_REGS, egret.BAR_VRAM

BAD = (
    ('vram=3M', "multiple of 2 MiB"),
    ('vram=4T', "at most 1024 GiB"),
    ('vram=lots', "'vram'"),
    (f'clusters={egret.MAX_CLUSTERS + 1}', "'clusters'"),
    (f'copy-engines={egret.MAX_COPY_ENGINES + 1}', "'copy-engines'"),
    (f'queues={egret.MAX_QUEUES + 1}', "'queues'"),
    (f'contexts={egret.MAX_CONTEXTS + 1}', "'contexts'"),
    ('serial=-', "'serial'"),
    ('memdev=nowhere', "'nowhere'"),
)


def refusal(*arguments):
    """What a QEMU that does not start with these arguments says."""
    result = subprocess.run(
        [qtest.QEMU, '-nodefaults', '-display', 'none', '-machine', 'q35', '-accel', 'qtest',
         '-L', '/usr/share/seabios', '-L', '/usr/share/qemu', '-S', *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=qtest.PATIENCE)
    equal(result.returncode, 1, f'status with {arguments}')
    return result.stderr


def expect_words(message, words):
    if words not in message:
        raise AssertionError(f'{message!r} does not say {words!r}')


def test_bad_properties():
    for options, words in BAD:
        expect_words(refusal('-device', 'egret,' + options), words)


def test_bad_properties_when_plugged():
    """A refused card leaves nothing behind: a good one fits in its place."""
    with qtest.Machine(cards=1, extra=NATIVE_HOTPLUG) as machine:
        machine.card()
        unplug(machine)
        for options, words in BAD:
            name, value = options.split('=')
            value = (int(value) if value.isdigit() else
                     {'3M': 3 * MIB, '4T': 4 << 40}.get(value, value))
            try:
                machine.qmp('device_add', driver='egret', id='egret0', bus='port0',
                            **{name: value})
                raise AssertionError(f'{options} was accepted')
            except qtest.QmpError as error:
                expect_words(str(error), words.replace("'", '') if value == 'lots' else words)
        equal(plug(machine).readl(BAR0, egret.REG_ID), egret.ID, 'identity')


def test_numbers_of_units():
    options = 'vram=64M,clusters=2,copy-engines=3,queues=17,contexts=5,serial=0xfeedface'
    with qtest.Machine(card_opts=options) as machine:
        card = machine.card()
        units = card.readl(BAR0, egret.REG_UNITS)
        limits = card.readl(BAR0, egret.REG_LIMITS)
        equal(egret.mask('UNITS_CLUSTERS_MASK', units), 2, 'clusters')
        equal(egret.mask('UNITS_COPY_ENGINES_MASK', units), 3, 'copy engines')
        equal(egret.mask('LIMITS_QUEUES_MASK', limits), 17, 'queues')
        equal(egret.mask('LIMITS_CONTEXTS_MASK', limits), 5, 'contexts')
        equal(card.readq(BAR0, egret.REG_SERIAL), 0xfeedface, 'serial number')


def test_default_vram():
    with qtest.Machine() as machine:
        card = machine.card()
        equal(card.readq(BAR0, egret.REG_VRAM_SIZE), 512 * MIB, 'size register')
        equal(card.bars[BAR2][1], 512 * MIB, 'size of the BAR')


def test_memory_backend():
    """Device memory from a backend; the backend cannot be used or removed meanwhile."""
    backend = ['-object', 'memory-backend-memfd,id=mem,size=32M,share=on']
    with qtest.Machine(card_opts='memdev=mem', extra=backend) as machine:
        card = machine.card()
        equal(card.readq(BAR0, egret.REG_VRAM_SIZE), 32 * MIB, 'size register')
        card.memwrite(BAR2, 0x1000, b'memory')
        equal(card.memread(BAR2, 0x1000, 6), b'memory', 'device memory')
        try:
            machine.qmp('object-del', id='mem')
            raise AssertionError('a backend in use was removed')
        except qtest.QmpError as error:
            expect_words(str(error), 'in use')
        machine.reset()
        equal(machine.card().memread(BAR2, 0, 0x2000), bytes(0x2000), 'memory after a reset')


def test_bad_memory_backends():
    backend = 'memory-backend-ram,id=mem,size=32M'
    expect_words(refusal('-object', backend, '-device', 'egret,memdev=mem,vram=64M'),
                 'leave one of them out')
    expect_words(refusal('-object', backend, '-device', 'egret,memdev=mem',
                         '-device', 'egret,memdev=mem'), 'already in use')
    expect_words(refusal('-object', 'memory-backend-ram,id=mem,size=3M',
                         '-device', 'egret,memdev=mem'), 'multiple of 2 MiB')


def test_info():
    with qtest.Machine(card_opts='vram=64M') as machine:
        machine.card()
        info = machine.qom_get('/machine/peripheral/egret0', 'info')
        for words in ('power: D0', 'bus master: on', 'device memory: 64 MiB'):
            expect_words(info, words)


if __name__ == '__main__':
    qtest.main()
