/** `npm run pictures`: the page of syncing-stores at each step of its README, into examples/syncing-stores/page-*.png. */
import { launchChromium } from "./chromium.js";
import { SyncingStoresSite } from "./syncing-stores.js";

const FOLDER = "examples/syncing-stores";
const ADA = { name: "Ada Lovelace", address: "12 Mill Lane" };
const GRACE = { name: "Grace Hopper", address: "1 Navy Yard" };

const site = await SyncingStoresSite.open();
const service = await site.start();
const browser = await launchChromium();
const page = await browser.newPage({ viewport: { width: 1080, height: 350 }, colorScheme: "light" });
await page.goto(service.url);
await page.getByText("There are no customers yet").waitFor();

const ada = await made("v1", ADA);
await picture("new-v1", "redis", ada);
await service.put(`/v2/customer/${ada}`, { ...ADA, address: "13 Mill Lane" });
await picture("update-v2", "mongo", ada, "13 Mill Lane");
const grace = await made("v2", GRACE);
await picture("new-v2", "mongo", grace);
await service.put(`/v1/customer/${grace}`, { ...GRACE, address: "2 Navy Yard" });
await picture("update-v1", "redis", grace, "2 Navy Yard");

await page.emulateMedia({ colorScheme: "dark" });
process.kill(site.servers.redis.pid, "SIGSTOP");
try {
  await page.getByText("does not answer: ").waitFor();
  await service.post("/v1/customer", { name: "Edsger Dijkstra", address: "while Redis is away" });
  await page.getByText("1 not equal").waitFor();
  await saved("down");
} finally {
  process.kill(site.servers.redis.pid, "SIGCONT");
}

await browser.close();
await service.stop();
await site.close();

async function made(version: "v1" | "v2", customer: object): Promise<string> {
  return ((await service.post(`/${version}/customer`, customer)).body as { uid: string }).uid;
}

/** As soon as the change has arrived, while it still flashes. */
async function picture(name: string, store: "mongo" | "redis", uid: string, address = ""): Promise<void> {
  const cell = page.locator(`.row[data-uid="${uid}"] .cell[data-store="${store}"]`, { hasText: address });
  await cell.locator(".took").waitFor();
  await saved(name);
}

async function saved(name: string): Promise<void> {
  const path = `${FOLDER}/page-${name}.png`;
  await page.screenshot({ path });
  console.log(path);
}
