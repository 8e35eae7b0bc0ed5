// What the addon takes and gives of single files.

/** What is said of a state that becomes a single file. */
export interface NativeFileMetadata {
  readonly agent?: string;
  readonly session?: string;
  readonly index?: number;
  /** Milliseconds since 1970. */
  readonly time?: number;
  readonly label?: string;
  readonly description?: string;
  /** `json`: the state is the text of one JSON value. Any other fits into `.ks` files only. */
  readonly encoding: string;
  /** The user's own metadata, as the text of a JSON object. */
  readonly user?: string;
  /** The codec by name, for `.ks` files; zstd where left out. */
  readonly codec?: string;
}

/** A file, proven. */
export interface NativeFile {
  readonly state: Uint8Array;
  /** The JSON of its metadata. */
  readonly metadata: string;
}
