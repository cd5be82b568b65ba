/**
 * What every key of lbd.yaml is, in plain sentences: the JSON Schema, lbd.yaml(5) and the hints of editors are made of this and of the
 * schema, which has types and ranges. Read by the build alone; no part of lbd loads it.
 */

export interface Doc {
  /** What it is, and what comes of it. Unit and range are the schema's. */
  readonly text: string;
  /** What holds where it is left out. Absent: nothing does, or the text says it. */
  readonly usual?: string | number | boolean;
  /** Of a mapping, or of the mappings of a list. */
  readonly keys?: Docs;
}

export type Docs = Readonly<Record<string, Doc | string>>;
