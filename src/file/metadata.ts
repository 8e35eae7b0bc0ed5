/** What a single file says of the state in it. */

/** The metadata of a single file. */
export interface FileMetadata {
  readonly agent?: string;
  readonly session?: string;
  /** The number of the snapshot, for whoever counts. */
  readonly index?: number;
  /** When it was saved (ISO 8601, UTC). */
  readonly time: string;
  readonly label?: string;
  readonly description?: string;
  /** How the state became bytes. */
  readonly encoding: string;
  /** The length of the encoded state. */
  readonly size: number;
  /** `sha256:` and hex digits, of exactly the bytes of the encoded state. */
  readonly hash: string;
  /** The user's own. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** What may be said of a state when it is saved to a file. */
export interface FileSaveOptions {
  readonly agent?: string | undefined;
  readonly session?: string | undefined;
  readonly index?: number | undefined;
  readonly label?: string | undefined;
  readonly description?: string | undefined;
  /** What JSON can hold, by name. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** For `.ks` files: the codec, by name; zstd where left out. */
  readonly codec?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}
