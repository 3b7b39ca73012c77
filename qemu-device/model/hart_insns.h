/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The hart's instructions, each in one place.
 *
 *	INSN(name, match, mask, format, class, semantics)
 *
 * An instruction word w is this instruction if (w & mask) == match. `format`
 * says which operands it has (hart_decode.c), `class` what it costs (perf.h),
 * and the semantics are statements in the vocabulary of hart.c: RD, RS1, RS2
 * are integer registers, FD a floating-point register to write, S1..S3 and
 * D1..D3 operands as binary32 and binary64, IMM the immediate.
 *
 * Compressed instructions are expanded to these words when they are decoded.
 * The file is included several times with different INSN; it has no guard.
 *
 * Entries are ordered by opcode only for the reader; the decoder sorts for itself.
 */

/* RV64I: upper immediates and jumps */
INSN(lui,	0x00000037, 0x0000007f, U, ALU, RD = IMM)
INSN(auipc,	0x00000017, 0x0000007f, U, ALU, RD = PC + IMM)
INSN(jal,	0x0000006f, 0x0000007f, J, JUMP, RD = NEXT_PC; GO())
INSN(jalr,	0x00000067, 0x0000707f, I, JUMP, JUMP((RS1 + IMM) & ~UINT64_C(1)))

/* RV64I: branches */
INSN(beq,	0x00000063, 0x0000707f, B, BRANCH, TAKE(RS1 == RS2))
INSN(bne,	0x00001063, 0x0000707f, B, BRANCH, TAKE(RS1 != RS2))
INSN(blt,	0x00004063, 0x0000707f, B, BRANCH, TAKE((int64_t)RS1 < (int64_t)RS2))
INSN(bge,	0x00005063, 0x0000707f, B, BRANCH, TAKE((int64_t)RS1 >= (int64_t)RS2))
INSN(bltu,	0x00006063, 0x0000707f, B, BRANCH, TAKE(RS1 < RS2))
INSN(bgeu,	0x00007063, 0x0000707f, B, BRANCH, TAKE(RS1 >= RS2))

/* RV64I: loads and stores */
INSN(lb,	0x00000003, 0x0000707f, I, LOAD, LOAD(int8_t); RD = (int64_t)v)
INSN(lh,	0x00001003, 0x0000707f, I, LOAD, LOAD(int16_t); RD = (int64_t)v)
INSN(lw,	0x00002003, 0x0000707f, I, LOAD, LOAD(int32_t); RD = (int64_t)v)
INSN(ld,	0x00003003, 0x0000707f, I, LOAD, LOAD(uint64_t); RD = v)
INSN(lbu,	0x00004003, 0x0000707f, I, LOAD, LOAD(uint8_t); RD = v)
INSN(lhu,	0x00005003, 0x0000707f, I, LOAD, LOAD(uint16_t); RD = v)
INSN(lwu,	0x00006003, 0x0000707f, I, LOAD, LOAD(uint32_t); RD = v)
INSN(sb,	0x00000023, 0x0000707f, S, STORE, STORE(uint8_t, RS2))
INSN(sh,	0x00001023, 0x0000707f, S, STORE, STORE(uint16_t, RS2))
INSN(sw,	0x00002023, 0x0000707f, S, STORE, STORE(uint32_t, RS2))
INSN(sd,	0x00003023, 0x0000707f, S, STORE, STORE(uint64_t, RS2))

/* RV64I: arithmetic with an immediate */
INSN(addi,	0x00000013, 0x0000707f, I, ALU, RD = RS1 + IMM)
INSN(slti,	0x00002013, 0x0000707f, I, ALU, RD = (int64_t)RS1 < (int64_t)IMM)
INSN(sltiu,	0x00003013, 0x0000707f, I, ALU, RD = RS1 < IMM)
INSN(xori,	0x00004013, 0x0000707f, I, ALU, RD = RS1 ^ IMM)
INSN(ori,	0x00006013, 0x0000707f, I, ALU, RD = RS1 | IMM)
INSN(andi,	0x00007013, 0x0000707f, I, ALU, RD = RS1 & IMM)
INSN(slli,	0x00001013, 0xfc00707f, SH, ALU, RD = RS1 << SHAMT)
INSN(srli,	0x00005013, 0xfc00707f, SH, ALU, RD = RS1 >> SHAMT)
INSN(srai,	0x40005013, 0xfc00707f, SH, ALU, RD = (int64_t)RS1 >> SHAMT)
INSN(addiw,	0x0000001b, 0x0000707f, I, ALU, RD = SEXT32(RS1 + IMM))
INSN(slliw,	0x0000101b, 0xfe00707f, SH, ALU, RD = SEXT32(RS1 << SHAMT))
INSN(srliw,	0x0000501b, 0xfe00707f, SH, ALU, RD = SEXT32((uint32_t)RS1 >> SHAMT))
INSN(sraiw,	0x4000501b, 0xfe00707f, SH, ALU, RD = (int64_t)((int32_t)RS1 >> SHAMT))

/* RV64I: arithmetic with registers */
INSN(add,	0x00000033, 0xfe00707f, R, ALU, RD = RS1 + RS2)
INSN(sub,	0x40000033, 0xfe00707f, R, ALU, RD = RS1 - RS2)
INSN(sll,	0x00001033, 0xfe00707f, R, ALU, RD = RS1 << (RS2 & 63))
INSN(slt,	0x00002033, 0xfe00707f, R, ALU, RD = (int64_t)RS1 < (int64_t)RS2)
INSN(sltu,	0x00003033, 0xfe00707f, R, ALU, RD = RS1 < RS2)
INSN(xor,	0x00004033, 0xfe00707f, R, ALU, RD = RS1 ^ RS2)
INSN(srl,	0x00005033, 0xfe00707f, R, ALU, RD = RS1 >> (RS2 & 63))
INSN(sra,	0x40005033, 0xfe00707f, R, ALU, RD = (int64_t)RS1 >> (RS2 & 63))
INSN(or,	0x00006033, 0xfe00707f, R, ALU, RD = RS1 | RS2)
INSN(and,	0x00007033, 0xfe00707f, R, ALU, RD = RS1 & RS2)
INSN(addw,	0x0000003b, 0xfe00707f, R, ALU, RD = SEXT32(RS1 + RS2))
INSN(subw,	0x4000003b, 0xfe00707f, R, ALU, RD = SEXT32(RS1 - RS2))
INSN(sllw,	0x0000103b, 0xfe00707f, R, ALU, RD = SEXT32(RS1 << (RS2 & 31)))
INSN(srlw,	0x0000503b, 0xfe00707f, R, ALU, RD = SEXT32((uint32_t)RS1 >> (RS2 & 31)))
INSN(sraw,	0x4000503b, 0xfe00707f, R, ALU, RD = (int64_t)((int32_t)RS1 >> (RS2 & 31)))

/* RV64I: order and environment. One hart and a memory that is always in order make FENCE a no-op. */
INSN(fence,	0x0000000f, 0x0000707f, NONE, ALU, __atomic_thread_fence(__ATOMIC_SEQ_CST))
INSN(ecall,	0x00000073, 0xffffffff, END, SYSTEM, TRAP(MCAUSE_ECALL_M, 0))
INSN(ebreak,	0x00100073, 0xffffffff, END, SYSTEM, TRAP(MCAUSE_BREAKPOINT, HERE))
INSN(mret,	0x30200073, 0xffffffff, END, SYSTEM, JUMP_TO(hart_mret(h)))
INSN(wfi,	0x10500073, 0xffffffff, NONE, SYSTEM, (void)0)

/* Zifencei */
INSN(fence_i,	0x0000100f, 0x0000707f, END, SYSTEM, CODE_CHANGED())

/* Zicsr; rs1 holds a register's number or the immediate */
INSN(csrrw,	0x00001073, 0x0000707f, CSR, SYSTEM, CSR(CSR_WRITE, RS1))
INSN(csrrs,	0x00002073, 0x0000707f, CSR, SYSTEM, CSR(CSR_SET, RS1))
INSN(csrrc,	0x00003073, 0x0000707f, CSR, SYSTEM, CSR(CSR_CLEAR, RS1))
INSN(csrrwi,	0x00005073, 0x0000707f, CSR, SYSTEM, CSR(CSR_WRITE, op->rs1))
INSN(csrrsi,	0x00006073, 0x0000707f, CSR, SYSTEM, CSR(CSR_SET, op->rs1))
INSN(csrrci,	0x00007073, 0x0000707f, CSR, SYSTEM, CSR(CSR_CLEAR, op->rs1))

/* RV64M */
INSN(mul,	0x02000033, 0xfe00707f, R, MUL, RD = RS1 * RS2)
INSN(mulh,	0x02001033, 0xfe00707f, R, MUL, RD = (uint64_t)(((__int128)(int64_t)RS1 * (int64_t)RS2) >> 64))
INSN(mulhsu,	0x02002033, 0xfe00707f, R, MUL, RD = (uint64_t)(((__int128)(int64_t)RS1 * (__int128)RS2) >> 64))
INSN(mulhu,	0x02003033, 0xfe00707f, R, MUL, RD = (uint64_t)(((unsigned __int128)RS1 * RS2) >> 64))
INSN(div,	0x02004033, 0xfe00707f, R, DIV, RD = hart_div(RS1, RS2))
INSN(divu,	0x02005033, 0xfe00707f, R, DIV, RD = RS2 ? RS1 / RS2 : UINT64_MAX)
INSN(rem,	0x02006033, 0xfe00707f, R, DIV, RD = hart_rem(RS1, RS2))
INSN(remu,	0x02007033, 0xfe00707f, R, DIV, RD = RS2 ? RS1 % RS2 : RS1)
INSN(mulw,	0x0200003b, 0xfe00707f, R, MUL, RD = SEXT32(RS1 * RS2))
INSN(divw,	0x0200403b, 0xfe00707f, R, DIV, RD = SEXT32(hart_div((int64_t)(int32_t)RS1, (int64_t)(int32_t)RS2)))
INSN(divuw,	0x0200503b, 0xfe00707f, R, DIV, RD = (uint32_t)RS2 ? SEXT32((uint32_t)RS1 / (uint32_t)RS2) : UINT64_MAX)
INSN(remw,	0x0200603b, 0xfe00707f, R, DIV, RD = SEXT32(hart_rem((int64_t)(int32_t)RS1, (int64_t)(int32_t)RS2)))
INSN(remuw,	0x0200703b, 0xfe00707f, R, DIV, RD = SEXT32((uint32_t)RS2 ? (uint32_t)RS1 % (uint32_t)RS2 : (uint32_t)RS1))

/* RV64A */
INSN(lr_w,	0x1000202f, 0xf9f0707f, R, ATOMIC, LOAD_RESERVED(int32_t))
INSN(lr_d,	0x1000302f, 0xf9f0707f, R, ATOMIC, LOAD_RESERVED(int64_t))
INSN(sc_w,	0x1800202f, 0xf800707f, R, ATOMIC, STORE_CONDITIONAL(int32_t))
INSN(sc_d,	0x1800302f, 0xf800707f, R, ATOMIC, STORE_CONDITIONAL(int64_t))
INSN(amoswap_w,	0x0800202f, 0xf800707f, R, ATOMIC, AMO(int32_t, n))
INSN(amoadd_w,	0x0000202f, 0xf800707f, R, ATOMIC, AMO(int32_t, (int32_t)((uint32_t)o + (uint32_t)n)))
INSN(amoxor_w,	0x2000202f, 0xf800707f, R, ATOMIC, AMO(int32_t, o ^ n))
INSN(amoand_w,	0x6000202f, 0xf800707f, R, ATOMIC, AMO(int32_t, o & n))
INSN(amoor_w,	0x4000202f, 0xf800707f, R, ATOMIC, AMO(int32_t, o | n))
INSN(amomin_w,	0x8000202f, 0xf800707f, R, ATOMIC, AMO(int32_t, o < n ? o : n))
INSN(amomax_w,	0xa000202f, 0xf800707f, R, ATOMIC, AMO(int32_t, o > n ? o : n))
INSN(amominu_w,	0xc000202f, 0xf800707f, R, ATOMIC, AMO(int32_t, (uint32_t)o < (uint32_t)n ? o : n))
INSN(amomaxu_w,	0xe000202f, 0xf800707f, R, ATOMIC, AMO(int32_t, (uint32_t)o > (uint32_t)n ? o : n))
INSN(amoswap_d,	0x0800302f, 0xf800707f, R, ATOMIC, AMO(int64_t, n))
INSN(amoadd_d,	0x0000302f, 0xf800707f, R, ATOMIC, AMO(int64_t, (int64_t)((uint64_t)o + (uint64_t)n)))
INSN(amoxor_d,	0x2000302f, 0xf800707f, R, ATOMIC, AMO(int64_t, o ^ n))
INSN(amoand_d,	0x6000302f, 0xf800707f, R, ATOMIC, AMO(int64_t, o & n))
INSN(amoor_d,	0x4000302f, 0xf800707f, R, ATOMIC, AMO(int64_t, o | n))
INSN(amomin_d,	0x8000302f, 0xf800707f, R, ATOMIC, AMO(int64_t, o < n ? o : n))
INSN(amomax_d,	0xa000302f, 0xf800707f, R, ATOMIC, AMO(int64_t, o > n ? o : n))
INSN(amominu_d,	0xc000302f, 0xf800707f, R, ATOMIC, AMO(int64_t, (uint64_t)o < (uint64_t)n ? o : n))
INSN(amomaxu_d,	0xe000302f, 0xf800707f, R, ATOMIC, AMO(int64_t, (uint64_t)o > (uint64_t)n ? o : n))

/* RV64F */
INSN(flw,	0x00002007, 0x0000707f, FI, LOAD, LOAD(uint32_t); FD = BOX(v))
INSN(fsw,	0x00002027, 0x0000707f, FS, STORE, STORE(uint32_t, h->f[op->rs2]))
INSN(fadd_s,	0x00000053, 0xfe00007f, FRM, FP, ROUND(FD = BOX(egret_f32_add(S1, S2, rm, &h->fflags))))
INSN(fsub_s,	0x08000053, 0xfe00007f, FRM, FP, ROUND(FD = BOX(egret_f32_add(S1, S2 ^ F32_SIGN, rm, &h->fflags))))
INSN(fmul_s,	0x10000053, 0xfe00007f, FRM, FP, ROUND(FD = BOX(egret_f32_mul(S1, S2, rm, &h->fflags))))
INSN(fdiv_s,	0x18000053, 0xfe00007f, FRM, FDIV, ROUND(FD = BOX(egret_f32_div(S1, S2, rm, &h->fflags))))
INSN(fsqrt_s,	0x58000053, 0xfff0007f, FRM, FDIV, ROUND(FD = BOX(egret_f32_sqrt(S1, rm, &h->fflags))))
INSN(fmadd_s,	0x00000043, 0x0600007f, R4, FP, ROUND(FD = BOX(egret_f32_fma(S1, S2, S3, rm, &h->fflags))))
INSN(fmsub_s,	0x00000047, 0x0600007f, R4, FP, ROUND(FD = BOX(egret_f32_fma(S1, S2, S3 ^ F32_SIGN, rm, &h->fflags))))
INSN(fnmsub_s,	0x0000004b, 0x0600007f, R4, FP, ROUND(FD = BOX(egret_f32_fma(S1 ^ F32_SIGN, S2, S3, rm, &h->fflags))))
INSN(fnmadd_s,	0x0000004f, 0x0600007f, R4, FP, ROUND(FD = BOX(egret_f32_fma(S1 ^ F32_SIGN, S2, S3 ^ F32_SIGN, rm, &h->fflags))))
INSN(fsgnj_s,	0x20000053, 0xfe00707f, FR, FP, FD = BOX((S1 & ~F32_SIGN) | (S2 & F32_SIGN)))
INSN(fsgnjn_s,	0x20001053, 0xfe00707f, FR, FP, FD = BOX((S1 & ~F32_SIGN) | (~S2 & F32_SIGN)))
INSN(fsgnjx_s,	0x20002053, 0xfe00707f, FR, FP, FD = BOX(S1 ^ (S2 & F32_SIGN)))
INSN(fmin_s,	0x28000053, 0xfe00707f, FR, FP, FD = BOX(egret_f32_min(S1, S2, &h->fflags)))
INSN(fmax_s,	0x28001053, 0xfe00707f, FR, FP, FD = BOX(egret_f32_max(S1, S2, &h->fflags)))
INSN(feq_s,	0xa0002053, 0xfe00707f, R, FP, RD = egret_f32_eq(S1, S2, &h->fflags))
INSN(flt_s,	0xa0001053, 0xfe00707f, R, FP, RD = egret_f32_lt(S1, S2, &h->fflags))
INSN(fle_s,	0xa0000053, 0xfe00707f, R, FP, RD = egret_f32_le(S1, S2, &h->fflags))
INSN(fclass_s,	0xe0001053, 0xfff0707f, R, FP, RD = egret_f32_class(S1))
INSN(fmv_x_w,	0xe0000053, 0xfff0707f, R, FP, RD = SEXT32(h->f[op->rs1]))
INSN(fmv_w_x,	0xf0000053, 0xfff0707f, FR, FP, FD = BOX((uint32_t)RS1))
INSN(fcvt_w_s,	0xc0000053, 0xfff0007f, XRM, FP, ROUND(RD = SEXT32(egret_f32_to_int(S1, EGRET_FP_W, rm, &h->fflags))))
INSN(fcvt_wu_s,	0xc0100053, 0xfff0007f, XRM, FP, ROUND(RD = SEXT32(egret_f32_to_int(S1, EGRET_FP_WU, rm, &h->fflags))))
INSN(fcvt_l_s,	0xc0200053, 0xfff0007f, XRM, FP, ROUND(RD = egret_f32_to_int(S1, EGRET_FP_L, rm, &h->fflags)))
INSN(fcvt_lu_s,	0xc0300053, 0xfff0007f, XRM, FP, ROUND(RD = egret_f32_to_int(S1, EGRET_FP_LU, rm, &h->fflags)))
INSN(fcvt_s_w,	0xd0000053, 0xfff0007f, FRM, FP, ROUND(FD = BOX(egret_f32_from_int(SEXT32(RS1), true, rm, &h->fflags))))
INSN(fcvt_s_wu,	0xd0100053, 0xfff0007f, FRM, FP, ROUND(FD = BOX(egret_f32_from_int((uint32_t)RS1, false, rm, &h->fflags))))
INSN(fcvt_s_l,	0xd0200053, 0xfff0007f, FRM, FP, ROUND(FD = BOX(egret_f32_from_int(RS1, true, rm, &h->fflags))))
INSN(fcvt_s_lu,	0xd0300053, 0xfff0007f, FRM, FP, ROUND(FD = BOX(egret_f32_from_int(RS1, false, rm, &h->fflags))))

/* RV64D */
INSN(fld,	0x00003007, 0x0000707f, FI, LOAD, LOAD(uint64_t); FD = v)
INSN(fsd,	0x00003027, 0x0000707f, FS, STORE, STORE(uint64_t, h->f[op->rs2]))
INSN(fadd_d,	0x02000053, 0xfe00007f, FRM, FP, ROUND(FD = egret_f64_add(D1, D2, rm, &h->fflags)))
INSN(fsub_d,	0x0a000053, 0xfe00007f, FRM, FP, ROUND(FD = egret_f64_add(D1, D2 ^ F64_SIGN, rm, &h->fflags)))
INSN(fmul_d,	0x12000053, 0xfe00007f, FRM, FP, ROUND(FD = egret_f64_mul(D1, D2, rm, &h->fflags)))
INSN(fdiv_d,	0x1a000053, 0xfe00007f, FRM, FDIV, ROUND(FD = egret_f64_div(D1, D2, rm, &h->fflags)))
INSN(fsqrt_d,	0x5a000053, 0xfff0007f, FRM, FDIV, ROUND(FD = egret_f64_sqrt(D1, rm, &h->fflags)))
INSN(fmadd_d,	0x02000043, 0x0600007f, R4, FP, ROUND(FD = egret_f64_fma(D1, D2, D3, rm, &h->fflags)))
INSN(fmsub_d,	0x02000047, 0x0600007f, R4, FP, ROUND(FD = egret_f64_fma(D1, D2, D3 ^ F64_SIGN, rm, &h->fflags)))
INSN(fnmsub_d,	0x0200004b, 0x0600007f, R4, FP, ROUND(FD = egret_f64_fma(D1 ^ F64_SIGN, D2, D3, rm, &h->fflags)))
INSN(fnmadd_d,	0x0200004f, 0x0600007f, R4, FP, ROUND(FD = egret_f64_fma(D1 ^ F64_SIGN, D2, D3 ^ F64_SIGN, rm, &h->fflags)))
INSN(fsgnj_d,	0x22000053, 0xfe00707f, FR, FP, FD = (D1 & ~F64_SIGN) | (D2 & F64_SIGN))
INSN(fsgnjn_d,	0x22001053, 0xfe00707f, FR, FP, FD = (D1 & ~F64_SIGN) | (~D2 & F64_SIGN))
INSN(fsgnjx_d,	0x22002053, 0xfe00707f, FR, FP, FD = D1 ^ (D2 & F64_SIGN))
INSN(fmin_d,	0x2a000053, 0xfe00707f, FR, FP, FD = egret_f64_min(D1, D2, &h->fflags))
INSN(fmax_d,	0x2a001053, 0xfe00707f, FR, FP, FD = egret_f64_max(D1, D2, &h->fflags))
INSN(feq_d,	0xa2002053, 0xfe00707f, R, FP, RD = egret_f64_eq(D1, D2, &h->fflags))
INSN(flt_d,	0xa2001053, 0xfe00707f, R, FP, RD = egret_f64_lt(D1, D2, &h->fflags))
INSN(fle_d,	0xa2000053, 0xfe00707f, R, FP, RD = egret_f64_le(D1, D2, &h->fflags))
INSN(fclass_d,	0xe2001053, 0xfff0707f, R, FP, RD = egret_f64_class(D1))
INSN(fmv_x_d,	0xe2000053, 0xfff0707f, R, FP, RD = D1)
INSN(fmv_d_x,	0xf2000053, 0xfff0707f, FR, FP, FD = RS1)
INSN(fcvt_w_d,	0xc2000053, 0xfff0007f, XRM, FP, ROUND(RD = SEXT32(egret_f64_to_int(D1, EGRET_FP_W, rm, &h->fflags))))
INSN(fcvt_wu_d,	0xc2100053, 0xfff0007f, XRM, FP, ROUND(RD = SEXT32(egret_f64_to_int(D1, EGRET_FP_WU, rm, &h->fflags))))
INSN(fcvt_l_d,	0xc2200053, 0xfff0007f, XRM, FP, ROUND(RD = egret_f64_to_int(D1, EGRET_FP_L, rm, &h->fflags)))
INSN(fcvt_lu_d,	0xc2300053, 0xfff0007f, XRM, FP, ROUND(RD = egret_f64_to_int(D1, EGRET_FP_LU, rm, &h->fflags)))
INSN(fcvt_d_w,	0xd2000053, 0xfff0007f, FRM, FP, ROUND(FD = egret_f64_from_int(SEXT32(RS1), true, rm, &h->fflags)))
INSN(fcvt_d_wu,	0xd2100053, 0xfff0007f, FRM, FP, ROUND(FD = egret_f64_from_int((uint32_t)RS1, false, rm, &h->fflags)))
INSN(fcvt_d_l,	0xd2200053, 0xfff0007f, FRM, FP, ROUND(FD = egret_f64_from_int(RS1, true, rm, &h->fflags)))
INSN(fcvt_d_lu,	0xd2300053, 0xfff0007f, FRM, FP, ROUND(FD = egret_f64_from_int(RS1, false, rm, &h->fflags)))
INSN(fcvt_s_d,	0x40100053, 0xfff0007f, FRM, FP, ROUND(FD = BOX(egret_f64_to_f32(D1, rm, &h->fflags))))
INSN(fcvt_d_s,	0x42000053, 0xfff0007f, FRM, FP, ROUND(FD = egret_f32_to_f64(S1, &h->fflags)))

/* Custom-0: the cluster's units (egret/isa.h); one word for each kind of operation */
INSN(egret_dma,	0x0000000b, 0xfe007fff, UNIT, UNIT, UNIT(EGRET_FUNCT3_DMA))
INSN(egret_matmul, 0x0000100b, 0xfe007fff, UNIT, UNIT, UNIT(EGRET_FUNCT3_MATMUL))
INSN(egret_map,	0x0000200b, 0xfe007fff, UNIT, UNIT, UNIT(EGRET_FUNCT3_MAP))
INSN(egret_reduce, 0x0000300b, 0xfe007fff, UNIT, UNIT, UNIT(EGRET_FUNCT3_REDUCE))
INSN(egret_quant, 0x0000400b, 0xfe007fff, UNIT, UNIT, UNIT(EGRET_FUNCT3_QUANT))
INSN(egret_wait, 0x0000600b, 0xfff07fff, UNIT, UNIT, UNIT(EGRET_FUNCT3_WAIT))
INSN(egret_poll, 0x0000700b, 0xfffff07f, UNIT, UNIT, UNIT(EGRET_FUNCT3_POLL))
