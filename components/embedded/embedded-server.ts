/** The contract of an embedded server: how it is asked for, what one gets. */
import type { Logger } from "../../lib/index.js";

/** The programs that can be embedded. */
export type ServerKind = "mongod" | "redis-server";

/** A private server that runs until `stop()`, or until the process that asked for it ends in whatever way. */
export interface EmbeddedServer {
  readonly kind: ServerKind;
  readonly host: string;
  readonly port: number;
  readonly uri: string;
  /** as the program states it, `6.0.5` */
  readonly version: string;
  /** absolute; also holds `server.log`, the log of the latest start */
  readonly dataDir: string;
  /** the folder goes with the server */
  readonly temporary: boolean;
  readonly pid: number;
  /** started by another process, found through the address file in the folder */
  readonly borrowed: boolean;
  /** Lets go of the server; it ends with the last who does. Resolves when it has ended, at once where others still use it. Idempotent. */
  stop(): Promise<void>;
}

/** How to start an embedded server; the defaults need nothing. */
export interface EmbeddedOptions {
  /** the folder that keeps the data, made where it is absent; default a temporary one */
  readonly data?: string | undefined;
  /** the program to run; default found or fetched, see `findServerBinary` */
  readonly binary?: string | undefined;
  /** default a free one; without effect on a server that runs already */
  readonly port?: number | undefined;
  /** gives up the start */
  readonly signal?: AbortSignal | undefined;
  /** hears of a fetch, with its progress, and of a server that ends unasked */
  readonly log?: Logger | undefined;
  /** further arguments for the program */
  readonly args?: readonly string[] | undefined;
}
