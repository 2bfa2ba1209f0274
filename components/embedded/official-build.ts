/** Takes mongod out of the official build for this machine. */
import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { promisify } from "node:util";
import { anySignal } from "../any-signal.js";
import { verify } from "./checksum.js";
import type { FetchContext } from "./fetch-binary.js";
import { withProgress } from "./fetch-progress.js";

/** Where the official builds are. */
export const OFFICIAL_BUILDS = "https://fastdl.mongodb.org";

const VERSION = "7.0.14";
const REACH_MS = 1_000;

const LINUX_BUILDS: readonly (readonly [RegExp, string])[] = [
  [/^ubuntu 2[2-9]|^debian 1[2-9]/, "ubuntu2204"],
  [/^ubuntu 2[01]/, "ubuntu2004"],
  [/^debian 11/, "debian11"],
  [/^(rhel|centos|rocky|almalinux|ol) (9|1\d)/, "rhel90"],
  [/^(rhel|centos|rocky|almalinux|ol) 8/, "rhel80"],
  [/^amzn 2023/, "amazon2023"],
  [/^amzn 2$/, "amazon2"],
];

/** The build's path below the base address; undefined where there is none for the machine. */
export function officialPath(platform: string, arch: string, osRelease: string): string | undefined {
  const machine = { x64: "x86_64", arm64: platform === "darwin" ? "arm64" : "aarch64" }[arch];
  if (machine === undefined) return undefined;
  if (platform === "darwin") return `osx/mongodb-macos-${machine}-${VERSION}.tgz`;
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)`, "m").exec(osRelease)?.[1] ?? "";
  const system = `${field("ID")} ${field("VERSION_ID")}`;
  const build = platform === "linux" && LINUX_BUILDS.find(([pattern]) => pattern.test(system))?.[1];
  return build ? `linux/mongodb-linux-${machine}-${build}-${VERSION}.tgz` : undefined;
}

/** Fetches into `folder`; resolves to the program's path there. Whether the site can be reached is known within a second. */
export async function fetchOfficial(base: string, { program, folder, log, signal }: FetchContext): Promise<string> {
  const path = officialPath(process.platform, process.arch, await readFile("/etc/os-release", "utf8").catch(() => ""));
  if (path === undefined) throw new Error(`there is none for ${process.platform} ${process.arch}`);
  const expected = await expectedSum(`${base}/${path}.sha256`, signal);
  const archive = join(folder, "build.tgz");
  const response = await get(`${base}/${path}`, signal);
  const bytes = Number(response.headers.get("content-length")) || 80_000_000;
  await withProgress(log, `${program.kind} ${VERSION}`, folder, bytes, () =>
    pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(archive), { signal }),
  );
  await verify(archive, expected);
  const unpacked = join(folder, "build");
  await mkdir(unpacked);
  await promisify(execFile)("tar", ["-xzf", archive, "-C", unpacked], { signal });
  return join(unpacked, (await readdir(unpacked))[0] ?? "", "bin", program.kind);
}

async function expectedSum(url: string, signal: AbortSignal): Promise<string> {
  const text = await (await get(url, anySignal(signal, AbortSignal.timeout(REACH_MS)))).text();
  return text.trim().split(/\s+/)[0] ?? "";
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    throw new Error(`${new URL(url).host} cannot be reached`, { cause });
  });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return response;
}
