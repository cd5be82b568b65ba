// The kernel without its packing: qemu starts it in its 64 bits, and the emulated processor need not unpack it at every boot (2 s of a core).
import { spawnSync } from 'node:child_process';

/** Offsets in a bzImage (Documentation/arch/x86/boot.rst): setup sectors, "HdrS", and where after the setup the packed kernel lies. */
const SETUP_SECTORS = 0x1f1;
const MAGIC = 0x202;
const PAYLOAD = { offset: 0x248, length: 0x24c };
const SECTOR = 512;
const XZ = Buffer.from('fd377a585a00', 'hex');
/** The ELF note that says where PVH starts such a kernel: name of 4, value of 8 bytes, type XEN_ELFNOTE_PHYS32_ENTRY, "Xen". */
const PVH_NOTE = Buffer.from('040000000800000012000000' + '58656e00', 'hex');
const MAX_BYTES = 1 << 28;

/** The ELF file within a bzImage; undefined where it is packed otherwise, or qemu could not start it. */
export function unpackKernel(image) {
  if (image.length < 0x250 || image.toString('latin1', MAGIC, MAGIC + 4) !== 'HdrS') return undefined;
  const start = (image[SETUP_SECTORS] + 1) * SECTOR + image.readUInt32LE(PAYLOAD.offset);
  // The last four bytes are its length unpacked, and no part of the xz file.
  const packed = image.subarray(start, start + image.readUInt32LE(PAYLOAD.length) - 4);
  if (!packed.subarray(0, XZ.length).equals(XZ)) return undefined;
  const { status, stdout } = spawnSync('xz', ['-dc'], { input: packed, maxBuffer: MAX_BYTES });
  return status === 0 && stdout.includes(PVH_NOTE) ? stdout : undefined;
}
