#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Cards in machines that are saved to a file and go on in another QEMU."""

import copy as copying
import os
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
import test_firmware
from driver import (BAR0, BAR2, DATA, SYSTEM, PAGE, Context, Queue, check_works, copy, fence,
                    start_work, wait)
from layout import egret
from qtest import equal

OPTIONS = 'vram=64M,clusters=2'
MIB = 1 << 20
GROUPS = 16

# data[x] += 1000 for workgroup x, after many quanta; with arguments { data, rounds }.
SLOW_KERNEL = struct.pack('<10I',
                          0x00053703,   # ld a4, 0(a0)
                          0x00853283,   # ld t0, 8(a0)
                          0xfff28293,   # addi t0, t0, -1
                          0xfe029ee3,   # bnez t0, -4
                          0x00359593,   # slli a1, a1, 3
                          0x00b70733,   # add a4, a4, a1
                          0x00073783,   # ld a5, 0(a4)
                          0x3e878793,   # addi a5, a5, 1000
                          0x00f73023,   # sd a5, 0(a4)
                          0x00008067)   # ret


# Issues the matrix multiply described at a0 + 64, writes 1 to the word at arguments[0],
# waits, and writes the number at a0 + 32 behind that word.
OPERATION_KERNEL = struct.pack('<9I',
                               0x00053703,   # ld a4, 0(a0)
                               0x04050813,   # addi a6, a0, 64
                               0x0008100b,   # matmul a6, tag 0
                               0x00100293,   # li t0, 1
                               0x00573023,   # sd t0, 0(a4)
                               0x0002e00b,   # wait t0
                               0x02056303,   # lwu t1, 32(a0)
                               0x00673423,   # sd t1, 8(a4)
                               0x00008067)   # ret


def machine(options=OPTIONS, extra=()):
    return qtest.Machine(card_opts=options, extra=extra)


def wait_migration(machine):
    """Returns how it ended."""
    def status():
        result = machine.qmp('query-migrate').get('status')
        return result in ('completed', 'failed') and result
    return qtest.wait_until(status, 'the end of the migration')


def save(machine, path):
    machine.qmp('migrate', uri='file:' + path)
    equal(wait_migration(machine), 'completed', 'migration')


def incoming(options=OPTIONS):
    return machine(options, ('-incoming', 'defer'))


def load(machine, path):
    machine.qmp('migrate-incoming', uri='file:' + path)
    equal(wait_migration(machine), 'completed', 'migration')
    qtest.wait_until(lambda: machine.qmp('query-status')['status'] == 'running', 'the machine')


def refusal(path, options=OPTIONS):
    """What QEMU says when it does not take the file."""
    other = incoming(options)
    try:
        try:
            other.qmp('migrate-incoming', uri='file:' + path)
            other.process.wait(qtest.PATIENCE)
        except ConnectionError:
            other.process.wait(qtest.PATIENCE)
        equal(other.process.returncode, 1, 'status of QEMU')
        return other.log()
    finally:
        other.close()


def follow(card, other):
    """The same card, in the other machine."""
    card = copying.copy(card)
    card.machine = other
    return card


class Job:
    """Workgroups, copies to system memory, fences and waits between queues."""

    def __init__(self, card):
        context = Context(card, 1)
        self.system = context.map_system(SYSTEM, 8 * MIB)
        data = context.map_vram(DATA, 16 * MIB)
        code = context.map_vram(DATA + 16 * MIB, 2 * PAGE, egret.PTE_READ | egret.PTE_EXEC)
        card.memwrite(BAR2, DATA + 16 * MIB, SLOW_KERNEL)
        card.memwrite(BAR2, DATA + 16 * MIB + PAGE, struct.pack('<2Q', data, 4000000))
        kernel = egret.pack('egret_pkt_dispatch', opcode=egret.OP_DISPATCH,
                            flags=egret.PKT_BARRIER, entry=code, grid=(GROUPS, 1, 1),
                            args=code + PAGE, args_size=16)
        self.kernels = Queue(card, context, 0)
        self.copies = Queue(card, context, 1, vector=3, config=egret.Q_CONFIG_COPY)
        for number in range(1, 5):
            self.kernels.push(kernel, fence(self.kernels.fence_va, number))
            self.copies.push(wait(self.kernels.fence_va, number),
                             copy(self.system, data, 8 * MIB),
                             fence(self.copies.fence_va, number, interrupt=True))
        self.copies.ring_doorbell()
        self.kernels.ring_doorbell()
        # In the middle of the first of them.
        qtest.wait_until(lambda: self.kernels.read(egret.Q_PROGRESS, wide=True) > 20, 'progress')

    def follow(self, card):
        for queue in (self.kernels, self.copies):
            queue.card = card

    def check(self):
        self.copies.wait(4)
        card = self.copies.card
        words = struct.unpack(f'<{GROUPS}Q', card.machine.memread(SYSTEM, 8 * GROUPS))
        equal(words, (4000,) * GROUPS, 'the sums')
        card.wait_msix(3)
        equal(card.readq(BAR0, egret.REG_CNT_WORKGROUPS), 4 * GROUPS, 'workgroups')
        equal(card.readq(BAR0, egret.REG_CNT_FAULTS), 0, 'faults')


def test_job_goes_on_elsewhere():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'state')
        with machine() as first:
            card = first.card()
            card.enable_msix()
            card.writel(BAR0, egret.REG_TEST, 0x12345678)
            job = Job(card)
            save(first, path)
            # It stands still where it was.
            progress = job.kernels.read(egret.Q_PROGRESS, wide=True)
            equal(job.kernels.read(egret.Q_PROGRESS, wide=True), progress, 'progress')
            equal(job.copies.fence_value() < 4, True, 'the job was at work')
        with incoming() as second:
            load(second, path)
            card = follow(card, second)
            job.follow(card)
            equal(card.readl(BAR0, egret.REG_TEST), 0x12345678, 'register')
            job.check()
            card.function_level_reset()
            card.assign_bars()
            check_works(card)


def test_stopped_machine_goes_on():
    """Stop and cont, and a failed migration, do not disturb the work."""
    with machine() as first:
        card = first.card()
        card.enable_msix()
        job = Job(card)
        for _ in range(5):
            first.qmp('stop')
            progress = job.kernels.read(egret.Q_PROGRESS, wide=True)
            equal(job.kernels.read(egret.Q_PROGRESS, wide=True), progress, 'progress')
            first.qmp('cont')
        first.qmp('migrate', uri='exec:exit 1')
        equal(wait_migration(first), 'failed', 'migration')
        job.check()


def test_endless_work_is_saved():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'state')
        with machine() as first:
            card = first.card()
            queues = start_work(card)
            save(first, path)
        with incoming() as second:
            load(second, path)
            card = follow(card, second)
            for queue in queues:
                queue.card = card
            progress = queues[0].read(egret.Q_PROGRESS, wide=True)
            qtest.wait_until(lambda: queues[0].read(egret.Q_PROGRESS, wide=True) > progress,
                             'progress')
            queues[1].wait_state(egret.Q_STATE_WAITING)
            for queue in queues:
                queue.kill()
            check_works(card)


class Operation:
    """A workgroup in the middle of one matrix multiply: 5 + 3 * 3 + 3 * 3 + ..."""

    def __init__(self, card, **sizes):
        self.context = Context(card, 1)
        self.data = self.context.map_vram(DATA, 2 * PAGE)
        code = self.context.map_vram(DATA + 16 * MIB, PAGE, egret.PTE_READ | egret.PTE_EXEC)
        numbers = egret.LOCAL_ARGS + 32
        desc = egret.pack('egret_matmul_desc', m=1, n=1, a=numbers + 4, b=numbers + 8,
                          out=numbers, acc=numbers, a_type=egret.TYPE_S8,
                          b_type=egret.TYPE_S8, out_type=egret.TYPE_S32,
                          flags=egret.MATMUL_A_TRANS | egret.MATMUL_ACC, **sizes)
        card.memwrite(BAR2, DATA, bytes(16))
        card.memwrite(BAR2, DATA + PAGE,
                      struct.pack('<Q24x3I20x', self.data, 5, 3, 3) + desc)
        card.memwrite(BAR2, DATA + 16 * MIB, OPERATION_KERNEL)
        self.queue = Queue(card, self.context, 0)
        self.queue.submit(egret.pack('egret_pkt_dispatch', opcode=egret.OP_DISPATCH, entry=code,
                                     grid=(1, 1, 1), args=self.data + PAGE,
                                     args_size=64 + len(desc)),
                          fence(self.queue.fence_va, 1))
        qtest.wait_until(lambda: self.word(0) or self.queue.state() == egret.Q_STATE_FAULTED,
                         'the operation')
        equal(self.queue.state(), egret.Q_STATE_ACTIVE, 'state')

    def word(self, index):
        return struct.unpack('<Q', self.queue.card.memread(BAR2, DATA + 8 * index, 8))[0]

    def follow(self, card):
        self.queue.card = self.context.card = card


def test_endless_operation_is_saved():
    """One operation that takes an hour keeps nobody waiting, in either machine."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'state')
        with machine() as first:
            work = Operation(first.card(), k=1, batch=0xffffffff)
            work.context.invalidate()
            first.qmp('stop')
            first.qmp('cont')
            work.context.invalidate()
            save(first, path)
        with incoming() as second:
            load(second, path)
            card = follow(work.queue.card, second)
            work.follow(card)
            work.context.invalidate()
            equal(work.queue.state(), egret.Q_STATE_ACTIVE, 'state')
            work.queue.kill()
            check_works(card)


def test_operation_goes_on_elsewhere():
    """What an operation adds to is as if it had never been stopped."""
    count = 100000000
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'state')
        with machine() as first:
            work = Operation(first.card(), k=count, batch=1)
            first.qmp('stop')
            first.qmp('cont')
            save(first, path)
        with incoming() as second:
            load(second, path)
            work.follow(follow(work.queue.card, second))
            work.queue.wait(1)
            equal(work.word(1), 5 + 9 * count, 'sum')


def test_memory_backend_moves():
    backend = ('-object', 'memory-backend-ram,id=mem,size=64M')
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'state')
        with machine('memdev=mem', backend) as first:
            card = first.card()
            card.memwrite(BAR2, 0x3fff000, b'what was here before')
            save(first, path)
        with machine('memdev=mem', (*backend, '-incoming', 'defer')) as second:
            load(second, path)
            card = follow(card, second)
            equal(card.memread(BAR2, 0x3fff000, 20), b'what was here before', 'device memory')
            check_works(card)


def test_firmware_goes_on():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'state')
        with machine() as first:
            card = first.card()
            test_firmware.boot(card)
            version = card.readl(BAR0, egret.REG_FW_VERSION)
            test_firmware.pass_time(first, 2)
            save(first, path)
        with incoming() as second:
            load(second, path)
            card = follow(card, second)
            equal(card.readl(BAR0, egret.REG_BOOT_STATUS), egret.BOOT_READY, 'boot status')
            equal(card.readl(BAR0, egret.REG_FW_VERSION), version, 'version')
            beats = card.readl(BAR0, egret.REG_FW_HEARTBEAT)
            test_firmware.pass_time(second, 3)
            qtest.wait_until(lambda: card.readl(BAR0, egret.REG_FW_HEARTBEAT) > beats,
                             'a heartbeat')
            equal(card.readl(BAR0, egret.REG_BOOT_STATUS), egret.BOOT_READY, 'boot status')


def test_other_cards_are_refused():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'state')
        with machine() as first:
            first.card()
            save(first, path)
        for options, words in (
                ('vram=64M,clusters=3', 'number of clusters is 2, but here it is 3'),
                ('vram=64M,clusters=2,queues=9', 'number of queues is'),
                ('vram=64M,clusters=2,serial=5', "the cards' serial numbers must be the same"),
                ('vram=32M,clusters=2', 'egret-vram')):
            text = refusal(path, options)
            equal(words in text, True, f'{words} in {text}')


def test_damaged_state_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'state')
        with machine() as first:
            first.card()
            save(first, path)
        with open(path, 'rb') as file:
            data = bytearray(file.read())
        at = data.index(b'EgretSav')
        data[at + 200] ^= 4
        with open(path, 'wb') as file:
            file.write(data)
        text = refusal(path)
        equal('the state is damaged' in text, True, text)
        with open(path, 'wb') as file:
            file.write(data[:at + 100])
        refusal(path)


if __name__ == '__main__':
    qtest.main()
