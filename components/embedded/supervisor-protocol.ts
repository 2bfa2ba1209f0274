/** What a supervisor and the owners of its server say to each other, one JSON line a message. */
import type { ServerKind } from "./embedded-server.js";

/** What a supervisor is started with, beside the data folder. */
export interface Orders {
  readonly kind: ServerKind;
  readonly version: string;
  readonly port: number;
  /** the folder is removed when the server has ended */
  readonly temporary: boolean;
  readonly command: string;
  readonly args: readonly string[];
}

/** A server and where to join its owners; also the content of the address file in its folder. */
export interface Address {
  readonly kind: ServerKind;
  readonly version: string;
  readonly port: number;
  readonly temporary: boolean;
  readonly folder: string;
  /** the server's; 0 in the moment before it is spawned */
  readonly pid: number;
  /** the supervisor's process id */
  readonly supervisor: number;
  /** the loopback port on which the supervisor takes further owners */
  readonly control: number;
}

/** How a server ended. */
export interface Ending {
  /** never spawned: another supervisor has the folder */
  readonly taken?: boolean;
  /** never spawned: why not */
  readonly error?: string;
  readonly code?: number | null;
  readonly signal?: string | null;
  /** the end of its log */
  readonly log: readonly string[];
}

/** From the supervisor to an owner: first `running`, last `ended`, or `released` where other owners remain. */
export interface Message {
  readonly running?: Address;
  readonly ended?: Ending;
  readonly released?: true;
}

/** In the data folder: the `Address` of the server that runs on it. */
export const ADDRESS_FILE = "millrace-address.json";
/** In the data folder: what the server says. */
export const LOG_FILE = "server.log";
