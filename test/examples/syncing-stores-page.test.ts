/** The page of syncing-stores in a real browser: both stores side by side, live. */
import { expect } from "chai";
import type { Browser, Page } from "playwright-core";
import { launchChromium, NoBrowserError } from "../support/chromium.js";
import { SyncingStoresSite, until, type Service } from "../support/syncing-stores.js";

type Store = "mongo" | "redis";

const LONGEST_MS = 40_000;

describe("the page of syncing-stores", function () {
  this.timeout(180_000);
  let browser: Browser | undefined;
  let site: SyncingStoresSite;
  let service: Service;
  let page: Page;
  const broken: string[] = [];

  before(async function () {
    try {
      browser = await launchChromium();
    } catch (error) {
      if (!(error instanceof NoBrowserError)) throw error;
      console.log(error.message);
      this.skip();
    }
    site = await SyncingStoresSite.open();
    service = await site.start();
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
    await site?.close();
  });
  beforeEach(async () => {
    page = await (browser as Browser).newPage();
    page.setDefaultTimeout(LONGEST_MS);
    page.on("pageerror", (error) => broken.push(String(error)));
    await page.goto(service.url);
    await page.getByText(/all equal$/).waitFor();
  });
  afterEach(async () => {
    await page?.close();
    expect(broken).to.deep.equal([]);
  });

  /** The cell of a customer in one column. */
  const cell = (store: Store, uid: string) => page.locator(`.row[data-uid="${uid}"] .cell[data-store="${store}"]`);
  const shown = (store: Store, uid: string, text: string) => cell(store, uid).locator(".show", { hasText: text }).waitFor();
  const head = (store: Store) => page.locator(`.head[data-store="${store}"]`);
  const column = (store: Store) => page.locator(`.cell[data-store="${store}"]`);

  /** The uid of the customer with this name, once the page has it. */
  async function uidOf(name: string): Promise<string> {
    const row = page.locator(".row", { hasText: name }).first();
    return (await row.getAttribute("data-uid")) ?? "";
  }

  /** What the page says that a change took. */
  const took = async (store: Store, uid: string) => expect(await cell(store, uid).locator(".took").textContent()).to.match(/^\d+ ms$/);

  for (const [store, other, name] of [
    ["mongo", "redis", "MongoDB"],
    ["redis", "mongo", "Redis"],
  ] as const) {
    it(`adds a customer in ${name}, and shows it arrive on the other side, with its lag`, async () => {
      await head(store).getByLabel(`Name of a new customer in ${name}`).fill(`Added in ${name}`);
      await head(store).getByLabel(`Address of a new customer in ${name}`).fill("1 Page Street");
      await head(store)
        .getByRole("button", { name: `Add in ${name}` })
        .click();
      const uid = await uidOf(`Added in ${name}`);
      await Promise.all([shown(store, uid, "1 Page Street"), shown(other, uid, "1 Page Street"), took(other, uid)]);
      expect(await cell(store, uid).locator(".took").count()).to.equal(0);
      expect(await head(other).locator("output").textContent()).to.match(/^from \w+: \d+ ms \(median \d+ ms\)$/);
      expect(await head(other).locator("svg rect").count()).to.be.greaterThan(0);
      await page.getByText(/both stores up, all equal$/).waitFor();
      for (const version of ["v1", "v2"] as const) expect((await service.list(version)).map((one) => one.uid)).to.include(uid);
    });

    it(`edits a customer in ${name}, and shows the change on the other side`, async () => {
      const uid = await service.add("v1", `Edited in ${name}`);
      await shown(other, uid, `Edited in ${name}`);
      await cell(store, uid).locator(".show").click();
      await cell(store, uid).getByLabel(`Address in ${name}`).fill("2 Changed Street");
      await cell(store, uid).getByRole("button", { name: "Save" }).click();
      await Promise.all([shown(other, uid, "2 Changed Street"), shown(store, uid, "2 Changed Street"), took(other, uid)]);
    });

    it(`deletes a customer in ${name} when asked twice, and both sides are rid of it`, async () => {
      const uid = await service.add("v2", `Deleted in ${name}`);
      await shown(store, uid, `Deleted in ${name}`);
      const remove = cell(store, uid).locator(".delete");
      await remove.click();
      expect(await remove.textContent()).to.equal("delete?");
      await remove.click();
      await page.locator(`.row[data-uid="${uid}"]`).waitFor({ state: "detached" });
      await service.answering(`/v1/customer/${uid}`, 404);
      await service.answering(`/v2/customer/${uid}`, 404);
    });
  }

  it("shows what others write past the service, where they wrote it and where it arrived", async () => {
    await site.withDatabase((db) => db.collection("users").insertOne({ uid: "by-hand", name: "By hand", address: "a shell" }));
    await Promise.all([shown("mongo", "by-hand", "a shell"), shown("redis", "by-hand", "a shell")]);
    await service.delete("/v1/customer/by-hand");
    await page.locator('.row[data-uid="by-hand"]').waitFor({ state: "detached" });
  });

  it("flashes a change where it was made and where it arrives", async () => {
    await page.evaluate(`
      flashes = [];
      const { animate } = Element.prototype;
      Element.prototype.animate = function (frames, options) {
        flashes.push([this.dataset.store, frames[0].backgroundColor]);
        return animate.call(this, frames, options);
      };`);
    const uid = await service.add("v2", "Flashing");
    await shown("mongo", uid, "Flashing");
    const flashes = [
      ["redis", "var(--made)"],
      ["mongo", "var(--came)"],
    ];
    expect(await page.evaluate("flashes")).to.deep.equal(flashes);
    // Written past the service, it is seen when it arrives.
    await site.withDatabase((db) => db.collection("users").updateOne({ uid }, { $set: { address: "past the service" } }));
    await shown("redis", uid, "past the service");
    expect(await page.evaluate("flashes")).to.deep.equal([...flashes, ["mongo", "var(--made)"], ["redis", "var(--came)"]]);
  });

  it("leaves a field alone in which somebody writes, whatever arrives meanwhile", async () => {
    const uid = await service.add("v1", "Contested");
    await shown("redis", uid, "Contested");
    await cell("redis", uid).locator(".show").click();
    await cell("redis", uid).getByLabel("Name in Redis").fill("Half wri");
    await service.put(`/v1/customer/${uid}`, { name: "Contested", address: "elsewhere" });
    await shown("mongo", uid, "elsewhere");
    await service.answering(`/v2/customer/${uid}`, 200, { address: "elsewhere" });
    expect(await cell("redis", uid).getByLabel("Name in Redis").inputValue()).to.equal("Half wri");
    await page.keyboard.press("Escape");
    await shown("redis", uid, "elsewhere");
  });

  it("says what is wrong where a customer is refused", async () => {
    await head("redis").getByLabel("Name of a new customer in Redis").fill(" ");
    await head("redis").getByLabel("Address of a new customer in Redis").fill("nowhere");
    await head("redis").getByRole("button").click();
    await head("redis").getByText("name is empty").waitFor();
  });

  it("is used with the keyboard alone", async () => {
    await page.getByLabel("Name of a new customer in MongoDB").focus();
    await page.keyboard.type("Keys");
    await page.keyboard.press("Tab");
    await page.keyboard.type("3 Key Street");
    await page.keyboard.press("Enter");
    const uid = await uidOf("Keys");
    await shown("redis", uid, "Keys");
    // Back in the field for the next one; the newest customer is right below.
    await until("the focus is back", async () => expect(await focused(page)).to.equal("Name of a new customer in MongoDB"));
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    expect(await focused(page)).to.equal("Keys, 3 Key Street: edit in Redis");
    await page.keyboard.press("Enter");
    await page.keyboard.type("Other keys");
    await page.keyboard.press("Enter");
    await shown("mongo", uid, "Other keys");
    await until("the focus is back", async () => expect(await focused(page)).to.equal("Other keys, 3 Key Street: edit in Redis"));
    await page.keyboard.press("Delete");
    await page.keyboard.press("Enter");
    await page.locator(`.row[data-uid="${uid}"]`).waitFor({ state: "detached" });
  });

  it("is light and dark, and can be read in both", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const colours = await page.evaluate("(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))");
      const [text, ground] = (colours as string[]).map((one) => (one.match(/\d+/g) ?? []).slice(0, 3).map(Number));
      const lightness = (rgb: readonly number[] = []) => rgb.reduce((sum, one) => sum + one, 0) / 3;
      expect(lightness(ground) > 128, colorScheme).to.equal(colorScheme === "light");
      expect(Math.abs(lightness(text) - lightness(ground)), colorScheme).to.be.greaterThan(150);
    }
  });

  it("has a name for every field and button", async () => {
    const uid = await service.add("v1", "Named");
    await shown("redis", uid, "Named");
    await cell("redis", uid).locator(".show").click();
    const nameless = await page.evaluate(`[...document.querySelectorAll("button, input")]
      .filter((one) => !(one.getAttribute("aria-label") ?? one.textContent).trim())
      .map((one) => one.outerHTML)`);
    expect(nameless).to.deep.equal([]);
  });

  it("stays at work with 500 customers, while all of them change", async () => {
    const uids = Array.from({ length: 500 }, (_, index) => `many-${index}`);
    const documents = uids.map((uid) => ({ uid, name: "Many", address: uid }));
    await site.withDatabase((db) => db.collection("users").insertMany(documents));
    await until("all are there", async () => expect(await page.locator('.row[data-uid^="many"] .show').count()).to.equal(1_000));
    await page.evaluate(`
      longest = 0;
      let last = performance.now();
      (function look() {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
        requestAnimationFrame(look);
      })();`);
    await Promise.all(uids.map((uid) => service.put(`/v2/customer/${uid}`, { name: "Many", address: "moved" })));
    await until("all have moved", async () => expect(await column("mongo").filter({ hasText: "moved" }).count()).to.equal(500));
    // A frozen page would take far longer; a busy machine takes some time too.
    expect(await page.evaluate("longest")).to.be.lessThan(5_000);
    await page.getByText(/all equal$/).waitFor();
  });

  for (const [store, up, name] of [
    ["redis", "mongo", "Redis"],
    ["mongo", "redis", "MongoDB"],
  ] as const) {
    it(`greys the column of ${name} while it is down, says so, and has everything afterwards`, async () => {
      const uid = await service.add("v1", `Before ${name}`);
      await shown("redis", uid, `Before ${name}`);
      const greyed = (of: Store) =>
        page.evaluate(`getComputedStyle(document.querySelector('.row[data-uid="${uid}"] .cell[data-store="${of}"]')).filter`);
      expect(await greyed(store)).to.equal("none");
      const { pid } = site.servers[store];
      process.kill(pid, "SIGSTOP");
      let added = "";
      try {
        await head(store).getByText("does not answer: ").waitFor();
        await page.getByText(`${name} down`).waitFor();
        expect(await greyed(store)).to.equal("grayscale(1)");
        expect(await greyed(up)).to.equal("none");
        expect(await head(store).getByRole("button").isDisabled()).to.equal(true);
        added = await service.add(up === "mongo" ? "v1" : "v2", `While ${name} is down`);
        await shown(up, added, `While ${name} is down`);
        await cell(store, added).getByText(`not in ${name}`).waitFor();
      } finally {
        process.kill(pid, "SIGCONT");
      }
      await shown(store, added, `While ${name} is down`);
      await page.getByText(/both stores up, all equal$/).waitFor();
      expect(await greyed(store)).to.equal("none");
    });
  }

  it("says that the service is gone, and goes on by itself when it is back", async () => {
    const { port } = new URL(service.url);
    await service.stop();
    await page.getByText("The service does not answer. It is tried again.").waitFor();
    service = await site.start(`http/port=${port}`);
    await page.getByText("The service does not answer. It is tried again.").waitFor({ state: "hidden" });
    const uid = await service.add("v2", "Back");
    await shown("mongo", uid, "Back");
  });
});

/** The accessible name of what has the focus. */
function focused(page: Page): Promise<string | undefined> {
  return page.evaluate("document.activeElement?.getAttribute('aria-label')");
}
