/** The example syncing-stores while one of its stores is down. */
import { expect } from "chai";
import { SyncingStoresSite, until, type Service } from "../support/syncing-stores.js";

const ADA = { name: "Ada", address: "12 Mill Lane" };

describe("the example syncing-stores without one of its stores", () => {
  let site: SyncingStoresSite;
  let service: Service;
  before(async () => {
    site = await SyncingStoresSite.open();
    service = await site.start();
  });
  after(async () => {
    await service?.stop();
    await site?.close();
  });

  for (const [store, down, up, name] of [
    ["redis", "v2", "v1", "Redis"],
    ["mongo", "v1", "v2", "MongoDB"],
  ] as const) {
    for (const [how, take, giveBack] of [
      ["killed", () => site.kill(store), () => site.revive(store)],
      [
        "stalled",
        () => process.kill(site.servers[store].pid, "SIGSTOP"),
        async () => void process.kill(site.servers[store].pid, "SIGCONT"),
      ],
    ] as const) {
      it(`answers 503 and a reason on /${down} while ${name} is ${how}, goes on on /${up}, and catches up`, async function () {
        this.timeout(180_000);
        const kept = await service.add(down, "Kept");
        const gone = await service.add(down, "Gone");
        for (const uid of [kept, gone]) await service.answering(`/${up}/customer/${uid}`, 200);

        take();
        let added = "";
        try {
          await service.answering(`/${down}/customers`, 503);
          for (const answer of await Promise.all([
            service.get(`/${down}/customer/${kept}`),
            service.post(`/${down}/customer`, ADA),
            service.put(`/${down}/customer/${kept}`, ADA),
            service.delete(`/${down}/customer/${gone}`),
          ])) {
            expect(answer).to.deep.include({ status: 503 });
            expect(answer.body).to.include({ statusCode: 503, error: "Service Unavailable" });
            expect((answer.body as Error).message).to.match(new RegExp(`^${name} (?:does not answer|cannot do it): .+$`));
          }
          added = await service.add(up, "Meanwhile");
          expect((await service.put(`/${up}/customer/${kept}`, { name: "Changed", address: "meanwhile" })).status).to.equal(200);
          expect((await service.delete(`/${up}/customer/${gone}`)).status).to.equal(200);
          await service.answering("/readyz", 503);
          expect((await service.get("/healthz")).status).to.equal(200);
        } finally {
          await giveBack();
        }

        await service.answering(`/${down}/customer/${added}`, 200, { name: "Meanwhile" });
        await service.answering(`/${down}/customer/${kept}`, 200, { name: "Changed", address: "meanwhile" });
        await service.answering(`/${down}/customer/${gone}`, 404);
        await until("both stores are equal", async () => expect(await service.list("v2")).to.deep.equal(await service.list("v1")));
        await service.answering("/readyz", 200, { ready: true });
      });
    }
  }
});
