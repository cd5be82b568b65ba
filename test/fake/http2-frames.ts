/** Frames of HTTP/2 (RFC 9113) as a server of a test sends them, right or wrong. Header fields are literals without an index. */

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const END_STREAM = 1;
const END_HEADERS = 4;

export type Fields = readonly (readonly [name: string, value: string])[];

const block = (fields: Fields): Buffer =>
  Buffer.concat(
    fields.map(([name, value]) =>
      Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)]),
    ),
  );

export const settings = frame(4, 0, 0, Buffer.alloc(0));
/** Of the first request. */
export const headers = (fields: Fields, end = false): Buffer => frame(1, END_HEADERS | (end ? END_STREAM : 0), 1, block(fields));
export const data = (bytes: string | Uint8Array, end = false): Buffer => frame(0, end ? END_STREAM : 0, 1, Buffer.from(bytes));
export const reset = (code: number): Buffer => frame(3, 0, 1, number(code));
export const goaway = (last: number, code: number): Buffer => frame(7, 0, 0, Buffer.concat([number(last), number(code)]));
